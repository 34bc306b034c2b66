/// `podstack-server device approve CODE EMAIL` and `podstack-server device deny CODE EMAIL`.
enum DeviceCommand {
    static let flags = ["--max-active-tokens"]

    enum Decision { case approve, deny }

    static func run(_ decision: Decision, _ flags: Flags) throws {
        let words = try flags.positional(["CODE", "EMAIL"])
        let service = try Service(
            directory: try flags.dataDirectory(), database: try flags.database(),
            settings: Settings(maxActiveTokens: try flags.count("--max-active-tokens") ?? 5))
        guard let user = try service.database.read({ try AccountStore.user(email: words[1], in: $0) }) else {
            throw SetupFailure("nobody has the address \(words[1])")
        }
        let who = DeviceService.User(id: user.id, accountID: user.accountID, email: words[1])
        let request = try service.changes.make(by: .administrator, at: service.now()) { change in
            switch decision {
            case .approve: try service.devices.approve(words[0], by: who, in: change)
            case .deny: try service.devices.deny(words[0], by: who, in: change)
            }
        }
        let scopes = (request.scopes ?? [.all]).map(\.description).joined(separator: " ")
        let done = decision == .approve ? "approved" : "denied"
        StandardStream.output.write("\(done): \(request.clientName) at \(request.address), scopes \(scopes)\n")
    }
}
