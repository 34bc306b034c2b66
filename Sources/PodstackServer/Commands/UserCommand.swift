import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension ServerCommand {
    static let userDisable = ServerCommand(
        words: ["user", "disable"], arguments: ["EMAIL"],
        summary: "Refuse a user's tokens and sign-ins from now on, and sign them out everywhere."
    ) { try UserCommand.set(isDisabled: true, $0) }

    static let userEnable = ServerCommand(
        words: ["user", "enable"], arguments: ["EMAIL"], summary: "Let them in again: their tokens work as before."
    ) { try UserCommand.set(isDisabled: false, $0) }

    static let userList = ServerCommand(
        words: ["user", "list"],
        summary: "Everybody, a line each: address, account, since when, active or disabled.", run: UserCommand.list)
}

private enum UserCommand {
    static func set(isDisabled: Bool, _ flags: Flags) throws {
        let email = flags.positional[0]
        let service = try Service(directory: try flags.dataDirectory(), database: try flags.database())
        let isNews = try service.changes.perform(by: .administrator, at: service.now()) { change in
            guard let user = try UserStore.find(email: email, in: change.connection) else {
                throw SetupFailure("nobody has the address \(email)")
            }
            return try UserService.setDisabled(isDisabled, user, in: change)
        }
        let state = isDisabled ? "disabled" : "enabled"
        StandardStream.output.write(isNews ? "\(email) is \(state)\n" : "\(email) was \(state) already\n")
    }

    /// A line each, with tabs between: address, account, when it was made, and what it is.
    static func list(_ flags: Flags) throws {
        let service = try Service(directory: try flags.dataDirectory(), database: try flags.database())
        var last = ""
        while true {
            let page = try service.database.read { try UserStore.list(after: last, limit: 500, in: $0) }
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
