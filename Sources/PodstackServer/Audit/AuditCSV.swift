import PodstackAPI

/// The audit log as a table for spreadsheets. Source: RFC 4180.
enum AuditCSV {
    private static let columns: [(name: String, value: @Sendable (AuditRecord) -> String?)] = [
        ("id", { $0.id }), ("created_at", { Timestamp.format(.init($0.createdAt)) }), ("action", { $0.action }),
        ("resource_type", { $0.resourceType }), ("resource_id", { $0.resourceID }),
        ("resource_name", { $0.resourceName }), ("project_id", { $0.projectID }), ("user_id", { $0.userID }),
        ("user_email", { $0.userEmail }), ("token_id", { $0.tokenID }), ("ip_address", { $0.address }),
        ("user_agent", { $0.userAgent }), ("details", { $0.details }),
    ]

    static func encode(_ events: [AuditRecord]) -> [UInt8] {
        var text = columns.map(\.name).joined(separator: ",") + "\r\n"
        for event in events {
            text += columns.map { cell($0.value(event) ?? "") }.joined(separator: ",") + "\r\n"
        }
        return Array(text.utf8)
    }

    /// Quoted, and with a `'` before what a spreadsheet would run as a formula.
    static func cell(_ text: String) -> String {
        let starters: [Unicode.Scalar] = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
        let isFormula = text.unicodeScalars.first { $0 != " " }.map(starters.contains) ?? false
        return "\"\(isFormula ? "'" : "")\(text.replacing("\"", with: "\"\""))\""
    }
}
