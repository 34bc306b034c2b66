import Podstack

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A token as lines of a name and a value.
enum TokenDetails {
    static func text(_ token: Token) -> String {
        func time(_ date: Date?) -> String { date.map(Timestamp.format) ?? "never" }
        return Details.text([
            ("ID", token.id), ("Name", token.name), ("Prefix", token.prefix), ("Status", token.status ?? "unknown"),
            ("Scopes", token.scopes.joined(separator: " ")),
            ("Projects", token.projectIDs?.joined(separator: " ") ?? "all"), ("Created", time(token.createdAt)),
            ("Expires", time(token.expiresAt)), ("Last used", time(token.lastUsedAt)),
            ("Rotate by", time(token.rotateBy)), ("Generation", String(token.generation)),
        ])
    }
}

/// Lines of a name and a value, the values below each other.
enum Details {
    static func text(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            "\(name):\(String(repeating: " ", count: width - name.count + 1))\(Table.printable(value))"
        }.joined(separator: "\n")
    }
}
