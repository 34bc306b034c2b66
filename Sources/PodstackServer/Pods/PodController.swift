import PodstackAPI
import Synchronization

/// Makes the engine follow the pods in the database, and stops pods that have reached a limit.
///
/// Only one instance on a database acts: the leader. A thread wakes when pods change in the database or in the engine, and
/// once a second to check limits. The ``PodWorker`` runs the slow steps.
final class PodController: Sendable {
    /// The seconds between two checks of the limits, and of the leadership.
    private static let tickSeconds = 1.0
    /// The seconds between two reviews of what pods have cost.
    private static let reviewSeconds: Int64 = 2
    /// The seconds between two observations of all pods, in case an event of the engine got lost.
    private static let observationSeconds: Int64 = 30
    /// The seconds between two attempts to reach an engine that does not respond.
    private static let retrySeconds = 1.0
    /// The seconds that the programs of pods have to end by themselves when a limit stops them.
    private static let limitGraceSeconds: Int64 = 2
    /// The seconds at start-up within which pods over their limits are stopped.
    private static let startSeconds = 20.0
    /// The seconds within which running steps end when the service stops.
    private static let stopSeconds = 5.0
    /// The seconds between two removals of old rows, and of deleted volumes.
    private static let pruningSeconds: Int64 = 3600
    private static let volumeSeconds: Int64 = 10

    private let environment: PodWorker.Environment
    private let worker: PodWorker
    private let link: EngineLink
    private let lock: any ProcessLock
    private let leadership = Leadership()
    private let watching = EngineCancellation()
    /// The number of threads that run.
    private let threads = Monitor(0)
    private let state = Mutex(State())
    private let volumes = WorkQueue(capacity: 1)

    /// Whether this process is the leader.
    private final class Leadership: Sendable {
        let isHeld = Atomic(false)
    }

    private struct State {
        /// The pods that are not terminated, as they were read last, by ID.
        var alive: [String: PodRecord] = [:]
        var revision: Int64 = 0
        /// How long runs had lasted when they were first seen.
        ///
        /// From then on the monotonic clock counts, so that a step of the system's clock neither stops a pod nor keeps it.
        var anchors: [String: Anchor] = [:]
        var prunedAt: Int64?
        var reviewedAt: Int64?
        var leadershipAt: Int64?
        var volumesAt: Int64?
    }

    private struct Anchor {
        var startedAt: Int64
        /// Milliseconds.
        var lasted: Int64
        /// Monotonic nanoseconds.
        var seenAt: Int64
    }

    /// Creates the controller of a service with an engine.
    ///
    /// - Parameter environment: The parts of the service that it works with.
    init(_ environment: PodWorker.Environment) {
        self.environment = environment
        link = environment.link
        lock = environment.database.processLock()
        let (log, link, leadership) = (environment.log, environment.link, leadership)
        worker = PodWorker(environment, mayAct: { leadership.isHeld.load(ordering: .acquiring) }) {
            isReachable, reason in
            guard link.set(isReachable: isReachable) else { return }
            if isReachable {
                log.write("engine_reachable")
                link.wake()
            } else {
                log.write("engine_unreachable", level: "error", [("reason", reason)])
            }
        }
    }

    private var engine: any PodEngine { environment.engine }

    private func report(_ failure: any Error) {
        guard let failure = failure as? EngineFailure else {
            let reason = (failure as? DatabaseFailure)?.reason ?? "an unexpected error"
            environment.log.write("pods_not_checked", level: "error", [("reason", reason)])
            return
        }
        // An engine that refuses to run pods, such as one that is too old, is of no more use than one that does not respond.
        guard failure.kind == .unreachable || failure.kind == .refused, link.set(isReachable: false) else { return }
        environment.log.write("engine_unreachable", level: "error", [("reason", failure.reason)])
    }

    private func reportReachable() {
        if link.set(isReachable: true) { environment.log.write("engine_reachable") }
    }

    // MARK: - Start and stop

