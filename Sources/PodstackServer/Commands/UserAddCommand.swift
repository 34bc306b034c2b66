extension ServerCommand {
    static let userAdd = ServerCommand(
        words: ["user", "add"], arguments: ["EMAIL"],
        summary: "Add an account with its first user; prints the account's id, and a link that works once, to choose a "
            + "password for the dashboard.",
        options: [
            Option(name: "--name", value: "NAME", summary: "the user's name"),
            Option(name: "--password-stdin", summary: "take the password from a pipe, and print no link"),
            UserAddCommand.publicURL,
        ], run: UserAddCommand.add)

    static let userLink = ServerCommand(
        words: ["user", "link"], arguments: ["EMAIL"],
        summary: "Print a link that works once, to choose a new password when the old one was forgotten.",
        options: [UserAddCommand.publicURL], run: UserAddCommand.link)
}

private enum UserAddCommand {
    static let publicURL = ServerCommand.Option(
        name: "--public-url", value: "URL",
        summary: "where browsers reach the service; where it last listened unless said")

    static func add(_ flags: Flags) throws {
        let email = flags.positional[0]
        guard EmailAddress.isValid(email) else { throw UsageFailure("\"\(email)\" is no e-mail address") }
        let directory = try flags.dataDirectory()
        let service = try Service(directory: directory, database: try flags.database())
        let name = try flags.one("--name")
        let password = flags.has("--password-stdin") ? try StandardInput.password(for: email) : nil
        let hash = try password.map { try PasswordHasher().hash($0) }
        do {
            let (account, link) = try service.changes.perform(by: .administrator, at: service.now()) { change in
                let user = try AccountCreation.create(email: email, name: name, in: change)
                if let hash { try UserStore.setPasswordHash(hash, userID: user.id, in: change.connection) }
                return (
                    user.accountID, hash == nil ? try service.signIn.links.create(for: user.id, in: change).text : nil
                )
            }
            FirstAccountOffer.removeFile(in: directory)
            StandardStream.output.write(account + "\n")
            if let link { show(link, at: try ServiceAddress.find(flags, in: directory)) }
        } catch is UserStore.EmailTaken {
            throw SetupFailure("\(email) has an account already; podstack-server user link makes a sign-in link for it")
        }
    }

    /// Another link, for somebody whose link is over or whose password is forgotten.
    static func link(_ flags: Flags) throws {
        let email = flags.positional[0]
        let directory = try flags.dataDirectory()
        let service = try Service(directory: directory, database: try flags.database())
        guard let user = try service.database.read({ try UserStore.find(email: email, in: $0) }) else {
            throw SetupFailure("nobody has the address \(email): podstack-server user add makes an account")
        }
        guard user.disabledAt == nil else {
            throw SetupFailure("\(email) is disabled, and no link would let them in: podstack-server user enable does")
        }
        let link = try service.changes.perform(by: .administrator, at: service.now()) {
            try service.signIn.links.create(for: user.id, in: $0).text
        }
        show(link, at: try ServiceAddress.find(flags, in: directory))
    }

    private static func show(_ link: String, at address: String) {
        StandardStream.output.write("\(address)\(Link("/welcome", link).text)\n")
    }
}
