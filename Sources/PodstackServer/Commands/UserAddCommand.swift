/// `podstack-server user add EMAIL`.
enum UserAddCommand {
    static let flags = ["--name"]

    static func run(_ flags: Flags) throws {
        let email = try flags.positional(["EMAIL"])[0]
        guard EmailAddress.isValid(email) else { throw UsageFailure("\"\(email)\" is no e-mail address") }
        let service = try Service(directory: try flags.dataDirectory(), database: try flags.database())
        let name = try flags.one("--name")
        do {
            let account = try service.changes.make(by: .administrator, at: service.now()) {
                try AccountStore.addUser(email: email, name: name, in: $0)
            }
            StandardStream.output.write(account + "\n")
        } catch is AccountStore.EmailTaken {
            throw SetupFailure("\(email) has an account already")
        }
    }
}
