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
    static let all = [add, link, disable, enable, setOperator, remove, list]

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
        ],
        examples: [
            "podstack-server user add you@example.com --name You",
            "podstack-server user add you@example.com --password-stdin <password.txt",
        ]
    ) { arguments in
        let email = arguments.positional[0]
        guard EmailAddress.isValid(email) else {
            throw UsageError("EMAIL: \"\(Arguments.displayed(email))\" is not an email address")
        }
        let directory = try arguments.dataDirectory()
        let service = try arguments.service()
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
        arguments: [email], flags: [.publicURL], examples: ["podstack-server user link you@example.com"]
    ) { arguments in
        let email = arguments.positional[0]
        let directory = try arguments.dataDirectory()
        let service = try arguments.service()
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
        arguments: [email], examples: ["podstack-server user disable you@example.com"]
    ) { try set(isDisabled: true, $0) }

    private static let enable = ServerCommand(
        "user", "enable", summary: "Accept the tokens and sign-ins of a disabled user again.", arguments: [email],
        examples: ["podstack-server user enable you@example.com"]
    ) { try set(isDisabled: false, $0) }

    private static func set(isDisabled: Bool, _ arguments: Arguments) throws {
        let email = arguments.positional[0]
        let service = try arguments.service()
        let (hasChanged, pods) = try service.changes.perform(by: .administrator, at: service.now()) { change in
            guard let user = try UserStore.find(email: email, in: change.connection) else {
                throw SetupFailure("no user has the email address \(email)")
            }
            return (
                try UserService.setDisabled(isDisabled, user, in: change),
                try PodStore.countAlive(userID: user.id, in: change.connection)
            )
        }
        let state = isDisabled ? "disabled" : "enabled"
        StandardStream.output.write("\(email) is \(hasChanged ? "" : "already ")\(state)\n")
        if isDisabled, pods > 0 {
            StandardStream.output.write(
                "\(counted(pods, "pod")) that the user created \(pods == 1 ? "is" : "are") not stopped, and "
                    + "\(pods == 1 ? "its" : "their") own tokens are rejected\n")
        }
    }

    // MARK: - Operators

    private static let setOperator = ServerCommand(
        "user", "operator",
        summary: "Make a user an operator, who manages the accounts of the service in the dashboard.",
        arguments: [email],
        flags: [Flag("remove", summary: "take the role away")],
        examples: [
            "podstack-server user operator you@example.com", "podstack-server user operator you@example.com --remove",
        ]
    ) { arguments in
        let email = arguments.positional[0]
        let isOperator = !arguments.has("remove")
        let service = try arguments.service()
        let hasChanged = try service.changes.perform(by: .administrator, at: service.now()) { change in
            guard let user = try UserStore.find(email: email, in: change.connection) else {
                throw SetupFailure("no user has the email address \(email)")
            }
            return try UserService.setOperator(isOperator, user, in: change)
        }
        let state =
            isOperator
            ? "is \(hasChanged ? "now" : "already") an operator"
            : hasChanged ? "is no longer an operator" : "is not an operator"
        StandardStream.output.write("\(TerminalText.printable(email)) \(state)\n")
    }

    // MARK: - List

    /// A user as `user list --output json` prints it.
    private struct Listed: Encodable {
        var id: String
        var accountID: String
        var email: String
        var name: String?
        var status: String
        var createdAt: Date
        var disabledAt: Date?
        var lastSignInAt: Date?
        var activeTokens: Int64
        var sessions: Int64
        var isOperator: Bool

        enum CodingKeys: String, CodingKey {
            case id, email, name, status, sessions
            case isOperator = "is_operator"
            case accountID = "account_id"
            case createdAt = "created_at"
            case disabledAt = "disabled_at"
            case lastSignInAt = "last_sign_in_at"
            case activeTokens = "active_tokens"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(id, forKey: .id)
            try container.encode(accountID, forKey: .accountID)
            try container.encode(email, forKey: .email)
            // Null instead of missing, so that every element has the same keys.
            try container.encode(name, forKey: .name)
            try container.encode(status, forKey: .status)
            try container.encode(createdAt, forKey: .createdAt)
            try container.encode(disabledAt, forKey: .disabledAt)
            try container.encode(lastSignInAt, forKey: .lastSignInAt)
            try container.encode(activeTokens, forKey: .activeTokens)
            try container.encode(sessions, forKey: .sessions)
            try container.encode(isOperator, forKey: .isOperator)
        }
    }

    private static let list = ServerCommand(
        "user", "list",
        summary: "List the users with their last sign-in, active tokens and sessions, ordered by email address.",
        flags: [.output], examples: ["podstack-server user list", "podstack-server user list --output json"]
    ) { arguments in
        let service = try arguments.service()
        var output = ListOutput(
            arguments, header: ["EMAIL", "NAME", "STATUS", "CREATED", "LAST SIGN-IN", "TOKENS", "SESSIONS", "ACCOUNT"])
        var last = ""
        while true {
            let page = try service.database.read {
                try UserReportStore.list(after: last, limit: pageSize, now: service.now(), in: $0)
            }
            if !page.isEmpty || last.isEmpty { try output.write(page.map { (listed($0), cells($0)) }) }
            guard let end = page.last else { break }
            last = end.emailKey
        }
        output.end()
    }

    private static let pageSize = 500

    private static func listed(_ report: UserReport) -> Listed {
        let user = report.user
        return Listed(
            id: user.id, accountID: user.accountID, email: user.email, name: user.name, status: status(of: user),
            createdAt: Date(user.createdAt), disabledAt: user.disabledAt.map { Date($0) },
            lastSignInAt: report.lastSignInAt.map { Date($0) }, activeTokens: report.activeTokens,
            sessions: report.sessions, isOperator: user.isOperator)
    }

    private static func cells(_ report: UserReport) -> [String] {
        let user = report.user
        return [
            user.email, user.name ?? "-", status(of: user), displayedTime(user.createdAt),
            displayedTime(report.lastSignInAt), String(report.activeTokens), String(report.sessions), user.accountID,
        ]
    }

    private static func status(of user: UserRecord) -> String { user.isDisabled ? "disabled" : "active" }

    // MARK: - Removal

    private static let remove = ServerCommand(
        "user", "remove",
        summary: "Remove a user: revoke the tokens, end the sessions and memberships, and delete the projects without "
            + "other members. Says what will happen, and asks first.",
        arguments: [email],
        flags: [
            Flag("yes", summary: "do not ask"),
            Flag(
                "transfer-to", value: "EMAIL",
                summary: "the user who becomes the admin of the projects that would have none"),
        ],
        details: "Without --yes and without a terminal, the command only says what would happen. Audit events stay.",
        examples: [
            "podstack-server user remove you@example.com",
            "podstack-server user remove you@example.com --transfer-to other@example.com --yes",
        ]
    ) { arguments in
        let email = arguments.positional[0]
        let recipient = arguments.value("transfer-to")
        let service = try arguments.service()
        func removal(_ connection: any DatabaseConnection) throws -> UserRemoval {
            try UserRemoval(of: email, transferringTo: recipient, now: service.now(), in: connection)
        }
        let planned = try service.database.read(removal)
        for line in planned.lines { StandardStream.output.write(TerminalText.printable(line) + "\n") }
        guard planned.blocking.isEmpty else {
            throw SetupFailure(
                "\(email) is the only admin of projects with other members: give --transfer-to EMAIL, or make another "
                    + "member an admin first; nothing was changed")
        }
        if !arguments.has("yes") {
            guard Terminal.isInteractive else {
                throw SetupFailure("nothing was changed: give --yes to remove the user")
            }
            let reply = Terminal.askLine("Remove \(TerminalText.printable(email))? [y/N] ")
            guard ["y", "yes"].contains(reply?.lowercased()) else { throw SetupFailure("nothing was changed") }
        }
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            let current = try removal(change.connection)
            guard current == planned else {
                throw SetupFailure("the user or a project has changed meanwhile, so nothing was removed: try again")
            }
            try current.perform(service.pods, service.volumes, in: change)
        }
        StandardStream.output.write("\(TerminalText.printable(email)) is removed\n")
    }
}
