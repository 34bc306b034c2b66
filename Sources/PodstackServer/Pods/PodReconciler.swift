// The pod reconciler: compares what a pod should be with what the engine has, and says what to record and what to do next.
//
// The status of a pod:
//
//                     ┌──────────── start, restart (run + 1) ───────────┐
//                     ▼                                                 │
//     create ──▶ creating ──▶ (pending) ──▶ running ──▶ stopping ──▶ stopped
//                     │            │           │   program ends, 0 ──▶    │
//                     │            │           └─ program fails, ──▶ failed
//                     └────────────┴─ cannot be created or started ──▶    │
//                                                                         ▼
//     delete, from any status ──▶ stopping ── the engine has no object ──▶ terminated
//
// A run is one start of a pod. A command of a user (start, restart) only increases the number of the run in the row. The
// reconciler then goes through these steps, each of which is recorded before the engine is asked for the next one:
//
//     run requested ── earlier run has ended ──▶ run prepared ── engine started it ──▶ run observed ──▶ run ended
//     (run > preparedRun)                        (baseline = start of the earlier run)  (startedAt ≠ baseline)
//
// The engine has one object for each pod, with the times of its latest run. After a prepared run, the object shows either
// the start of the earlier run, which is the baseline, or that of the new run. So a response that was lost, or that came
// twice, changes nothing: the next observation tells whether the run has begun, also if it has ended since.
//
// Invariants; the tests are in PodReconcilerTests:
//  1. If nothing is observed, only `ensure` is asked of the engine, and only for a pod that should run. (absent)
//  2. A run is started only after it was prepared, and prepared only while no earlier run goes on. (prepared)
//  3. A run that was observed is never started again: when it ends, the pod should be stopped. (endsOnce)
//  4. Every run that is observed is recorded with the engine's own times, whatever the pod should be. (recorded)
//  5. The recorded runs of a pod do not overlap, and a recorded end comes from the engine unless the engine lost the run;
//     it then is the last time at which the run was observed, and is corrected if the run appears again. (lost)
//  6. An observation that is older than what is recorded, or that the engine could not make, changes nothing. (stale, unknown)
//  7. A pod is terminated only when the engine has no object of it. (terminated)
//  8. A running pod is stopped before it is removed, so that the engine reports when the run ended. (stopsFirst)
//  9. Whatever happened before, a pod ends up as it should be once the engine responds again. (randomWalks)

/// The state that a user, or a limit, wants a pod to be in.
enum PodDesire: String, Sendable {
    case running, stopped, terminated
}

/// The status of a pod, as the API reports it.
enum PodStatus: String, Sendable, CaseIterable {
    case creating, pending, running, stopping, stopped, failed, terminated
}

/// The part of a pod's row that changes while the pod lives.
///
/// Times are milliseconds since 1970, by the engine's clock.
struct PodState: Sendable, Equatable {
    var desired = PodDesire.running
    /// The seconds between the signals TERM and KILL when the pod is stopped.
    var graceSeconds = PodState.graceSeconds
    /// The number of the run that was requested last.
    var run: Int64 = 1
    /// The number of the run that was prepared last; 0 for none.
    var preparedRun: Int64 = 0
    /// The start of the run before the prepared one; nil if there was none.
    var baseline: Int64?
    /// Whether the engine's object has to be created anew before the next run, because its GPUs have changed.
    var replaces = false
    /// Whether the engine was asked to start the prepared run: 0 or 1.
    var attempts: Int64 = 0
    var status = PodStatus.creating
    var reason: String?
    var node: String?
    /// The addresses that reach the published ports, by port of the pod.
    var addresses: [Int: String] = [:]
    /// The start of the latest run that was observed; nil if there was none.
    var startedAt: Int64?
    /// The end of that run; nil while it runs.
    var finishedAt: Int64?
    /// The last time at which the run was observed, which is recorded now and then.
    var observedAt: Int64?
    /// The exit code of the latest run; nil while it runs, and for a run that the engine lost.
    var exitCode: Int64?

    /// The seconds that a program has to end by itself when a user stops its pod.
    static let graceSeconds: Int64 = 10

    /// Whether a run was observed whose end was not.
    var isRunOpen: Bool { startedAt != nil && finishedAt == nil }

    /// Whether the run that was requested last was observed.
    var hasRun: Bool { preparedRun == run && startedAt != nil && startedAt != baseline }
}

// MARK: - Commands

extension PodState {
    /// Whether a run was requested that has not begun yet.
    var awaitsRun: Bool { desired == .running && !hasRun }

