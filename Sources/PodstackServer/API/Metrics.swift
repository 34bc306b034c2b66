import PodstackAPI
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The counters of the service.
///
/// None of them names a user, a token or an address.
final class Metrics: Sendable {
    private let successes = Atomic<Int>(0)
    /// The failed requests by status and code.
    ///
    /// Successes are counted without a lock, because they are frequent.
    private let refusals = Mutex<[Refused: Int]>([:])
    private let signIns = Mutex<[SignInResult: Int]>([:])
    private let events = Mutex<[String: Int]>([:])
    private let routes = Mutex<[RouteLatency]>([])
    private let collectors = Mutex<[@Sendable (inout MetricsText) -> Void]>([])
    private let startedAt: Int64
    private let version: String
    private let certificateEnd = Atomic<Int64>(0)
    private let sessions = Atomic<Int>(-1)
    private let lastReady = Atomic<Int64>(0)
    private let forwardSteps = Atomic<Int>(0)
    private let backwardSteps = Atomic<Int>(0)
    /// The latency of requests whose path and method belong to no route.
    let unknownRoute = RouteLatency(RouteLatency.unknown)

    private struct Refused: Hashable, Comparable {
        var status: Int
        var code: String
        static func < (left: Refused, right: Refused) -> Bool { (left.status, left.code) < (right.status, right.code) }
    }

    /// The results of signing in with a password.
    enum SignInResult: String, CaseIterable, Sendable {
        case success
        case wrongCredentials = "wrong_credentials"
        case tooManyAttempts = "too_many_attempts"
        case disabled
        case unavailable
    }

    init(startedAt: Int64, version: String) {
        self.startedAt = startedAt
        self.version = version
    }

    /// Sets the time at which the TLS certificate expires, in seconds since 1970.
    func certificateExpires(at end: Int64) { certificateEnd.store(end, ordering: .relaxed) }

    /// Sets the number of sessions of the dashboard.
    func set(sessions count: Int) { sessions.store(count, ordering: .relaxed) }

    /// Records that a readiness check has succeeded, at a time in seconds since 1970.
    func ready(at time: Int64) { lastReady.store(time, ordering: .relaxed) }

    /// Counts a step of the system's clock.
    func clockStepped(_ step: SteadyClock.Step) {
        switch step.direction {
        case .forward: forwardSteps.add(1, ordering: .relaxed)
        case .backward: backwardSteps.add(1, ordering: .relaxed)
        }
    }

    func success() { successes.add(1, ordering: .relaxed) }

    func refusal(_ status: Int, _ code: ErrorCode) {
        refusals.withLock { $0[Refused(status: status, code: code.rawValue), default: 0] += 1 }
    }

    func signIn(_ result: SignInResult) { signIns.withLock { $0[result, default: 0] += 1 } }

    /// Counts an audit event whose change was made.
    func event(_ action: AuditAction) { events.withLock { $0[action.rawValue, default: 0] += 1 } }

    /// Adds routes whose latency is part of the text.
    func add(_ latencies: [RouteLatency]) { routes.withLock { $0 += latencies } }

    /// Adds a function that adds the metrics of another part of the service; it must not block.
    func collect(_ collector: @escaping @Sendable (inout MetricsText) -> Void) {
        collectors.withLock { $0.append(collector) }
    }

