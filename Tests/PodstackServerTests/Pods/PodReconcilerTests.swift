import PodstackTestSupport
import Testing

@testable import PodstackServer

/// The invariants at the beginning of `Pods/PodReconciler.swift`.
@Suite("The pod reconciler", .timeLimit(.perTest))
struct PodReconcilerTests {
    private func observation(
        _ state: EngineObservation.State, from start: Int64? = nil, to end: Int64? = nil
    ) -> EngineObservation {
        EngineObservation(podID: "pod", state: state, startedAt: start, finishedAt: end)
    }

    private func exited(_ code: Int, from start: Int64, to end: Int64, isOutOfMemory: Bool = false) -> EngineObservation
    {
        observation(.exited(code: code, isOutOfMemory: isOutOfMemory), from: start, to: end)
    }

    /// A pod whose first run began at 100.
    private func running() -> PodState {
        var state = PodState()
        for next in [nil, observation(.created), observation(.running, from: 100)] {
            state = PodReconciler.reconcile(state, next, now: 100).state
        }
        return state
    }

    // MARK: - Invariants

    @Test("an engine without an object of the pod is asked to create one, if the pod should run")
    func absent() {
        for desired in [PodDesire.running, .stopped, .terminated] {
            var state = PodState()
            state.desired = desired
            let decision = PodReconciler.reconcile(state, nil, now: 0)
            #expect(decision.action == (desired == .running ? .ensure : .none))
            #expect(decision.runs.isEmpty)
        }
    }

    @Test("a run is started after it was prepared, and prepared after the earlier run has ended")
    func prepared() {
        var decision = PodReconciler.reconcile(PodState(), observation(.created), now: 0)
        #expect(decision.action == .start)
        #expect(decision.state.preparedRun == 1)
        #expect(decision.state.baseline == nil)

        var state = running()
        state.requestRun()
        decision = PodReconciler.reconcile(state, observation(.running, from: 100), now: 150)
        #expect(decision.action == .stop(graceSeconds: 10))
        #expect(decision.state.preparedRun == 1)
        #expect(decision.state.status == .stopping)
        decision = PodReconciler.reconcile(decision.state, exited(0, from: 100, to: 160), now: 160)
        #expect(decision.action == .start)
        #expect(decision.state.preparedRun == 2)
        #expect(decision.state.baseline == 100)
        #expect(decision.state.status == .creating)
        // The engine has not started it yet, or the response was lost.
        let repeated = PodReconciler.reconcile(decision.state, exited(0, from: 100, to: 160), now: 161)
        #expect(repeated.action == .start)
        #expect(repeated.state == decision.state)
        decision = PodReconciler.reconcile(decision.state, observation(.running, from: 170), now: 175)
        #expect(decision.action == .none)
        #expect(decision.state.status == .running)
        #expect(decision.runs == [.init(startedAt: 170)])
    }

    @Test("a run that has ended is not started again", arguments: [0, 3])
    func endsOnce(code: Int) {
        // Also if it has ended before it was ever seen running.
        var unseen = PodReconciler.reconcile(PodState(), observation(.created), now: 0).state
        unseen = PodReconciler.reconcile(unseen, exited(code, from: 100, to: 105), now: 110).state
        let seen = PodReconciler.reconcile(running(), exited(code, from: 100, to: 105), now: 110)
        for state in [unseen, seen.state] {
            #expect(state.desired == .stopped)
            #expect(state.status == (code == 0 ? .stopped : .failed))
            #expect(state.reason == (code == 0 ? nil : "The program ended with exit code 3"))
            #expect(state.exitCode == Int64(code))
            #expect(PodReconciler.reconcile(state, exited(code, from: 100, to: 105), now: 200).action == .none)
        }
        #expect(seen.runs == [.init(startedAt: 100, finishedAt: 105)])
    }

    @Test("a program that was killed for its memory has failed for that reason")
    func outOfMemory() {
        let decision = PodReconciler.reconcile(
            running(), exited(137, from: 100, to: 105, isOutOfMemory: true), now: 110)
        #expect(decision.state.status == .failed)
        #expect(decision.state.reason == "The pod ran out of memory")
        #expect(decision.events.map(\.kind) == [.outOfMemory])
    }