    /// Requests another run, after the current one has ended.
    ///
    /// - Parameter replaces: Whether the engine's object has to be created anew.
    mutating func requestRun(replaces: Bool = false) {
        desired = .running
        run += 1
        graceSeconds = Self.graceSeconds
        reason = nil
        if replaces { self.replaces = true }
        status = isRunOpen ? .stopping : .creating
    }

    /// Requests that the pod does not run.
    ///
    /// - Parameters:
    ///   - graceSeconds: The seconds that its program has to end by itself.
    ///   - reason: The reason that the API reports; nil for a user's request.
    mutating func requestStop(graceSeconds: Int64 = Self.graceSeconds, because reason: String? = nil) {
        if desired == .running { desired = .stopped }
        self.graceSeconds = graceSeconds
        self.reason = reason
        if status != .stopped, status != .failed { status = .stopping }
    }

    /// Requests that the pod is removed, whether it runs or not.
    mutating func requestDeletion(graceSeconds: Int64 = Self.graceSeconds, because reason: String? = nil) {
        desired = .terminated
        self.graceSeconds = graceSeconds
        self.reason = reason
        status = .stopping
    }
}

/// Decides what to record and what to do next for one pod; knows neither the database nor an engine.
enum PodReconciler {
    /// The next request to the engine.
    enum Action: Sendable, Equatable {
        /// Nothing until something changes.
        case none
        /// Nothing, but another observation soon.
        case observe
        case ensure
        case start
        case stop(graceSeconds: Int)
        case remove
    }

    /// A run for the bill; nil as the end of one that goes on.
    struct Run: Sendable, Equatable {
        var startedAt: Int64
        var finishedAt: Int64?
    }

    struct Event: Sendable, Equatable {
        var kind: PodEventKind
        var message: String
    }

    /// The changes to record, in one transaction, and the action that follows.
    struct Decision: Sendable, Equatable {
        var state: PodState
        var runs: [Run] = []
        var events: [Event] = []
        var action = Action.none
    }

    /// The milliseconds after which the time of an observation is recorded again.
    static let observationInterval: Int64 = 60_000

    /// Decides what follows from an observation.
    ///
    /// - Parameters:
    ///   - state: The state that is recorded.
    ///   - observation: The state of the engine's object; nil if the engine responded that it has none.
    ///   - now: The time at which the engine was asked.
    /// - Returns: The decision.
    static func reconcile(_ state: PodState, _ observation: EngineObservation?, now: Int64) -> Decision {
        var machine = Machine(state, now: now)
        guard state.status != .terminated, observation?.state != .unknown, machine.record(observation) else {
            return Decision(state: state, action: state.status == .terminated ? .none : .observe)
        }
        machine.decide(observation)
        return machine.decision
    }

    /// Decides what follows from an action that failed for good.
    ///
    /// - Parameters:
    ///   - state: The state that is recorded.
    ///   - action: The action.
    ///   - run: The run during which the action was started: if another one was requested since, nothing follows.
    ///   - reason: The reason, one sentence without its period.
    /// - Returns: The decision.
    static func giveUp(_ state: PodState, _ action: Action, ofRun run: Int64, because reason: String) -> Decision {
        var decision = Decision(state: state)
        guard state.desired == .running, state.run == run, action == .ensure || action == .start else {
            return decision
        }
        decision.state.desired = .stopped
        decision.state.status = .failed
        decision.state.reason = reason
        decision.events = [Event(kind: .failed, message: reason)]
        return decision
    }
}

// MARK: - Steps

extension PodReconciler {
    private struct Machine {
        var decision: Decision
        let now: Int64

        init(_ state: PodState, now: Int64) {
            decision = Decision(state: state)
            self.now = now
        }

        private var state: PodState {
            get { decision.state }
            set { decision.state = newValue }
        }

        private mutating func event(_ kind: PodEventKind, _ message: String) {
            decision.events.append(Event(kind: kind, message: message))
        }

        // MARK: Recording

        /// Records the run that an observation shows; returns false if the observation is older than the record.
        mutating func record(_ observation: EngineObservation?) -> Bool {
            guard let observation, let start = observation.startedAt else {
                // An object that never ran, or none: an open run was lost.
                if observation?.state != .removing { loseRun(at: state.observedAt) }
                return true
            }
            let isRunning = observation.state == .running
            if start == state.startedAt {
                let hasEnd = state.finishedAt != nil && state.exitCode != nil
                if isRunning, hasEnd { return false }
            } else {
                if start == state.baseline { return false }
                loseRun(at: min(state.observedAt ?? start, start))
                state.startedAt = start
                state.finishedAt = nil
                state.exitCode = nil
                state.observedAt = nil
                decision.runs.append(Run(startedAt: start))
                event(.started, "The pod started")
            }
            switch observation.state {
            case .running:
                if state.finishedAt != nil {
                    state.finishedAt = nil
                    decision.runs.append(Run(startedAt: start))
                }
                if now - (state.observedAt ?? .min / 2) >= PodReconciler.observationInterval { state.observedAt = now }
            case .exited(let code, _):
                endRun(at: observation.finishedAt ?? state.observedAt ?? now, code: Int64(code))
            case .created, .pending, .failed, .removing, .unknown:
                if let end = observation.finishedAt { endRun(at: end, code: state.exitCode) }
            }
            return true
        }

