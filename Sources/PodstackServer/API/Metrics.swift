import PodstackAPI
import Synchronization

/// What the service counts. Nothing in it names a user, a token or an address.
final class Metrics: Sendable {
    private let successes = Atomic<Int>(0)
    /// By status and code: what is answered often is a success, and costs no lock.
    private let refusals = Mutex<[Refused: Int]>([:])
    private let startedAt: Int64
    private let version: String
    private let certificateEnd = Atomic<Int64>(0)

    private struct Refused: Hashable, Comparable {
        var status: Int
        var code: String
        static func < (left: Refused, right: Refused) -> Bool { (left.status, left.code) < (right.status, right.code) }
    }

    init(startedAt: Int64, version: String) {
        self.startedAt = startedAt
        self.version = version
    }

    /// - Parameter end: In seconds since 1970.
    func certificateExpires(at end: Int64) { certificateEnd.store(end, ordering: .relaxed) }

    func success() { successes.add(1, ordering: .relaxed) }

    func refusal(_ status: Int, _ code: ErrorCode) {
        refusals.withLock { $0[Refused(status: status, code: code.rawValue), default: 0] += 1 }
    }

    /// Source: the text format of Prometheus, version 0.0.4.
    func text(verifiedTokens: Int) -> String {
        var text = ""
        func metric(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: Int)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for (labels, value) in samples { text += "\(name)\(labels) \(value)\n" }
        }
        let refused = refusals.withLock { $0 }.sorted { $0.key < $1.key }
        metric(
            "podstack_requests_total", "counter", "Requests answered, by status class.",
            [("{status=\"2xx\"}", successes.load(ordering: .relaxed))]
                + [4, 5].map { first in
                    let count = refused.filter { $0.key.status / 100 == first }.reduce(0) { $0 + $1.value }
                    return ("{status=\"\(first)xx\"}", count)
                })
        metric(
            "podstack_refusals_total", "counter", "Requests that were not granted, by status and code of the error.",
            refused.map { ("{status=\"\($0.key.status)\",code=\"\($0.key.code)\"}", $0.value) })
        metric(
            "podstack_verified_tokens", "gauge", "Secrets of tokens that are known to be good without a look-up.",
            [("", verifiedTokens)])
        let end = certificateEnd.load(ordering: .relaxed)
        if end > 0 {
            metric(
                "podstack_tls_certificate_expires_seconds", "gauge",
                "When the certificate or the first of its chain expires, in seconds since 1970.", [("", Int(end))])
        }
        metric(
            "process_start_time_seconds", "gauge", "When the service was started, in seconds since 1970.",
            [("", Int(startedAt))])
        metric(
            "podstack_build_info", "gauge", "The version of the service.",
            [("{version=\"\(version)\"}", 1)])
        return text
    }
}
