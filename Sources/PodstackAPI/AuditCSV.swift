/// The audit log as a table for spreadsheets. Source: RFC 4180.
package enum AuditCSV {
    private static let columns: [(name: String, value: @Sendable (AuditEvent) -> String?)] = [
        ("id", { $0.id }), ("created_at", { Timestamp.format($0.createdAt) }), ("action", { $0.action }),
        ("resource_type", { $0.resourceType }), ("resource_id", { $0.resourceID }),
        ("resource_name", { $0.resourceName }), ("project_id", { $0.projectID }), ("user_id", { $0.userID }),
        ("user_email", { $0.userEmail }), ("token_id", { $0.tokenID }), ("ip_address", { $0.ipAddress }),
        ("user_agent", { $0.userAgent }),
        ("details", { (try? APICoding.encode($0.details)).map { String(decoding: $0, as: UTF8.self) } }),
    ]

    package static var header: String { columns.map(\.name).joined(separator: ",") + "\r\n" }

    /// Without the header.
    package static func lines(_ events: [AuditEvent]) -> String {
        events.map { event in columns.map { cell($0.value(event) ?? "") }.joined(separator: ",") + "\r\n" }.joined()
    }

    /// Quoted, and with a `'` before what a spreadsheet would run as a formula.
    package static func cell(_ text: String) -> String {
        let starters: [Unicode.Scalar] = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
        let isFormula = text.unicodeScalars.first { $0 != " " }.map(starters.contains) ?? false
        return "\"\(isFormula ? "'" : "")\(text.replacing("\"", with: "\"\""))\""
    }
}
