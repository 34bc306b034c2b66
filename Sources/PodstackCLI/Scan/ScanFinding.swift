import Podstack

/// A token, and where it is. Shown and encoded by its prefix alone.
struct ScanFinding: Sendable, Encodable {
    var path: String
    /// From 1.
    var line: Int
    /// In bytes, from 1.
    var column: Int
    var token: APIToken
    /// Of the token; no secret.
    var id: String

    init(path: String, line: Int, column: Int, token: APIToken) {
        self.path = path
        self.line = line
        self.column = column
        self.token = token
        id = token.withSecret { TokenFormat.id(of: $0) } ?? ""
    }

    var text: String { "\(Table.printable(path)):\(line):\(column): \(token)" }
}
