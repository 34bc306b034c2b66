import PodstackAPI

/// Events as the file that a browser or a program is given.
enum AuditExport {
    static func encode(_ events: [AuditRecord]) -> [UInt8] {
        Array((AuditCSV.header + AuditCSV.lines(events.map(\.shown))).utf8)
    }
}
