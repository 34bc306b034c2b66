import Synchronization

/// The use of a running pod's resources at one moment.
struct PodMeasurement: Sendable, Equatable {
    /// Percent of one core.
    var cpuPercent: Double
    var memoryBytes: Int64
    var memoryLimitBytes: Int64
}

/// The response of the engine to questions about a pod; nil or empty if it does not respond in time.
struct PodSnapshot: Sendable {
    /// The last lines of the output.
    var lines: [PodLogLine]?
    /// The latest measurements, oldest first.
    var measurements: [PodMeasurement] = []
}

/// Asks the engine about the pods whose pages are open: for the end of their output, and for the use of their resources.
///
/// The engine's calls block, so they run on the threads of ``PodTransfers``. Measurements are kept in memory, so that the
/// page has a chart while it is open.
final class PodWatch: Sendable {
    /// The lines of output on a page.
    static let tail = 200
    /// The seconds that a page waits for the engine.
    private static let patience = 2.0
    /// The seconds after which a browser that follows the output reconnects.
    private static let followSeconds: Int64 = 600
    /// The measurements of a pod that are kept.
    private static let maxMeasurements = 60
    /// The pods whose measurements are kept.
    private static let maxPods = 500
    /// The seconds for which a measurement is the current one, and after which older ones say nothing any more.
    private static let (freshSeconds, oldSeconds): (Int64, Int64) = (2, 60)

    private struct History {
        var measurements: [PodMeasurement] = []
        /// Monotonic seconds.
        var measuredAt: Int64
    }

    private struct Answers {
        var count = 0
        var lines: [PodLogLine]?
    }

    private let services: Services
    /// The pages that wait for the engine.
    private let pages = AccountLimit(8)
    private let histories = Mutex<[String: History]>([:])

    private var link: EngineLink { services.pods.link }
    private var transfers: PodTransfers { services.transfers }

    init(_ services: Services) { self.services = services }

    /// Returns whether ``snapshot(of:for:hasLog:)`` would ask the engine about a pod, and may block.
    func asks(about pod: PodRecord) -> Bool {
        !link.isStale && !pod.isTerminated && pod.state.startedAt != nil
    }

    /// Asks the engine about a pod; blocks for two seconds at most.
    ///
    /// - Parameters:
    ///   - pod: The pod.
    ///   - accountID: The account of the viewer, for whose limits the calls count.
    ///   - hasLog: Whether to read the output.
    /// - Returns: What the engine said in time.
    func snapshot(of pod: PodRecord, for accountID: String, hasLog: Bool) -> PodSnapshot {
        guard asks(about: pod), let engine = try? link.require(), let page = pages.take(accountID) else {
            return PodSnapshot()
        }
        defer { withExtendedLifetime(page) {} }
        let answers = Monitor(Answers())
        var asked = 0
        if hasLog, let slot = services.limits.logs.take(accountID) {
            let transfer = transfers.begin(nil, seconds: Int64(Self.patience), slot)
            let isAdded = transfers.work.add { [transfers] in
                let lines = Self.tail(of: pod.id, engine, transfer.cancellation)
                transfers.end(transfer)
                answers.change { answers in
                    answers.lines = lines
                    answers.count += 1
                }
            }
            if isAdded { asked += 1 } else { transfers.end(transfer) }
        }
        if pod.state.status == .running, !isFresh(pod.id), let slot = services.limits.measurements.take(accountID) {
            let isAdded = transfers.work.add { [self] in
                if let statistics = try? engine.statistics(pod.id) { add(statistics, to: pod.id) }
                answers.change { $0.count += 1 }
                withExtendedLifetime(slot) {}
            }
            if isAdded { asked += 1 }
        }
        let lines = answers.wait(Self.patience) { [asked] in $0.count == asked ? .some($0.lines) : nil }
        return PodSnapshot(
            lines: lines ?? answers.change(waking: .none) { $0.lines },
            measurements: pod.state.status == .running ? measurements(of: pod.id) : [])
    }

    private static func tail(
        of podID: String, _ engine: any PodEngine, _ cancellation: EngineCancellation
    ) -> [PodLogLine]? {
        var selection = EngineLogSelection(tail: tail)
        selection.hasTimes = true
        var reader = PodLogReader()
        var lines: [PodLogLine] = []
        do {
            try engine.logs(podID, selection, cancellation) { stream, bytes in
                lines = (lines + reader.receive(stream, bytes)).suffix(tail)
                return true
            }
        } catch {
            return nil
        }
        // The engine sends the lines of both streams in any order.
        return ((lines + reader.finish()).suffix(tail)).enumerated()
            .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    }