    /// Corrects what is recorded from the engine, and stops the pods that have reached a limit; then starts the threads.
    ///
    /// Must return before the service accepts requests. If the engine does not respond, the service starts without it.
    func start() {
        updateLeadership()
        do {
            link.set(try engine.capabilities())
            let time = environment.now()
            let found = try engine.observe(instance: environment.instance)
            reportReachable()
            if isLeader { try catchUp(found, madeAt: time) }
        } catch { report(error) }
        startThread { [self] in control() }
        startThread { [self] in watch() }
    }

    /// Ends the threads, and waits a moment for what the engine is doing.
    ///
    /// Nothing is lost if it takes longer: the next start observes how far it got.
    func stop() {
        link.wakeups.change { $0.isStopping = true }
        watching.cancel()
        worker.stop(within: Self.stopSeconds)
        _ = threads.wait(Self.stopSeconds) { $0 == 0 ? true : nil }
        leadership.isHeld.store(false, ordering: .releasing)
        lock.release()
    }

    private func startThread(_ run: @escaping @Sendable () -> Void) {
        threads.change { $0 += 1 }
        let isStarted = WorkerThread.start { [threads] in
            run()
            threads.change { $0 -= 1 }
        }
        guard !isStarted else { return }
        threads.change { $0 -= 1 }
        environment.log.write("pods_not_controlled", level: "error", [("reason", "no thread could be started")])
    }

    private var isStopping: Bool { link.wakeups.change(waking: .none) { $0.isStopping } }

    private func catchUp(_ found: [EngineObservation], madeAt time: Int64) throws {
        let observations = Dictionary(found.map { ($0.podID, $0) }) { first, _ in first }
        for pod in try environment.database.read({ try PodStore.alive(in: $0) }) {
            _ = try worker.apply(observations[pod.id], madeAt: time, to: pod.id)
        }
        try readAlive()
        try enforceLimits()
        try readAlive()
        let ending = state.withLock { state in
            Set(state.alive.values.filter { $0.state.desired != .running && $0.state.isRunOpen }.map(\.id))
        }
        for id in ending { worker.schedule(id) }
        worker.waitUntilIdle(ending, within: Self.startSeconds)
    }

    // MARK: - Leadership

    private var isLeader: Bool { leadership.isHeld.load(ordering: .acquiring) }

    /// Takes or checks the lock of the leader; returns whether this process has just become the leader.
    @discardableResult
    private func updateLeadership() -> Bool {
        let isHeld = lock.hold()
        let wasHeld = leadership.isHeld.exchange(isHeld, ordering: .acquiringAndReleasing)
        guard isHeld != wasHeld else { return false }
        environment.log.write(isHeld ? "pods_led" : "pods_not_led")
        return isHeld
    }

    // MARK: - The control thread

    private func control() {
        var isObserved = false
        while !isStopping {
            let next = worker.scheduleDue() ?? Self.tickSeconds
            let wakeups = link.wakeups.wait(min(max(next, 0.01), Self.tickSeconds)) { wakeups -> EngineLink.Wakeups? in
                guard wakeups.isStopping || wakeups.hasChanges || !wakeups.podIDs.isEmpty else { return nil }
                defer { (wakeups.podIDs, wakeups.hasChanges) = ([], false) }
                return wakeups
            }
            if isStopping { return }
            // Each check asks the database, and wakeups may follow each other quickly.
            if isDue(1, since: \.leadershipAt) { updateLeadership() }
            guard isLeader else {
                isObserved = false
                continue
            }
            do {
                for id in wakeups?.podIDs ?? [] { worker.schedule(id) }
                for (pod, revision) in try readAlive()
                where Self.isUnsettled(pod) && !worker.hasWritten(revision, of: pod.id) {
                    worker.schedule(pod.id)
                }
                if !isObserved {
                    try observeAll()
                    isObserved = true
                }
                try enforceLimits()
                try tidyUp(isWoken: wakeups?.hasChanges == true)
            } catch { report(error) }
        }
    }

    /// Reads the pods that have changed, and returns them with the revisions of their rows.
    @discardableResult
    private func readAlive() throws -> [(pod: PodRecord, revision: Int64)] {
        let known = state.withLock { $0.revision }
        let (changed, revision) = try environment.database.read { try PodStore.changed(after: known, in: $0) }
        state.withLock { state in
            state.revision = revision
            for (pod, _) in changed {
                state.alive[pod.id] = pod.isTerminated ? nil : pod
                if pod.isTerminated { state.anchors[pod.id] = nil }
            }
        }
        return changed
    }