        private mutating func endRun(at time: Int64, code: Int64?) {
            guard let start = state.startedAt else { return }
            let end = max(start, time)
            if state.finishedAt != end { decision.runs.append(Run(startedAt: start, finishedAt: end)) }
            state.finishedAt = end
            state.exitCode = code
            state.addresses = [:]
        }

        private mutating func loseRun(at time: Int64?) {
            guard state.isRunOpen, let start = state.startedAt else { return }
            endRun(at: time ?? start, code: nil)
            event(.lost, "The engine no longer has the pod's container")
        }

        // MARK: Deciding

        mutating func decide(_ observation: EngineObservation?) {
            if let observation {
                state.node = observation.node
                if observation.state == .running {
                    state.addresses = observation.addresses
                } else {
                    state.addresses = [:]
                }
            } else {
                (state.node, state.addresses) = (nil, [:])
            }
            if state.desired == .running, state.hasRun, state.finishedAt != nil { concludeRun(observation) }
            decision.action =
                switch state.desired {
                case .running: bringUp(observation)
                case .stopped: bringDown(observation)
                case .terminated: takeAway(observation)
                }
        }

        /// Records that the run ended by itself.
        private mutating func concludeRun(_ observation: EngineObservation?) {
            state.desired = .stopped
            guard let code = state.exitCode else {
                state.status = .failed
                state.reason = "The engine lost the pod's container"
                if case .failed(let reason)? = observation?.state {
                    state.reason = reason
                    event(.lost, reason)
                }
                return
            }
            if case .exited(_, isOutOfMemory: true)? = observation?.state {
                state.status = .failed
                state.reason = "The pod ran out of memory"
                event(.outOfMemory, "The pod ran out of memory")
            } else if code == 0 {
                state.status = .stopped
                state.reason = nil
                event(.exited, "The program ended")
            } else {
                state.status = .failed
                state.reason = "The program ended with exit code \(code)"
                event(.failed, "The program ended with exit code \(code)")
            }
        }

        private mutating func bringUp(_ observation: EngineObservation?) -> Action {
            guard let observation else {
                state.replaces = false
                setCreating()
                return .ensure
            }
            switch observation.state {
            case .running where state.hasRun:
                state.status = .running
                state.reason = nil
                return .none
            case .running:
                state.status = .stopping
                return .stop(graceSeconds: Int(state.graceSeconds))
            case .removing, .unknown:
                setCreating()
                return .observe
            case .created, .exited, .failed, .pending:
                if state.replaces {
                    setCreating()
                    return .remove
                }
            }
            if state.preparedRun != state.run {
                state.preparedRun = state.run
                state.baseline = state.startedAt
                state.attempts = 0
            }
            switch observation.state {
            case .failed(let reason) where state.attempts > 0:
                state.desired = .stopped
                state.status = .failed
                state.reason = reason
                event(.failed, reason)
                return .none
            case .pending(let reason) where state.attempts > 0:
                state.status = .pending
                state.reason = reason
                return .none
            default:
                state.attempts = 1
                setCreating()
                return .start
            }
        }

        private mutating func bringDown(_ observation: EngineObservation?) -> Action {
            switch observation?.state {
            case .running, .pending:
                if state.status != .failed { state.status = .stopping }
                return .stop(graceSeconds: Int(state.graceSeconds))
            case .removing, .unknown: return .observe
            case nil, .created, .exited, .failed:
                if state.status != .failed, state.status != .stopped {
                    state.status = .stopped
                    event(.stopped, "The pod stopped")
                }
                return .none
            }
        }

        private mutating func takeAway(_ observation: EngineObservation?) -> Action {
            guard let observation else {
                state.status = .terminated
                event(.terminated, "The pod is deleted")
                return .none
            }
            state.status = .stopping
            switch observation.state {
            case .running: return .stop(graceSeconds: Int(state.graceSeconds))
            case .removing, .unknown: return .observe
            case .pending, .created, .exited, .failed: return .remove
            }
        }

        private mutating func setCreating() {
            guard state.status != .creating else { return }
            state.status = .creating
            state.reason = nil
        }
    }
}
