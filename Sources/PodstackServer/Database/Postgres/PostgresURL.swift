/// Where a PostgreSQL database is, and who we are to it. Never shown: it may hold a password.
struct PostgresURL: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let text: String
    private let password: String?
    /// Whether the server is on this machine.
    let isLocal: Bool

    /// Nil when it is no URL that libpq understands.
    init?(_ text: String) {
        guard ["postgres://", "postgresql://"].contains(where: text.hasPrefix),
            let options = PostgresConnection.options(of: text)
        else { return nil }
        self.text = text
        password = options["password"].flatMap { $0.isEmpty ? nil : $0 }
        let hosts = (options["hostaddr"] ?? options["host"] ?? "").split(separator: ",")
        isLocal = hosts.allSatisfy { host in
            host == "localhost" || host == "::1" || host.hasPrefix("127.") || host.hasPrefix("/")
        }
    }

    var hasPassword: Bool { password != nil }

    /// A message of the library, on one line.
    func withoutPassword(_ message: String) -> String {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ").replacing("\t", with: "")
        guard let password else { return line }
        return line.replacing(text, with: "…").replacing(password, with: "…")
    }

    var description: String { "a database of PostgreSQL" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}