    /// Returns whether a pod is not as it should be, according to the database alone.
    private static func isUnsettled(_ pod: PodRecord) -> Bool {
        switch pod.state.desired {
        case .running: pod.state.status != .running || !pod.state.hasRun
        case .stopped: pod.state.isRunOpen || ![.stopped, .failed].contains(pod.state.status)
        case .terminated: !pod.isTerminated
        }
    }

    // MARK: - Limits

    private enum Limit {
        case time(Int64, name: String, deletes: Bool)
        case spending(SpendLimitKind)

        var name: String {
            switch self {
            case .time(_, let name, _): name
            case .spending(let kind): kind == .pod ? "max_cost" : kind.rawValue
            }
        }

        var message: String {
            switch self {
            case .time(let seconds, let name, let deletes):
                "The pod was \(deletes ? "deleted" : "stopped") because it reached its \(name) of "
                    + counted(seconds, "second")
            case .spending(.pod): "The pod was stopped because it reached its max_cost"
            case .spending(.token): "The pod was stopped because the token that started it reached its spend limit"
            case .spending(.project): "The pod was stopped because its project reached its spend limit"
            case .spending(.wallet): "The pod was stopped because the wallet of its account is empty"
            }
        }
    }

    /// Stops or deletes the pods that have reached a limit.
    private func enforceLimits() throws {
        var reached: [String: Limit] = [:]
        let alive = state.withLock { Array($0.alive.values) }
        for pod in alive {
            guard let seconds = secondsSinceStart(of: pod) else { continue }
            if let limit = pod.limits.deleteAfterSeconds, seconds >= limit, pod.state.desired != .terminated {
                reached[pod.id] = .time(limit, name: "delete_after", deletes: true)
            } else if let limit = pod.limits.stopAfterSeconds, seconds >= limit, pod.state.desired == .running {
                reached[pod.id] = .time(limit, name: "stop_after", deletes: false)
            }
        }
        let isMetered =
            alive.contains { $0.state.isRunOpen && $0.pricePerHour > 0 }
            && isDue(Self.reviewSeconds, since: \.reviewedAt)
        let time = environment.now()
        let billing = environment.billing
        let review = isMetered ? try environment.database.read { try billing.review(now: time, in: $0) } : nil
        for (podID, kind) in review?.exhausted ?? [] where reached[podID] == nil { reached[podID] = .spending(kind) }
        let notices = review?.notices ?? []
        guard !reached.isEmpty || !notices.isEmpty else { return }
        let ended = try environment.changes.perform(by: .administrator, at: time / 1000) { change in
            try billing.record(notices, now: time, in: change)
            return try reached.filter { try end($0.key, $0.value, at: time, in: change) }.map(\.key)
        }
        for id in ended { worker.schedule(id) }
    }

    /// Returns the seconds since the start of a pod's latest run; nil if none was observed since it was requested.
    private func secondsSinceStart(of pod: PodRecord) -> Int64? {
        guard let start = pod.state.startedAt, pod.state.hasRun || pod.state.desired != .running else { return nil }
        let (time, elapsed) = (environment.now(), environment.elapsed())
        let anchor = state.withLock { state in
            if let anchor = state.anchors[pod.id], anchor.startedAt == start { return anchor }
            let anchor = Anchor(startedAt: start, lasted: max(0, time - start), seenAt: elapsed)
            state.anchors[pod.id] = anchor
            return anchor
        }
        return (anchor.lasted + (elapsed - anchor.seenAt) / 1_000_000) / 1000
    }

