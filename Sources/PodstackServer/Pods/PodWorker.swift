import PodstackAPI
import Synchronization

/// Brings single pods to the state that they should be in: observes, records, acts, and observes again.
///
/// One thread at a time works on a pod. Different pods do not wait for each other: preparing a pod, which may pull an image
/// for minutes, has threads of its own.
final class PodWorker: Sendable {
    /// The settings of the operator that concern the engine.
    struct Settings: Sendable {
        /// The address that published ports are bound to.
        var publishAddress = "127.0.0.1"
        /// The runtime of the engine; nil for its default.
        var runtime: String?
    }

    private struct State {
        /// The pods on which a thread works, or is about to.
        var busy: Set<String> = []
        /// Those of them that have to be looked at again afterwards.
        var again: Set<String> = []
        /// The monotonic times in nanoseconds at which pods have to be looked at again.
        var due: [String: Int64] = [:]
        var failures: [String: Failures] = [:]
        /// The revisions that threads have written last, which need no further look.
        var written: [String: Int64] = [:]
        var isStopping = false
    }

    /// The failures of a pod's current step.
    private struct Failures {
        var action: PodReconciler.Action
        var run: Int64
        var count: Int
    }

    /// The attempts after which a step that keeps failing is given up.
    private static let maxAttempts = 5
    /// The steps after which the thread turns to other pods.
    private static let maxSteps = 20
    /// The seconds between two observations of a pod that is being changed by the engine.
    private static let observationSeconds = 0.3
    /// The seconds between two records of the progress of a pull.
    private static let progressNanoseconds: Int64 = 3_000_000_000

    private let link: EngineLink
    private let engine: any PodEngine
    private let database: any Database
    private let changes: Changes
    private let billing: Billing
    private let sealing: SealedValues
    private let settings: Settings
    private let instance: String
    private let log: Log
    private let now: @Sendable () -> Int64
    /// Whether this process may act: see ``PodController``.
    private let mayAct: @Sendable () -> Bool
    /// Called when the engine has responded, or has not.
    private let reached: @Sendable (Bool, String) -> Void
    private let state = Monitor(State())
    private let steps = WorkQueue(capacity: 100_000, threads: 32)
    private let preparations = WorkQueue(capacity: 100_000, threads: 16)

    struct Environment: Sendable {
        var link: EngineLink
        var engine: any PodEngine
        var database: any Database
        var changes: Changes
        var billing: Billing
        var sealing: SealedValues
        var settings: Settings
        var instance: String
        var log: Log
        /// Returns the time in milliseconds since 1970.
        var now: @Sendable () -> Int64
        /// Returns the nanoseconds of a monotonic clock.
        var elapsed: @Sendable () -> Int64
    }

    init(
        _ environment: Environment, mayAct: @escaping @Sendable () -> Bool,
        reached: @escaping @Sendable (_ isReachable: Bool, _ reason: String) -> Void
    ) {
        link = environment.link
        engine = environment.engine
        database = environment.database
        changes = environment.changes
        billing = environment.billing
        sealing = environment.sealing
        settings = environment.settings
        instance = environment.instance
        log = environment.log
        now = environment.now
        self.mayAct = mayAct
        self.reached = reached
    }

    // MARK: - Scheduling

    /// Looks at a pod as soon as a thread is free, and again if one is working on it.
    func schedule(_ podID: String) {
        let isNew = state.change(waking: .none) { state in
            guard !state.isStopping else { return false }
            state.due[podID] = nil
            guard state.busy.insert(podID).inserted else {
                state.again.insert(podID)
                return false
            }
            return true
        }
        if isNew, !steps.add({ [self] in work(on: podID) }) { finish(podID, after: 1) }
    }

    /// Returns whether a revision of a pod was written here.
    func hasWritten(_ revision: Int64, of podID: String) -> Bool {
        state.change(waking: .none) { $0.written[podID] == revision }
    }

    /// Schedules the pods whose time has come, and returns the seconds until the next one; nil if there is none.
    func scheduleDue() -> Double? {
        let time = MonotonicClock.nanoseconds
        let (due, next) = state.change(waking: .none) { state in
            let due = state.due.filter { $0.value <= time }.map(\.key)
            for id in due { state.due[id] = nil }
            return (due, state.due.values.min())
        }
        for id in due { schedule(id) }
        return next.map { Double($0 - time) / 1e9 }
    }