    // MARK: - Measurements

    private func isFresh(_ podID: String) -> Bool {
        let now = MonotonicClock.seconds()
        return histories.withLock { $0[podID].map { now - $0.measuredAt < Self.freshSeconds } ?? false }
    }

    private func measurements(of podID: String) -> [PodMeasurement] {
        let now = MonotonicClock.seconds()
        return histories.withLock { histories in
            guard let history = histories[podID], now - history.measuredAt < Self.oldSeconds else { return [] }
            return history.measurements
        }
    }

    private func add(_ statistics: EngineStatistics, to podID: String) {
        let now = MonotonicClock.seconds()
        histories.withLock { histories in
            histories = histories.filter { now - $0.value.measuredAt < Self.oldSeconds }
            if histories.count >= Self.maxPods { histories.removeAll() }
            var history = histories[podID] ?? History(measuredAt: now)
            history.measurements = (history.measurements + [PodMeasurement(statistics)]).suffix(Self.maxMeasurements)
            history.measuredAt = now
            histories[podID] = history
        }
    }

    // MARK: - Following the output

    /// Starts a stream of the lines that a pod writes after a time.
    ///
    /// - Parameters:
    ///   - pod: The pod.
    ///   - after: The time of the last line that the browser has; empty for none.
    ///   - session: The session of the viewer, who must be able to read the pod until the end.
    /// - Returns: The response.
    /// - Throws: ``DomainError/unavailable(_:retryAfterSeconds:)``, or ``ErrorResponse`` if there are too many streams.
    func follow(_ pod: PodRecord, after: String, _ session: WebSession) throws -> Response {
        let engine = try link.require()
        guard let slot = services.limits.logs.take(session.user.accountID) else {
            throw ErrorResponse.tooMany("log streams", retryAfterSeconds: 10)
        }
        let released = EngineCancellation()
        let body = BlockingBody(maxSeconds: Self.followSeconds, isLive: true) { released.cancel() }
        let transfer = transfers.begin(
            body.stream, seconds: Self.followSeconds, slot, isAllowed: permission(pod, session))
        released.onCancel { transfer.cancellation.cancel() }
        let isAdded = transfers.work.add { [transfers] in
            Self.write(pod.id, after: after, engine, to: body, transfer.cancellation)
            transfers.end(transfer)
        }
        guard isAdded else {
            transfers.end(transfer)
            throw ErrorResponse.busy
        }
        var response = Response(status: 200)
        response.stream = body.stream
        response.contentType = "text/event-stream"
        // Keeps proxies from buffering the stream.
        response.set("X-Accel-Buffering", "no")
        response.set("X-Content-Type-Options", "nosniff")
        return response
    }

    /// Returns a closure that tells whether the viewer may still read the pod.
    private func permission(_ pod: PodRecord, _ session: WebSession) -> @Sendable () -> Bool {
        let (database, sessions, now) = (services.database, services.signIn.sessions, services.now)
        return {
            do {
                return try database.read { connection in
                    try Authority(session.user.grant, in: connection).require(.podsRead, in: pod.projectID)
                    return try sessions.alive([session.id], now: now(), in: connection).contains(session.id)
                }
            } catch {
                return error is DatabaseFailure
            }
        }
    }

    private static func write(
        _ podID: String, after: String, _ engine: any PodEngine, to body: BlockingBody,
        _ cancellation: EngineCancellation
    ) {
        // The comment makes the server send the head of the response at once.
        guard body.write(": here\nretry: 3000\n\n") else { return }
        var selection = EngineLogSelection(tail: tail, follows: true, hasTimes: true)
        if let last = DockerTime.nanoseconds(after) {
            selection.since = last / 1_000_000
            selection.tail = nil
        }
        var reader = PodLogReader(after: after)
        do {
            if try engine.observe(podID)?.startedAt != nil {
                try engine.logs(podID, selection, cancellation) { stream, bytes in
                    let lines = reader.receive(stream, bytes)
                    return lines.isEmpty || body.write(PodLogReader.messages(lines))
                }
            }
            guard !cancellation.isCanceled else { return body.stream.end() }
            _ = body.write(PodLogReader.messages(reader.finish()) + "event: end\ndata: the pod does not run\n\n")
            body.stream.end()
        } catch {
            // The browser reconnects, and learns then whether the engine responds.
            body.stream.end()
        }
    }
}

extension PodMeasurement {
    fileprivate init(_ statistics: EngineStatistics) {
        self.init(
            cpuPercent: statistics.cpuPercent, memoryBytes: statistics.memoryBytes,
            memoryLimitBytes: statistics.memoryLimitBytes)
    }
}