    /// Returns all metrics in the Prometheus text format, version 0.0.4.
    func text(verifiedTokens: Int) -> String {
        var text = MetricsText()
        let refused = refusals.withLock { $0 }.sorted { $0.key < $1.key }
        text.add(
            "podstack_requests_total", .counter, "Requests by status class of the response.",
            [.init([("status", "2xx")], successes.load(ordering: .relaxed))]
                + [4, 5].map { first in
                    let count = refused.filter { $0.key.status / 100 == first }.reduce(0) { $0 + $1.value }
                    return .init([("status", "\(first)xx")], count)
                })
        text.add(
            "podstack_refusals_total", .counter, "Failed requests by status and error code.",
            refused.map { .init([("status", String($0.key.status)), ("code", $0.key.code)], $0.value) })
        text.add(
            "podstack_request_duration_seconds", histograms: latencies,
            "Time from the end of a request to the beginning of its response, by route and status class.")
        text.add(
            "podstack_verified_tokens", .gauge, "Token secrets in the cache of verified tokens.", verifiedTokens)
        let sessions = sessions.load(ordering: .relaxed)
        if sessions >= 0 { text.add("podstack_sessions", .gauge, "Sessions of the dashboard.", sessions) }
        let signIns = signIns.withLock { $0 }
        text.add(
            "podstack_sign_ins_total", .counter, "Sign-ins with a password, by result.",
            SignInResult.allCases.map { .init([("result", $0.rawValue)], signIns[$0] ?? 0) })
        let events = events.withLock { $0 }
        text.add(
            "podstack_audit_events_total", .counter, "Audit events that this instance recorded, by action.",
            AuditAction.allCases.map { .init([("action", $0.rawValue)], events[$0.rawValue] ?? 0) })
        text.add(
            "podstack_log_lines_dropped_total", .counter,
            "Log lines that were dropped because the reader of the log stalled or failed.",
            LogWriter.standardError.dropped)
        text.add(
            "podstack_clock_steps_total", .counter, "Steps of the system's clock by more than a few seconds.",
            [
                .init([("direction", "forward")], forwardSteps.load(ordering: .relaxed)),
                .init([("direction", "backward")], backwardSteps.load(ordering: .relaxed)),
            ])
        let lastReady = lastReady.load(ordering: .relaxed)
        if lastReady > 0 {
            text.add(
                "podstack_last_ready_timestamp_seconds", .gauge,
                "Time at which a readiness check last succeeded, in seconds since 1970.", Int(lastReady))
        }
        for collector in collectors.withLock({ $0 }) { collector(&text) }
        let end = certificateEnd.load(ordering: .relaxed)
        if end > 0 {
            text.add(
                "podstack_tls_certificate_expires_seconds", .gauge,
                "Time at which the first certificate of the TLS chain expires, in seconds since 1970.", Int(end))
        }
        addProcess(to: &text)
        text.add("podstack_build_info", .gauge, "Version of the service.", [.init([("version", version)], 1)])
        return text.text
    }

    /// The latencies that are not empty, those of routes with the same path together.
    private var latencies: [(labels: [(name: String, value: String)], values: LatencyHistogram.Values)] {
        var found: [String: LatencyHistogram.Values] = [:]
        var order: [(route: String, status: String, key: String)] = []
        for route in routes.withLock({ $0 }) + [unknownRoute] {
            for (status, values) in route.values where values.count > 0 {
                let key = "\(route.pattern) \(status)"
                if found[key] == nil { order.append((route.pattern, status, key)) }
                found[key, default: .empty] += values
            }
        }
        return order.map { ([("route", $0.route), ("status", $0.status)], found[$0.key] ?? .empty) }
    }

    private func addProcess(to text: inout MetricsText) {
        let process = ProcessStatistics.current()
        text.add(
            "process_start_time_seconds", .gauge, "Start time of the service, in seconds since 1970.", Int(startedAt))
        text.add(
            "process_cpu_seconds_total", .counter, "Processor time of the service, in seconds.", process.cpuSeconds)
        if let bytes = process.residentBytes {
            text.add("process_resident_memory_bytes", .gauge, "Resident memory, in bytes.", bytes)
        }
        if let bytes = process.virtualBytes {
            text.add("process_virtual_memory_bytes", .gauge, "Virtual memory, in bytes.", bytes)
        }
        if let count = process.openDescriptors {
            text.add("process_open_fds", .gauge, "Open file descriptors.", count)
        }
        if let count = process.maxDescriptors {
            text.add("process_max_fds", .gauge, "Limit on open file descriptors.", count)
        }
    }
}

// MARK: - Latency

