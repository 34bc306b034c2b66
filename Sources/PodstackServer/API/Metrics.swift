import PodstackAPI
import Synchronization

/// The counters of the service.
///
/// None of them names a user, a token or an address.
final class Metrics: Sendable {
    private let successes = Atomic<Int>(0)
    /// The failed requests by status and code.
    ///
    /// Successes are counted without a lock, because they are frequent.
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

    /// Sets the time at which the TLS certificate expires, in seconds since 1970.
    func certificateExpires(at end: Int64) { certificateEnd.store(end, ordering: .relaxed) }

    func success() { successes.add(1, ordering: .relaxed) }

    func refusal(_ status: Int, _ code: ErrorCode) {
        refusals.withLock { $0[Refused(status: status, code: code.rawValue), default: 0] += 1 }
    }

    /// Returns all metrics in the Prometheus text format, version 0.0.4.
    func text(verifiedTokens: Int) -> String {
        var text = ""
        func metric(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: Int)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for (labels, value) in samples { text += "\(name)\(labels) \(value)\n" }
        }
        let refused = refusals.withLock { $0 }.sorted { $0.key < $1.key }
        metric(
            "podstack_requests_total", "counter", "Requests by status class of the response.",
            [("{status=\"2xx\"}", successes.load(ordering: .relaxed))]
                + [4, 5].map { first in
                    let count = refused.filter { $0.key.status / 100 == first }.reduce(0) { $0 + $1.value }
                    return ("{status=\"\(first)xx\"}", count)
                })
        metric(
            "podstack_refusals_total", "counter", "Failed requests by status and error code.",
            refused.map { ("{status=\"\($0.key.status)\",code=\"\($0.key.code)\"}", $0.value) })
        metric(
            "podstack_verified_tokens", "gauge", "Token secrets in the cache of verified tokens.",
            [("", verifiedTokens)])
        let end = certificateEnd.load(ordering: .relaxed)
        if end > 0 {
            metric(
                "podstack_tls_certificate_expires_seconds", "gauge",
                "Time at which the first certificate of the TLS chain expires, in seconds since 1970.", [("", Int(end))]
            )
        }
        metric(
            "process_start_time_seconds", "gauge", "Start time of the service, in seconds since 1970.",
            [("", Int(startedAt))])
        metric(
            "podstack_build_info", "gauge", "Version of the service.",
            [("{version=\"\(version)\"}", 1)])
        return text
    }
}

// MARK: - Routes

/// `/healthz`, `/readyz` and `/metrics`.
struct OperationRoutes: Sendable {
    let writes: WriteCheck
    let verifier: TokenVerifier
    let counters: Metrics

    @Sendable func health(_ exchange: Exchange) throws -> Response { try .json(["status": "ok"]) }

    @Sendable func readiness(_ exchange: Exchange) throws -> Response {
        try writes.run()
        return try .json(["status": "ok"])
    }

    @Sendable func metrics(_ exchange: Exchange) throws -> Response {
        var response = Response(status: 200, body: Array(counters.text(verifiedTokens: verifier.knownCount).utf8))
        response.contentType = "text/plain; version=0.0.4; charset=utf-8"
        return response
    }
}