    /// Ends a pod because of a limit; returns false if it had ended.
    private func end(_ podID: String, _ limit: Limit, at time: Int64, in change: Change) throws -> Bool {
        guard var pod = try PodStore.find(podID, in: change.connection), !pod.isTerminated else { return false }
        let isDeletion = if case .time(_, _, deletes: true) = limit { true } else { false }
        guard pod.state.desired == .running || isDeletion && pod.state.desired != .terminated else { return false }
        if isDeletion {
            pod.state.requestDeletion(graceSeconds: Self.limitGraceSeconds, because: limit.message)
        } else {
            pod.state.requestStop(graceSeconds: Self.limitGraceSeconds, because: limit.message)
        }
        pod.changedAt = time
        if isDeletion { try PodTermination.revokeOwnToken(of: pod, in: change) }
        try PodEventStore.append(.limitReached, limit.message, of: &pod, at: time, in: change.connection)
        try PodStore.update(pod, in: change.connection)
        try change.record(.limitReached, on: AuditResource(pod), ["limit": .string(limit.name)])
        return true
    }

    // MARK: - The engine

    /// Waits for events of the engine, and observes all pods now and then.
    private func watch() {
        var isConnected = false
        var observedAt = MonotonicClock.nanoseconds
        while !watching.isCanceled {
            do {
                if !isConnected {
                    link.set(try engine.capabilities())
                    reportReachable()
                    if isLeader { try observeAll() }
                    isConnected = true
                }
                let changed = try engine.waitForChanges(seconds: 10, watching)
                if watching.isCanceled { return }
                reportReachable()
                guard isLeader else { continue }
                for id in changed { worker.schedule(id) }
                if MonotonicClock.nanoseconds - observedAt >= Self.observationSeconds * 1_000_000_000 {
                    observedAt = MonotonicClock.nanoseconds
                    // Nodes of a cluster come and go.
                    if link.capabilities?.isCluster == true { link.set(try engine.capabilities()) }
                    try observeAll()
                }
            } catch {
                if watching.isCanceled { return }
                report(error)
                isConnected = false
                if watching.wait(seconds: Self.retrySeconds) { return }
            }
        }
    }

    /// Compares all objects of the engine with all pods, and schedules the pods that differ.
    private func observeAll() throws {
        // Read before the engine is asked: a pod that is created meanwhile is not missing, and no object is without a pod.
        let alive = try environment.database.read { try PodStore.alive(in: $0) }
        let time = environment.now()
        let found = try engine.observe(instance: environment.instance)
        let observations = Dictionary(found.map { ($0.podID, $0) }) { first, _ in first }
        for pod in alive {
            let decision = PodReconciler.reconcile(pod.state, observations[pod.id], now: time)
            if decision.state != pod.state || decision.action != .none { worker.schedule(pod.id) }
        }
        let known = Set(alive.map(\.id))
        for id in observations.keys where !known.contains(id) { worker.removeOrphan(id) }
    }

    // MARK: - Tidying up

    /// Removes deleted volumes from the engine, and old rows from the database.
    private func tidyUp(isWoken: Bool) throws {
        if isDue(Self.volumeSeconds, since: \.volumesAt) || isWoken { volumes.add { [self] in removeVolumes() } }
        guard isDue(Self.pruningSeconds, since: \.prunedAt) else { return }
        let oldest = environment.now() - PodStore.retentionSeconds * 1000
        while try environment.database.write({ try PodStore.removeTerminated(before: oldest, limit: 100, in: $0) }) > 0
        {}
    }

    /// Returns whether some seconds have passed since the last call that returned true.
    private func isDue(_ seconds: Int64, since last: WritableKeyPath<State, Int64?>) -> Bool {
        let time = MonotonicClock.nanoseconds
        return state.withLock { state in
            if let before = state[keyPath: last], time - before < seconds * 1_000_000_000 { return false }
            state[keyPath: last] = time
            return true
        }
    }

    private func removeVolumes() {
        do {
            for id in try environment.database.read({ try VolumeStore.toRemove(limit: 100, in: $0) }) {
                do {
                    try engine.removeVolume(id)
                    try environment.database.write {
                        try VolumeStore.setRemoved(id, at: environment.now(), in: $0)
                    }
                } catch let failure as EngineFailure where failure.kind != .unreachable {
                    environment.log.write(
                        "volume_not_removed", level: "warning", [("volume", id), ("reason", failure.reason)])
                }
            }
        } catch { report(error) }
    }
}