/// The latency of one route by status class, counted without locks and allocations.
final class RouteLatency: Sendable {
    /// The pattern of requests that belong to no route.
    static let unknown = "unknown"

    /// The pattern of the route, such as `/v1/tokens/{id}`.
    let pattern: String
    private let successes = LatencyHistogram()
    private let redirects = LatencyHistogram()
    private let refusals = LatencyHistogram()
    private let failures = LatencyHistogram()

    init(_ pattern: String) { self.pattern = pattern }

    func record(_ status: Int, nanoseconds: Int64) {
        switch status {
        case ..<300: successes.record(nanoseconds: nanoseconds)
        case ..<400: redirects.record(nanoseconds: nanoseconds)
        case ..<500: refusals.record(nanoseconds: nanoseconds)
        default: failures.record(nanoseconds: nanoseconds)
        }
    }

    var values: [(status: String, values: LatencyHistogram.Values)] {
        [
            ("2xx", successes.values), ("3xx", redirects.values), ("4xx", refusals.values), ("5xx", failures.values),
        ]
    }
}

// MARK: - Parts of the service

extension Metrics {
    /// Adds the metrics of the worker pools.
    func collect(_ queues: [(name: String, queue: WorkQueue)]) {
        collect { text in
            func samples(_ value: (WorkQueue) -> Int) -> [MetricsText.Sample] {
                queues.map { .init([("pool", $0.name)], value($0.queue)) }
            }
            text.add(
                "podstack_queue_depth", .gauge, "Work that waits for a worker, by pool.", samples { $0.waiting })
            text.add(
                "podstack_queue_capacity", .gauge, "Work that can wait for a worker, by pool.",
                samples { $0.capacity })
            text.add("podstack_workers_busy", .gauge, "Workers that are busy, by pool.", samples { $0.running })
            text.add("podstack_workers_max", .gauge, "The most workers, by pool.", samples { $0.maxThreads })
            text.add(
                "podstack_work_refused_total", .counter, "Work that was refused because the queue was full, by pool.",
                samples { $0.refused })
        }
    }

    /// Adds the metrics of a database.
    func collect(_ database: any Database) {
        collect { text in
            if let activity = database.activity {
                text.add(
                    "podstack_database_transaction_duration_seconds",
                    histograms: [
                        ([("kind", "read")], activity.reads.values), ([("kind", "write")], activity.writes.values),
                    ], "Time of transactions, with the wait for connections and locks, by kind.")
                text.add(
                    "podstack_database_failures_total", .counter, "Failed transactions by the kind of failure.",
                    activity.failuresByKind.sorted { $0.key < $1.key }.map { .init([("kind", $0.key)], $0.value) })
            }
            let pools = database.connections
            text.add(
                "podstack_database_connections", .gauge, "Connections to PostgreSQL by pool and state.",
                pools.flatMap { pool in
                    [("busy", pool.busy), ("idle", pool.idle)].map {
                        .init([("pool", pool.pool), ("state", $0.0)], $0.1)
                    }
                })
            text.add(
                "podstack_database_connections_max", .gauge, "The most connections to PostgreSQL, by pool.",
                pools.map { .init([("pool", $0.pool)], $0.max) })
        }
    }

    /// Adds the metrics of a listener, while it exists.
    func collect(_ listener: Listener) {
        collect { [weak listener] text in
            guard let listener else { return }
            text.add("podstack_connections_open", .gauge, "Open connections.", listener.openConnections)
            text.add(
                "podstack_streams_open", .gauge, "Responses that are sent while they are produced.",
                listener.openStreams)
        }
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
        counters.ready(at: Int64(Date().timeIntervalSince1970))
        return try .json(["status": "ok"])
    }

    @Sendable func metrics(_ exchange: Exchange) throws -> Response {
        var response = Response(status: 200, body: Array(counters.text(verifiedTokens: verifier.knownCount).utf8))
        response.contentType = "text/plain; version=0.0.4; charset=utf-8"
        return response
    }
}