    @Test("every run that is observed is recorded, whatever the pod should be")
    func recorded() {
        for desired in [PodDesire.running, .stopped, .terminated] {
            var state = PodReconciler.reconcile(PodState(), observation(.created), now: 0).state
            state.desired = desired
            let began = PodReconciler.reconcile(state, observation(.running, from: 100), now: 101)
            #expect(began.runs == [.init(startedAt: 100)])
            let ended = PodReconciler.reconcile(began.state, exited(0, from: 100, to: 130), now: 140)
            #expect(ended.runs == [.init(startedAt: 100, finishedAt: 130)])
            #expect(PodReconciler.reconcile(ended.state, exited(0, from: 100, to: 130), now: 150).runs.isEmpty)
        }
    }

    @Test("a run that the engine lost ends when it was last observed, and goes on if it appears again")
    func lost() {
        var state = running()
        state = PodReconciler.reconcile(state, observation(.running, from: 100), now: 70_000).state
        let lost = PodReconciler.reconcile(state, nil, now: 90_000)
        #expect(lost.runs == [.init(startedAt: 100, finishedAt: 70_000)])
        #expect(lost.state.status == .failed)
        #expect(lost.state.desired == .stopped)
        #expect(lost.action == .none)
        let found = PodReconciler.reconcile(lost.state, observation(.running, from: 100), now: 95_000)
        #expect(found.runs == [.init(startedAt: 100)])
        #expect(found.action == .stop(graceSeconds: 10))
        let ended = PodReconciler.reconcile(found.state, exited(137, from: 100, to: 96_000), now: 97_000)
        #expect(ended.runs == [.init(startedAt: 100, finishedAt: 96_000)])
    }

    @Test("an observation that is older than what is recorded changes nothing")
    func stale() {
        let ended = PodReconciler.reconcile(running(), exited(0, from: 100, to: 105), now: 110).state
        let late = PodReconciler.reconcile(ended, observation(.running, from: 100), now: 111)
        #expect(late.state == ended)
        #expect(late.runs.isEmpty)
        #expect(late.action == .observe)

        var second = ended
        second.requestRun()
        second = PodReconciler.reconcile(second, exited(0, from: 100, to: 105), now: 120).state
        second = PodReconciler.reconcile(second, observation(.running, from: 130), now: 131).state
        let earlier = PodReconciler.reconcile(second, exited(0, from: 100, to: 105), now: 140)
        #expect(earlier.state == second)
        #expect(earlier.runs.isEmpty)
    }

