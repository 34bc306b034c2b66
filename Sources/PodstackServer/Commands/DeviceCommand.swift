extension ServerCommand {
    static let deviceApprove = ServerCommand(
        words: ["device", "approve"], arguments: ["CODE", "EMAIL"],
        summary: "Give the program that shows CODE a token of a user.", options: [.maxActiveTokens]
    ) { try DeviceCommand.run(.approve, $0) }

    static let deviceDeny = ServerCommand(
        words: ["device", "deny"], arguments: ["CODE", "EMAIL"], summary: "Refuse that program."
    ) { try DeviceCommand.run(.deny, $0) }
}

private enum DeviceCommand {
    enum Decision { case approve, deny }

    static func run(_ decision: Decision, _ flags: Flags) throws {
        let words = flags.positional
        let service = try Service(
            directory: try flags.dataDirectory(), database: try flags.database(),
            settings: ServiceSettings(maxActiveTokens: try flags.count("--max-active-tokens") ?? 5))
        guard let user = try service.database.read({ try UserStore.find(email: words[1], in: $0) }) else {
            throw SetupFailure("nobody has the address \(words[1])")
        }
        let request = try service.changes.perform(by: .administrator, at: service.now()) { change in
            switch decision {
            case .approve: try service.devices.approve(words[0], by: user, in: change)
            case .deny: try service.devices.deny(words[0], by: user, in: change)
            }
        }
        let scopes = (request.scopes ?? [.all]).map(\.description).joined(separator: " ")
        let done = decision == .approve ? "approved" : "denied"
        StandardStream.output.write("\(done): \(request.clientName) at \(request.address), scopes \(scopes)\n")
    }
}
