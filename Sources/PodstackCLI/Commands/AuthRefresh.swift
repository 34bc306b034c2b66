import Podstack

extension Command {
    static let authRefresh = Command(
        words: ["auth", "refresh"],
        summary: "Give the current token a new secret, in the file or keyring it came from; elsewhere print it.",
        flags: [
            .init(name: "grace", value: "TIME", summary: "how long the old one works: 90s, 30m, 1h, 7d; 1h unless said")
        ]
    ) { invocation in
        try invocation.arguments.nothing()
        let grace = try invocation.arguments.value("grace").map(TimeSpan.parse)
        let client = try invocation.client()
        let (token, secret) = try await client.auth.rotate(grace: grace)
        switch client.configuration.tokenSource {
        case .profile(let name, let path, _)?:
            try invocation.write(token) { Table.printable("Rotated \(token.prefix) in \(path) [\(name)]") }
        case .file(let path, _)?: try invocation.write(token) { Table.printable("Rotated \(token.prefix) in \(path)") }
        case .process(let name, let path, _)? where client.configuration.keepsRotatedToken:
            let isKeyring = try Keyring.entry(of: name, in: CredentialsFile(path: path)) != nil
            let place = isKeyring ? "in the keyring, for" : "by the credential_store_process of"
            try invocation.write(token) { Table.printable("Rotated \(token.prefix) \(place) \(path) [\(name)]") }
        case let source:
            // Nobody else has it now: it goes to standard output, alone.
            try secret.withSecret { text in
                try invocation.write(CreatedToken(token: token, secret: text)) { text }
            }
            invocation.note(
                "Put it where the old one came from: \(source?.onCommandLine ?? "elsewhere"). It cannot be shown again."
            )
        }
        return .done
    }
}