    @Test("what the engine cannot observe now changes nothing")
    func unknown() {
        var deleted = running()
        deleted.requestDeletion()
        for state in [PodState(), running(), deleted] {
            #expect(
                PodReconciler.reconcile(state, observation(.unknown), now: 110)
                    == PodReconciler.Decision(state: state, action: .observe))
        }
    }

    @Test("a run that the engine says is lost ends when the engine says so, with its reason")
    func lostNode() {
        let lost = EngineObservation(
            podID: "pod", state: .failed("The node does not respond"), startedAt: 100, finishedAt: 130)
        let decision = PodReconciler.reconcile(running(), lost, now: 200)
        #expect(decision.state.status == .failed)
        #expect(decision.state.reason == "The node does not respond")
        #expect(decision.runs == [PodReconciler.Run(startedAt: 100, finishedAt: 130)])
        #expect(decision.events == [PodReconciler.Event(kind: .lost, message: "The node does not respond")])
    }

    @Test("a pod is terminated only when the engine has no object of it")
    func terminated() {
        var state = running()
        state.requestDeletion()
        for present in [
            observation(.running, from: 100), exited(0, from: 100, to: 110), observation(.created),
            observation(.pending("no GPU is free")), observation(.failed("no such image")), observation(.removing),
        ] {
            #expect(PodReconciler.reconcile(state, present, now: 120).state.status == .stopping)
        }
        let gone = PodReconciler.reconcile(state, nil, now: 120)
        #expect(gone.state.status == .terminated)
        #expect(PodReconciler.reconcile(gone.state, observation(.running, from: 100), now: 130).action == .none)
    }

    @Test("a running pod is stopped before it is removed")
    func stopsFirst() {
        var state = running()
        state.requestDeletion(graceSeconds: 0)
        #expect(
            PodReconciler.reconcile(state, observation(.running, from: 100), now: 1).action == .stop(graceSeconds: 0))
        let stopped = PodReconciler.reconcile(state, exited(137, from: 100, to: 120), now: 121)
        #expect(stopped.action == .remove)
        #expect(stopped.runs == [.init(startedAt: 100, finishedAt: 120)])
    }

    @Test("a pod whose GPUs have changed gets a new object before its next run")
    func replaces() {
        var state = PodReconciler.reconcile(running(), exited(0, from: 100, to: 105), now: 110).state
        state.requestRun(replaces: true)
        var decision = PodReconciler.reconcile(state, exited(0, from: 100, to: 105), now: 120)
        #expect(decision.action == .remove)
        decision = PodReconciler.reconcile(decision.state, nil, now: 121)
        #expect(decision.action == .ensure)
        decision = PodReconciler.reconcile(decision.state, observation(.created), now: 122)
        #expect(decision.action == .start)
        #expect(decision.state.baseline == 100)
        #expect(!decision.state.replaces)
    }

    @Test("a step that failed for good ends the run that it belonged to, and no later one")
    func givesUp() {
        let failed = PodReconciler.giveUp(PodState(), .ensure, ofRun: 1, because: "no such image").state
        #expect(failed.status == .failed)
        #expect(failed.desired == .stopped)
        #expect(failed.reason == "no such image")
        #expect(PodReconciler.reconcile(failed, nil, now: 1).state == failed)
        var next = failed
        next.requestRun()
        #expect(PodReconciler.giveUp(next, .ensure, ofRun: 1, because: "no such image").state == next)
        var deleted = PodState()
        deleted.requestDeletion()
        #expect(PodReconciler.giveUp(deleted, .ensure, ofRun: 1, because: "no such image").state == deleted)
    }

    // MARK: - Random walks

    /// An engine with one object, which knows every run that there was.
    private struct Model {
        struct Object: Equatable {
            var isRunning = false
            var startedAt: Int64?
            var finishedAt: Int64?
            var code = 0
        }

        var object: Object?
        var clock: Int64 = 1_000
        var runs: [PodReconciler.Run] = []
        /// Whether an object that has run has disappeared without being asked to.
        var hasLost = false

        var observation: EngineObservation? {
            object.map { object in
                let state: EngineObservation.State =
                    object.isRunning
                    ? .running
                    : object.finishedAt == nil ? .created : .exited(code: object.code, isOutOfMemory: false)
                return EngineObservation(
                    podID: "pod", state: state, startedAt: object.startedAt, finishedAt: object.finishedAt)
            }
        }

        mutating func perform(_ action: PodReconciler.Action) {
            switch action {
            case .none, .observe: break
            case .ensure: if object == nil { object = Object() }
            case .start:
                guard object?.isRunning == false else { return }
                object?.isRunning = true
                object?.startedAt = clock
                object?.finishedAt = nil
                runs.append(.init(startedAt: clock))
            case .stop: end(code: 143)
            case .remove:
                end(code: 137)
                object = nil
            }
        }

        mutating func end(code: Int) {
            guard object?.isRunning == true else { return }
            object?.isRunning = false
            object?.finishedAt = clock
            object?.code = code
            runs[runs.count - 1].finishedAt = clock
        }

        mutating func lose() {
            if object?.startedAt != nil { hasLost = true }
            end(code: 137)
            object = nil
        }
    }

    /// The database: the state of a pod and its bill.
    private struct Ledger {
        var state = PodState()
        var bill: [Int64: Int64?] = [:]

        mutating func record(_ decision: PodReconciler.Decision) {
            state = decision.state
            for run in decision.runs { bill[run.startedAt] = .some(run.finishedAt) }
        }
    }

    private func command(_ ledger: inout Ledger, _ generator: inout SeededGenerator, mayDelete: Bool) {
        guard ledger.state.desired != .terminated else { return }
        switch Int.random(in: 0..<(mayDelete ? 5 : 4), using: &generator) {
        case 0, 1: if ledger.state.desired != .running { ledger.state.requestRun() }
        case 2: if !ledger.state.awaitsRun { ledger.state.requestRun() }
        case 3: if ledger.state.desired == .running { ledger.state.requestStop() }
        default: ledger.state.requestDeletion()
        }
    }

    private func walk(_ generator: inout SeededGenerator, hasLosses: Bool, mayDelete: Bool) -> (Model, Ledger) {
        var model = Model()
        var ledger = Ledger()
        // What the engine looked like since it was asked for something last, in any order.
        var snapshots: [(time: Int64, observation: EngineObservation?)] = []
        for _ in 0..<Int.random(in: 5..<80, using: &generator) {
            model.clock += Int64.random(in: 1...40_000, using: &generator)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: command(&ledger, &generator, mayDelete: mayDelete)
            case 1: model.end(code: [0, 1].randomElement(using: &generator) ?? 0)
            case 2 where hasLosses: model.lose()
            default:
                snapshots.append((model.clock, model.observation))
                // An old observation is delivered late, or a second time.
                let isOld = Int.random(in: 0..<4, using: &generator) == 0
                let index = isOld ? Int.random(in: 0..<snapshots.count, using: &generator) : snapshots.count - 1
                let (time, observation) = snapshots[index]
                let decision = PodReconciler.reconcile(ledger.state, observation, now: time)
                // The service crashes before it records the decision, or after that and before the action.
                if Int.random(in: 0..<12, using: &generator) == 0 { continue }
                ledger.record(decision)
                if Int.random(in: 0..<8, using: &generator) == 0 || decision.action == .none { continue }
                switch Int.random(in: 0..<10, using: &generator) {
                // The request is lost.
                case 0: break
                // The action fails for good, although the engine may have done it.
                case 1:
                    let hasEffect = Bool.random(using: &generator)
                    let run = ledger.state.run
                    if hasEffect { model.perform(decision.action) }
                    ledger.record(PodReconciler.giveUp(ledger.state, decision.action, ofRun: run, because: "no"))
                // The request arrives twice.
                case 2:
                    model.perform(decision.action)
                    model.perform(decision.action)
                // The request succeeds, and the response may be lost.
                default: model.perform(decision.action)
                }
                snapshots = []
            }
        }
        // The engine and the service are well again.
        for _ in 0..<20 {
            model.clock += 1_000
            let decision = PodReconciler.reconcile(ledger.state, model.observation, now: model.clock)
            ledger.record(decision)
            model.perform(decision.action)
        }
        return (model, ledger)
    }

    @Test(
        "whatever happens, a pod ends up as it should be, and its bill is what it ran",
        arguments: [(false, false), (false, true), (true, false), (true, true)])
    func randomWalks(hasLosses: Bool, mayDelete: Bool) {
        var generator = TestSeed.generator()
        for round in 0..<Rounds.count(3_000, long: 100_000) {
            let (model, ledger) = walk(&generator, hasLosses: hasLosses, mayDelete: mayDelete)
            let state = ledger.state
            switch state.desired {
            case .running:
                #expect(model.object?.isRunning == true, "round \(round): \(state)")
                #expect(state.status == .running)
            case .stopped:
                #expect(model.object?.isRunning != true, "round \(round): \(state)")
                #expect([.stopped, .failed].contains(state.status), "round \(round): \(state)")
            case .terminated:
                #expect(model.object == nil, "round \(round): \(state)")
                #expect(state.status == .terminated)
            }
            let bill = ledger.bill.map { PodReconciler.Run(startedAt: $0.key, finishedAt: $0.value) }
                .sorted { $0.startedAt < $1.startedAt }
            for (run, next) in zip(bill, bill.dropFirst()) {
                #expect(run.finishedAt ?? .max <= next.startedAt, "round \(round): \(bill)")
            }
            let truth = Dictionary(uniqueKeysWithValues: model.runs.map { ($0.startedAt, $0.finishedAt) })
            for run in bill {
                let end = truth[run.startedAt]
                #expect(end != nil, "round \(round): the bill has a run that there was not")
                if model.hasLost {
                    #expect(run.finishedAt ?? .max <= (end ?? nil) ?? .max, "round \(round)")
                } else {
                    #expect(run.finishedAt == end ?? nil, "round \(round): \(bill) \(model.runs)")
                }
            }
            if !model.hasLost { #expect(bill.count == model.runs.count, "round \(round): \(bill) \(model.runs)") }
        }
    }
}
