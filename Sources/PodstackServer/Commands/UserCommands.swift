import PodstackAPI
import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#endif

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `podstack-server user`: the accounts and their users.
enum UserCommands {
    static let all = [add, link, disable, enable, list]

    static let email = Argument("EMAIL", summary: "the email address of the user")

    // MARK: - Accounts and sign-in links

    private static let add = ServerCommand(
        "user", "add",
        summary: "Create an account with its first user. Prints the ID of the account, and a link that works once, to "
            + "choose a password for the dashboard.",
        arguments: [email],
        flags: [
            Flag("name", value: "NAME", summary: "the name of the user"),
            Flag("password-stdin", summary: "read the password from standard input, and print no link"), .publicURL,
        ]
    ) { arguments in
        let email = arguments.positional[0]
        guard EmailAddress.isValid(email) else {
            throw UsageError("EMAIL: \"\(Arguments.displayed(email))\" is not an email address")
        }
        let directory = try arguments.dataDirectory()
        let service = try Service(directory: directory, database: try arguments.database())
        let name: String?
        do throws(InvalidValue) { name = try arguments.value("name").map(ResourceName.validate) } catch {
            throw UsageError("--name \(error.message)")
        }
        let password = arguments.has("password-stdin") ? try readPassword(for: email) : nil
        let hash = try password.map { try PasswordHasher().hash($0) }
        do {
            let (account, link) = try service.changes.perform(by: .administrator, at: service.now()) { change in
                let user = try AccountCreation.create(email: email, name: name, in: change)
                if let hash { try UserStore.setPasswordHash(hash, userID: user.id, in: change.connection) }
                return (user.accountID, hash == nil ? try service.signIn.links.create(for: user.id, in: change) : nil)
            }
            FirstAccountOffer.removeFile(in: directory)
            StandardStream.output.write(account + "\n")
            if let link { print(link, at: try ServiceAddress.find(arguments, in: directory)) }
        } catch is UserStore.EmailTaken {
            throw SetupFailure(
                "\(email) already has an account; podstack-server user link creates a sign-in link for it")
        }
    }

    private static let link = ServerCommand(
        "user", "link", summary: "Print a link that works once, to choose a new password.",
        arguments: [email], flags: [.publicURL]
    ) { arguments in
        let email = arguments.positional[0]
        let directory = try arguments.dataDirectory()
        let service = try Service(directory: directory, database: try arguments.database())
        guard let user = try service.database.read({ try UserStore.find(email: email, in: $0) }) else {
            throw SetupFailure("no user has the email address \(email): podstack-server user add creates an account")
        }
        guard user.disabledAt == nil else {
            throw SetupFailure("\(email) is disabled, so a link would not work: podstack-server user enable first")
        }
        let link = try service.changes.perform(by: .administrator, at: service.now()) {
            try service.signIn.links.create(for: user.id, in: $0)
        }
        print(link, at: try ServiceAddress.find(arguments, in: directory))
    }

    private static func print(_ link: OneTimeSecret, at address: String) {
        StandardStream.output.write("\(address)\(Link("/welcome", link.text).text)\n")
    }

    /// Returns the first line of standard input, which must not be a terminal: it would show the password.
    private static func readPassword(for email: String) throws -> String {
        guard !StandardInput.isTerminal else {
            throw UsageError(
                "--password-stdin does not read a terminal: podstack-server user add EMAIL --password-stdin <FILE")
        }
        guard let line = readLine(strippingNewline: true) else {
            throw UsageError("--password-stdin: there is no password to read on standard input")
        }
        if let defect = Password.problem(line, email: email) {
            throw UsageError("--password-stdin: the password \(defect)")
        }
        return line
    }

    // MARK: - Disabling and enabling

    private static let disable = ServerCommand(
        "user", "disable", summary: "Reject the tokens and sign-ins of a user, and end all sessions of the user.",
        arguments: [email]
    ) { try set(isDisabled: true, $0) }

    private static let enable = ServerCommand(
        "user", "enable", summary: "Accept the tokens and sign-ins of a disabled user again.", arguments: [email]
    ) { try set(isDisabled: false, $0) }

    private static func set(isDisabled: Bool, _ arguments: Arguments) throws {
        let email = arguments.positional[0]
        let service = try arguments.service()
        let hasChanged = try service.changes.perform(by: .administrator, at: service.now()) { change in
            guard let user = try UserStore.find(email: email, in: change.connection) else {
                throw SetupFailure("no user has the email address \(email)")
            }
            return try UserService.setDisabled(isDisabled, user, in: change)
        }
        let state = isDisabled ? "disabled" : "enabled"
        StandardStream.output.write("\(email) is \(hasChanged ? "" : "already ")\(state)\n")
    }

    // MARK: - List

    private static let list = ServerCommand(
        "user", "list",
        summary: "List the users, one per line, with tabs between: email address, account, creation time, state."
    ) { arguments in
        let service = try arguments.service()
        var last = ""
        while true {
            let page = try service.database.read { try UserStore.list(after: last, limit: 500, in: $0) }
            for user in page {
                let state = user.disabledAt.map { "disabled \(Timestamp.format(Date($0)))" } ?? "active"
                let columns = [user.email, user.accountID, Timestamp.format(Date(user.createdAt)), state]
                StandardStream.output.write(columns.joined(separator: "\t") + "\n")
            }
            guard let end = page.last else { return }
            last = EmailAddress.key(end.email)
        }
    }
}
