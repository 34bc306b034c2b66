import Podstack

/// The audit log as a table.
enum AuditColumns {
    private typealias Column = (name: String, value: @Sendable (AuditEvent) -> String?)

    private static let narrow: [Column] = [
        ("TIME", { Timestamp.format($0.createdAt) }), ("USER", { $0.userEmail ?? $0.userID }),
        ("ACTION", { $0.action }), ("TYPE", { $0.resourceType }), ("NAME", { $0.resourceName ?? $0.resourceID }),
        ("IP ADDRESS", { $0.ipAddress }),
    ]

    private static let more: [Column] = [
        ("ID", { $0.resourceID }), ("PROJECT", { $0.projectID }), ("TOKEN", { $0.tokenID }),
        ("USER AGENT", { $0.userAgent }), ("EVENT", { $0.id }),
    ]

    static func writer(_ invocation: Invocation) -> ListWriter<AuditEvent> {
        let columns = narrow + (invocation.format == .wide ? more : [])
        return ListWriter(
            invocation, header: columns.map(\.name), row: { event in columns.map { $0.value(event) ?? "" } })
    }
}