    /// Waits until no thread works on a pod, at most some seconds; afterwards, no new work begins.
    func stop(within seconds: Double) {
        state.change { $0.isStopping = true }
        _ = state.wait(seconds) { $0.busy.isEmpty ? true : nil }
    }

    /// Waits until no thread works on one of some pods, at most some seconds.
    func waitUntilIdle(_ podIDs: Set<String>, within seconds: Double) {
        _ = state.wait(seconds) { $0.busy.isDisjoint(with: podIDs) ? true : nil }
    }

    private var isStopping: Bool { state.change(waking: .none) { $0.isStopping } }

    private func finish(_ podID: String, after seconds: Double? = nil) {
        let isDueNow = state.change { state in
            state.busy.remove(podID)
            if let seconds, !state.isStopping { state.due[podID] = MonotonicClock.nanoseconds + Int64(seconds * 1e9) }
            return state.again.remove(podID) != nil && !state.isStopping
        }
        if isDueNow { schedule(podID) } else if seconds != nil { link.wakeups.change { _ in } }
    }

    // MARK: - Steps

    private enum Outcome {
        /// Nothing is left to do.
        case done
        /// The pod has to be looked at again after some seconds.
        case wait(Double)
        /// Another thread continues.
        case handedOn
    }

    private func work(on podID: String) {
        switch advance(podID) {
        case .done: finish(podID)
        case .wait(let seconds): finish(podID, after: seconds)
        case .handedOn: break
        }
    }

    private func advance(_ podID: String) -> Outcome {
        for _ in 0..<Self.maxSteps {
            guard !isStopping, mayAct() else { return .done }
            do {
                let time = now()
                let observation = try engine.observe(podID)
                reached(true, "")
                guard let (pod, action) = try apply(observation, madeAt: time, to: podID) else { return .done }
                switch action {
                case .none:
                    state.change(waking: .none) { $0.failures[podID] = nil }
                    return .done
                case .observe: return .wait(Self.observationSeconds)
                case .ensure:
                    let isAdded = preparations.add { [self] in
                        switch perform(.ensure, pod) {
                        case nil: work(on: podID)
                        case .wait(let seconds)?: finish(podID, after: seconds)
                        case _?: finish(podID)
                        }
                    }
                    return isAdded ? .handedOn : .wait(1)
                default:
                    if let outcome = perform(action, pod) { return outcome }
                }
            } catch let failure as EngineFailure {
                return unreachable(failure)
            } catch {
                log.write("pod_not_reconciled", level: "error", [("pod", podID), ("reason", Self.reason(error))])
                return .wait(2)
            }
        }
        return .wait(Self.observationSeconds)
    }

