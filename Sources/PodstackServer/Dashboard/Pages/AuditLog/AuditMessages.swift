/// Entries of the audit log as server-sent events: rows of the table, ready to be put in.
/// Source: HTML, section 9.2.6.
enum AuditMessages {
    static func encode(_ events: [AuditRecord], _ projects: [String: String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for event in events {
            var output = HTMLOutput(capacity: 1 << 10)
            AuditRow(event: event, projects: projects).write(to: &output)
            bytes += Array("id: \(event.number)\n".utf8)
            // Each of these ends a line there.
            let lines = output.bytes.split(omittingEmptySubsequences: false) {
                $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
            }
            for line in lines { bytes += Array("data: ".utf8) + line + [UInt8(ascii: "\n")] }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }
}
