import Podstack

extension Command {
    static let authRefresh = Command(
        words: ["auth", "refresh"],
        summary: "Give the current token a new secret, in the file it came from; elsewhere print it.",
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
