import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `podstack-server user disable EMAIL`, `user enable EMAIL` and `user list`.
enum UserCommand {
    static let flags: [String] = []

    static func set(isDisabled: Bool, _ flags: Flags) throws {
        let email = try flags.positional(["EMAIL"])[0]
        let service = try Service(directory: try flags.dataDirectory(), database: try flags.database())
        let isNews = try service.changes.make(by: .administrator, at: service.now()) { change in
            guard let user = try ListedUser.find(email: email, in: change.connection) else {
                throw SetupFailure("nobody has the address \(email)")
            }
            return try AccountStore.setDisabled(isDisabled, user, in: change)
        }
        let state = isDisabled ? "disabled" : "enabled"
        StandardStream.output.write(isNews ? "\(email) is \(state)\n" : "\(email) was \(state) already\n")
    }

    /// A line each, with tabs between: address, account, when it was made, and what it is.
    static func list(_ flags: Flags) throws {
        _ = try flags.positional([])
        let service = try Service(directory: try flags.dataDirectory(), database: try flags.database())
        var last = ""
        while true {
            let page = try service.database.read { try ListedUser.list(after: last, limit: 500, in: $0) }
            for user in page {
                let state = user.disabledAt.map { "disabled \(Timestamp.format(Date($0)))" } ?? "active"
                let words = [user.email, user.accountID, Timestamp.format(Date(user.createdAt)), state]
                StandardStream.output.write(words.joined(separator: "\t") + "\n")
            }
            guard let end = page.last else { return }
            last = end.email.lowercased()
        }
    }
}
