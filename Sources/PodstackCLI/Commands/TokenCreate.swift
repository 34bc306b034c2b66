import Podstack

extension Command {
    static let tokenCreate = Command(
        words: ["token", "create"], summary: "Make an API token; prints it alone, this once.",
        flags: [
            .init(name: "name", value: "NAME", summary: "what it is for"),
            .init(
                name: "expires-in-days", value: "DAYS", summary: "7, 30, 90, 180, 365 or never; 30 unless said",
                takes: .words(TokenExpiry.choices.map(String.init) + ["never"])),
            .init(
                name: "scope", value: "SCOPE", summary: "such as projects:read; may be repeated, or have commas",
                isRepeatable: true, takes: Scope.expected),
            .init(
                name: "project-id", value: "ID", summary: "a project it is good for; may be repeated",
                isRepeatable: true),
        ]
    ) { invocation in
        try invocation.arguments.nothing()
        guard let name = invocation.arguments.value("name") else { throw UsageError("--name is missing") }
        let (token, secret) = try await invocation.client().tokens.create(
            name: name, expiresIn: try expiry(invocation.arguments.value("expires-in-days")),
            scopes: invocation.arguments.values("scope"), projects: invocation.arguments.values("project-id"))
        try secret.withSecret { text in
            try invocation.write(CreatedToken(token: token, secret: text)) { text }
        }
        let end = token.expiresAt.map { "expires \(Timestamp.format($0))" } ?? "never expires"
        invocation.note("Created \(token.prefix), \(end). It cannot be shown again.")
        return .done
    }

    private static func expiry(_ text: String?) throws -> TokenExpiry {
        guard let text else { return .serviceDefault }
        if text == "never" { return .never }
        guard let days = Int(text), TokenExpiry.choices.contains(days) else {
            throw UsageError("--expires-in-days is one of 7, 30, 90, 180, 365, never")
        }
        return .days(days)
    }
}