    private func unreachable(_ failure: EngineFailure) -> Outcome {
        if failure.kind == .unreachable { reached(false, failure.reason) }
        return .wait(failure.kind == .unreachable ? 1 : 2)
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let failure as DatabaseFailure: failure.reason
        case let failure as EngineFailure: failure.reason
        default: "an unexpected error"
        }
    }

    /// Records what an observation shows.
    ///
    /// - Parameters:
    ///   - observation: The observation.
    ///   - time: The time at which the engine was asked.
    ///   - podID: The pod.
    /// - Returns: The pod with the next action; nil if the pod is gone.
    /// - Throws: ``DatabaseFailure``.
    func apply(
        _ observation: EngineObservation?, madeAt time: Int64, to podID: String
    ) throws -> (pod: PodRecord, action: PodReconciler.Action)? {
        guard let pod = try database.read({ try PodStore.find(podID, in: $0) }), !pod.isTerminated else { return nil }
        let expected = PodReconciler.reconcile(pod.state, observation, now: time)
        if expected.state == pod.state, expected.runs.isEmpty, expected.events.isEmpty { return (pod, expected.action) }
        let result = try record(podID) { PodReconciler.reconcile($0, observation, now: time) }
        if let result, result.pod.isTerminated { cleanUp(after: result.pod) }
        return result
    }

    /// Writes a decision about the newest state of a pod.
    private func record(
        _ podID: String, _ decide: (PodState) -> PodReconciler.Decision
    ) throws -> (pod: PodRecord, action: PodReconciler.Action)? {
        let time = now()
        return try changes.perform(by: .administrator, at: time / 1000) { change in
            guard var pod = try PodStore.find(podID, in: change.connection), !pod.isTerminated else { return nil }
            let decision = decide(pod.state)
            guard decision.state != pod.state || !decision.runs.isEmpty || !decision.events.isEmpty else {
                return (pod, decision.action)
            }
            pod.state = decision.state
            pod.changedAt = time
            for run in decision.runs {
                try billing.record(
                    pod.charge, userID: pod.userID, gpuType: pod.gpuType, gpuCount: pod.gpuCount,
                    startedAt: run.startedAt, finishedAt: run.finishedAt, in: change.connection)
            }
            for event in decision.events {
                try PodEventStore.append(event.kind, event.message, of: &pod, at: time, in: change.connection)
            }
            if pod.isTerminated {
                pod.terminatedAt = time
                try PodTermination.revokeOwnToken(of: pod, in: change)
                try PodStore.removeSecrets(of: podID, in: change.connection)
            }
            let revision = try PodStore.update(pod, in: change.connection)
            state.change(waking: .none) { $0.written[podID] = pod.isTerminated ? nil : revision }
            return (pod, decision.action)
        }
    }

    /// Removes the network of a project whose last pod is gone.
    private func cleanUp(after pod: PodRecord) {
        state.change(waking: .none) { $0.failures[pod.id] = nil }
        let left = try? database.read { try PodStore.countAlive(projectID: pod.projectID, in: $0) }
        // If a pod is being created at the same time, the engine refuses, or that pod creates the network again.
        if left == 0 { try? engine.removeNetwork(projectID: pod.projectID) }
    }

    // MARK: - Actions

    /// Performs an action; returns nil if the pod can be observed again at once.
    private func perform(_ action: PodReconciler.Action, _ pod: PodRecord) -> Outcome? {
        do {
            switch action {
            case .none, .observe: break
            case .ensure:
                for mount in pod.configuration.volumes { try engine.ensureVolume(mount.volumeID, instance: instance) }
                let progress = Progress { [self] line, isFirst in
                    recordProgress(line, of: pod, isFirst: isFirst)
                }
                try engine.ensure(try specification(of: pod)) { progress.report($0) }
            case .start:
                // The service may have ended after the object was created, and before it had the file with the token.
                if pod.ownTokenID != nil { try engine.ensure(try specification(of: pod)) { _ in } }
                try engine.start(pod.id)
            case .stop(let seconds): try engine.stop(pod.id, graceSeconds: seconds)
            case .remove: try engine.remove(pod.id)
            }
            state.change(waking: .none) { $0.failures[pod.id] = nil }
            return nil
        } catch {
            let failure = error as? EngineFailure ?? EngineFailure(kind: .failed, reason: Self.reason(error))
            return failed(action, pod, failure)
        }
    }

    private func failed(_ action: PodReconciler.Action, _ pod: PodRecord, _ failure: EngineFailure) -> Outcome? {
        switch failure.kind {
        case .unreachable:
            reached(false, failure.reason)
            return .wait(1)
        case .canceled: return .done
        default: break
        }
        let count = state.change(waking: .none) { state in
            var failures = state.failures[pod.id] ?? Failures(action: action, run: pod.state.run, count: 0)
            if failures.action != action || failures.run != pod.state.run {
                failures = Failures(action: action, run: pod.state.run, count: 0)
            }
            failures.count += 1
            state.failures[pod.id] = failures
            return failures.count
        }
        // The object may have gone between the observation and the action.
        if failure.kind == .notFound, action != .ensure, count < Self.maxAttempts {
            return .wait(Self.observationSeconds)
        }
        log.write(
            "pod_step_failed", level: "warning",
            [
                ("pod", pod.id), ("step", Self.name(action)), ("reason", failure.reason),
                ("kind", failure.kind.rawValue),
            ])
        guard action == .ensure || action == .start, !failure.isTransient || count >= Self.maxAttempts else {
            return .wait(min(0.5 * Double(1 << min(count, 6)), 30))
        }
        do {
            let reason = PodEventStore.limited(failure.reason)
            _ = try record(pod.id) { PodReconciler.giveUp($0, action, ofRun: pod.state.run, because: reason) }
            state.change(waking: .none) { $0.failures[pod.id] = nil }
            return nil
        } catch {
            log.write("pod_not_reconciled", level: "error", [("pod", pod.id), ("reason", Self.reason(error))])
            return .wait(2)
        }
    }

    private static func name(_ action: PodReconciler.Action) -> String {
        switch action {
        case .none: "none"
        case .observe: "observe"
        case .ensure: "create"
        case .start: "start"
        case .stop: "stop"
        case .remove: "remove"
        }
    }

    // MARK: - Preparing

    /// The path in a pod of the file with its own token.
    static let tokenPath = "/run/podstack/token"

    private func specification(of pod: PodRecord) throws -> EngineSpecification {
        var secrets = PodSecrets()
        if let sealed = try database.read({ try PodStore.sealed(pod.id, in: $0) }) {
            guard let opened = sealing.open(sealed, for: pod.id),
                let decoded = try? APICoding.decode(PodSecrets.self, from: opened)
            else {
                throw EngineFailure(
                    kind: .refused, reason: "The pod's variables cannot be decrypted with the service's pepper")
            }
            secrets = decoded
        }
        let configuration = pod.configuration
        var specification = EngineSpecification(
            podID: pod.id, instance: instance, projectID: pod.projectID, image: configuration.image,
            cpuMillicores: configuration.cpuMillicores, memoryBytes: Int64(configuration.memoryGiB) << 30,
            diskBytes: Int64(configuration.diskGiB) << 30, publishAddress: settings.publishAddress)
        specification.registry = secrets.registry.map {
            EngineSpecification.RegistryCredential(username: $0.username, password: $0.password)
        }
        specification.command = configuration.command
        specification.environment = secrets.environment.sorted { $0.key < $1.key }.map {
            (name: $0.key, value: $0.value)
        }
        if let token = secrets.token {
            specification.environment.append((name: PodRules.tokenFileVariable, value: Self.tokenPath))
            specification.secretFiles = [.init(path: Self.tokenPath, content: Array((token + "\n").utf8))]
        }
        specification.ports = configuration.ports
        specification.mounts = configuration.volumes.map { .init(volumeID: $0.volumeID, path: $0.path) }
        if let type = pod.gpuType, pod.gpuCount > 0 {
            specification.gpus = .init(type: type, count: pod.gpuCount, devices: pod.devices)
        }
        specification.runtime = settings.runtime
        return specification
    }

    private func recordProgress(_ line: String, of pod: PodRecord, isFirst: Bool) {
        let text = PodEventStore.limited(line, bytes: 200)
        let time = now()
        // A failure costs a line of progress, and no more.
        try? database.write { connection in
            try PodStore.setReason(text, ofCreatingPod: pod.id, in: connection)
            guard isFirst, var current = try PodStore.find(pod.id, in: connection) else { return }
            try PodEventStore.append(.preparing, text, of: &current, at: time, in: connection)
            let revision = try PodStore.update(current, in: connection)
            state.change(waking: .none) { $0.written[pod.id] = revision }
        }
    }

    /// Passes on the first line of a pod's progress, and then one in a while.
    private final class Progress: Sendable {
        private let last = Mutex<Int64?>(nil)
        private let record: @Sendable (_ line: String, _ isFirst: Bool) -> Void

        init(_ record: @escaping @Sendable (_ line: String, _ isFirst: Bool) -> Void) {
            self.record = record
        }

        func report(_ line: String) {
            let time = MonotonicClock.nanoseconds
            let isFirst: Bool? = last.withLock { last in
                if let last, time - last < PodWorker.progressNanoseconds { return nil }
                defer { last = time }
                return last == nil
            }
            if let isFirst { record(line, isFirst) }
        }
    }

    // MARK: - Orphans

    /// Stops and removes an object that carries the label of this service and has no pod.
    func removeOrphan(_ podID: String) {
        let isNew = state.change(waking: .none) { state in
            !state.isStopping && state.busy.insert(podID).inserted
        }
        guard isNew else { return }
        let isAdded = steps.add { [self] in
            defer { finish(podID) }
            do {
                // The pod may have been terminated since the engine was asked for all objects.
                guard mayAct(), try engine.observe(podID) != nil,
                    try database.read({ try PodStore.aliveIDs(of: [podID], in: $0) }).isEmpty
                else { return }
                try engine.stop(podID, graceSeconds: 0)
                try engine.remove(podID)
                log.write("pod_orphaned", level: "warning", [("pod", podID)])
                try changes.perform(by: .administrator, at: now() / 1000) { change in
                    guard let pod = try PodStore.find(podID, in: change.connection) else { return }
                    try change.record(.podOrphaned, on: AuditResource(pod))
                }
            } catch {
                log.write("orphan_not_removed", level: "warning", [("pod", podID), ("reason", Self.reason(error))])
            }
        }
        if !isAdded { finish(podID) }
    }
}
