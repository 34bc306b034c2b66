import PodstackAPI
import PodstackCommandLine

/// A result of `podstack-server doctor`.
struct DoctorFinding: Sendable, Encodable, Equatable {
    /// The importance, the most important first.
    enum Level: String, Sendable, Encodable, CaseIterable {
        /// The service does not work, or loses or reveals data.
        case critical
        /// The service works, but soon may not, or not as intended.
        case warning
        /// Worth knowing; not a problem.
        case note
        case ok
    }

    /// The subject of the check, such as `clock`.
    var check: String
    var level: Level
    /// One sentence.
    var message: String
    /// The advice on what to do; nil if there is nothing to do.
    var advice: String?

    static func ok(_ check: String, _ message: String) -> DoctorFinding {
        DoctorFinding(check: check, level: .ok, message: message)
    }
}

/// The findings of all checks.
struct DoctorReport: Sendable {
    private(set) var findings: [DoctorFinding] = []

    mutating func add(_ finding: DoctorFinding) { findings.append(finding) }

    mutating func add(_ check: String, _ level: DoctorFinding.Level, _ message: String, _ advice: String? = nil) {
        findings.append(DoctorFinding(check: check, level: level, message: message, advice: advice))
    }

    /// The findings in the order of importance; equally important ones in the order of the checks.
    var sorted: [DoctorFinding] {
        DoctorFinding.Level.allCases.flatMap { level in findings.filter { $0.level == level } }
    }

    var problems: Int { findings.count { $0.level == .critical || $0.level == .warning } }

    var text: String {
        var lines: [String] = []
        for finding in sorted {
            let level = finding.level.rawValue.uppercased()
            lines.append(TerminalText.printable("\(level)  \(finding.check): \(finding.message)"))
            if let advice = finding.advice { lines.append(TerminalText.printable("          \(advice)")) }
        }
        let count = counted(problems, "problem")
        return (lines + ["", problems == 0 ? "no problems found" : "\(count) found"]).joined(separator: "\n") + "\n"
    }

    func json() throws -> String {
        struct Output: Encodable {
            var status: String
            var problems: Int
            var findings: [DoctorFinding]
        }
        let output = Output(status: problems == 0 ? "ok" : "problems", problems: problems, findings: sorted)
        return String(decoding: try APICoding.encode(output, pretty: true), as: UTF8.self) + "\n"
    }
}
