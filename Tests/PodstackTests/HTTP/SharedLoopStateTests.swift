import PodstackTestSupport
import Testing

@testable import PodstackTransport

@Suite("Which thread drives libcurl", .blocking, .timeLimit(.minutes(2)))
struct SharedLoopStateTests {
    /// A state machine as an object, because an expectation cannot call a mutating method of a value.
    private final class Machine {
        private var state = SharedLoopState()
        var driver: SharedLoopState.Driver { state.driver }
        var isWaiting: Bool { state.isWaiting }
        var isThreadDriver: Bool { state.isThreadDriver }
        func submit() -> SharedLoopState.SubmitAction { state.submit() }
        func takeCommands() { state.takeCommands() }
        func beginWait() -> Bool { state.beginWait() }
        func endWait() { state.endWait() }
        func stop() -> SharedLoopState.StopAction { state.stop() }
        func finishCallerTurn(canRelease: Bool) -> SharedLoopState.CallerAction {
            state.finishCallerTurn(canRelease: canRelease)
        }
        func nextThreadStep(canRelease: Bool) -> SharedLoopState.ThreadAction {
            state.nextThreadStep(canRelease: canRelease)
        }
    }

    @Test("the first caller drives, and no other thread does until it is done")
    func oneDriver() {
        let state = Machine()
        #expect(state.submit() == .drive)
        #expect(state.driver == .caller)
        #expect(state.submit() == .none)
        state.takeCommands()
        #expect(state.finishCallerTurn(canRelease: false) == .handOver)
        #expect(state.driver == .thread)
        #expect(state.isThreadDriver)
        #expect(state.submit() == .none)
        state.takeCommands()
        #expect(state.nextThreadStep(canRelease: true) == .release)
        #expect(state.driver == .none)
        #expect(!state.isThreadDriver)
        #expect(state.submit() == .drive)
    }

    @Test("a driver with commands runs them before it waits or releases the loop")
    func noLostCommand() {
        let caller = Machine()
        _ = caller.submit()
        #expect(!caller.beginWait())
        #expect(!caller.isWaiting)
        #expect(caller.finishCallerTurn(canRelease: true) == .runCommands)
        #expect(caller.driver == .caller)
        caller.takeCommands()
        #expect(caller.finishCallerTurn(canRelease: true) == .release)

        let thread = Machine()
        _ = thread.submit()
        _ = thread.finishCallerTurn(canRelease: false)
        for canRelease in [true, false] {
            #expect(thread.nextThreadStep(canRelease: canRelease) == .runCommands)
            #expect(!thread.isWaiting)
        }
        thread.takeCommands()
        #expect(thread.nextThreadStep(canRelease: false) == .wait)
    }

    @Test("a command wakes a waiting driver, be it a caller or the thread")
    func wakesWaitingDriver() {
        let caller = Machine()
        _ = caller.submit()
        caller.takeCommands()
        #expect(caller.beginWait())
        #expect(caller.submit() == .wakeDriver)

        let thread = Self.threadDriving()
        #expect(thread.nextThreadStep(canRelease: false) == .wait)
        #expect(thread.submit() == .wakeDriver)
        thread.endWait()
        #expect(thread.nextThreadStep(canRelease: false) == .runCommands)
    }

    @Test("a driver is woken once for each wait, and not at all while it runs")
    func wakesOnce() {
        let state = Self.threadDriving()
        #expect(state.submit() == .none)
        state.takeCommands()
        for _ in 0..<3 {
            #expect(state.nextThreadStep(canRelease: false) == .wait)
            #expect(state.submit() == .wakeDriver)
            #expect(state.submit() == .none)
            state.endWait()
            #expect(state.submit() == .none)
            state.takeCommands()
        }
        #expect(state.nextThreadStep(canRelease: false) == .wait)
        state.endWait()
        #expect(state.submit() == .none)
    }

    @Test("a busy loop, or one whose service is far away, stays with the thread")
    func keepsBusyLoop() {
        let state = Machine()
        _ = state.submit()
        state.takeCommands()
        #expect(state.finishCallerTurn(canRelease: false) == .handOver)
        for _ in 0..<3 {
            #expect(state.nextThreadStep(canRelease: false) == .wait)
            state.endWait()
        }
        #expect(state.driver == .thread)
        #expect(state.nextThreadStep(canRelease: true) == .release)
    }

    @Test("the thread ends after a stop, whichever thread was the driver")
    func stopsFromEveryState() {
        let idle = Machine()
        #expect(idle.stop() == .wakeThread)
        #expect(!idle.isThreadDriver)

        let caller = Machine()
        _ = caller.submit()
        caller.takeCommands()
        #expect(caller.stop() == .none)
        #expect(caller.finishCallerTurn(canRelease: true) == .handOver)
        #expect(!caller.isThreadDriver)
        #expect(caller.nextThreadStep(canRelease: true) == .end)

        let thread = Self.threadDriving()
        _ = thread.nextThreadStep(canRelease: false)
        #expect(thread.stop() == .wakeDriver)
        thread.endWait()
        for canRelease in [true, false] { #expect(thread.nextThreadStep(canRelease: canRelease) == .end) }
    }

    /// A model of ``SharedLoop``: callers and the thread take turns at random, one step at a time.
    private struct Simulation {
        enum Caller { case idle, driving, waiting }
        enum DriverThread { case asleep, running, waiting, ended }

        var state = SharedLoopState()
        var callers = [Caller](repeating: .idle, count: 4)
        var thread = DriverThread.asleep
        var commands = 0
        var completed = 0
        var submitted = 0
        /// Whether the event of a wake-up or of a hand-over was written and not read.
        var (isWakeUpWritten, isHandOverWritten) = (false, false)
        var wakeUpsSinceWait = 0

        var driverCount: Int {
            callers.count { $0 != .idle } + (thread == .running || thread == .waiting ? 1 : 0)
        }

        mutating func runCommands() {
            state.takeCommands()
            completed += commands
            commands = 0
        }

        mutating func submit(_ caller: Int) {
            submitted += 1
            commands += 1
            switch state.submit() {
            case .drive: callers[caller] = .driving
            case .wakeDriver: wakeDriver()
            case .none: break
            }
        }

        mutating func wakeDriver() {
            wakeUpsSinceWait += 1
            isWakeUpWritten = true
        }

        mutating func stepCaller(_ caller: Int, canRelease: Bool, timesOut: Bool) {
            switch callers[caller] {
            case .idle: break
            case .driving where commands > 0: runCommands()
            case .driving where !canRelease && timesOut: finish(caller, canRelease: false)
            case .driving where canRelease: finish(caller, canRelease: true)
            case .driving:
                if state.beginWait() {
                    callers[caller] = .waiting
                    wakeUpsSinceWait = 0
                }
            case .waiting where isWakeUpWritten || timesOut:
                isWakeUpWritten = false
                state.endWait()
                runCommands()
                callers[caller] = .driving
            case .waiting: break
            }
        }

        mutating func finish(_ caller: Int, canRelease: Bool) {
            switch state.finishCallerTurn(canRelease: canRelease) {
            case .runCommands: runCommands()
            case .release: callers[caller] = .idle
            case .handOver:
                callers[caller] = .idle
                isHandOverWritten = true
            }
        }

        mutating func stepThread(canRelease: Bool, timesOut: Bool) {
            switch thread {
            case .asleep where isHandOverWritten:
                isHandOverWritten = false
                thread = state.isThreadDriver ? .running : .ended
            case .asleep, .ended: break
            case .running:
                switch state.nextThreadStep(canRelease: canRelease) {
                case .runCommands: runCommands()
                case .wait:
                    thread = .waiting
                    wakeUpsSinceWait = 0
                case .release: thread = .asleep
                case .end: thread = .ended
                }
            case .waiting where isWakeUpWritten || timesOut:
                isWakeUpWritten = false
                state.endWait()
                runCommands()
                thread = .running
            case .waiting: break
            }
        }

        mutating func stop() {
            switch state.stop() {
            case .wakeDriver: wakeDriver()
            case .wakeThread: isHandOverWritten = true
            case .none: break
            }
        }
    }

    @Test("random schedules keep one driver, lose no command and end", arguments: TestSeed.selected)
    func randomSchedules(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for round in 0..<2_000 {
            var simulation = Simulation()
            for _ in 0..<200 {
                let caller = Int.random(in: 0..<4, using: &generator)
                let canRelease = Bool.random(using: &generator)
                let timesOut = Int.random(in: 0..<4, using: &generator) == 0
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: if simulation.callers[caller] == .idle { simulation.submit(caller) }
                case 1: simulation.stepCaller(caller, canRelease: canRelease, timesOut: timesOut)
                default: simulation.stepThread(canRelease: canRelease, timesOut: timesOut)
                }
                // An expectation for each step would take most of the time.
                if simulation.driverCount > 1 || simulation.wakeUpsSinceWait > 1 {
                    Issue.record(
                        "\(simulation.driverCount) drivers, \(simulation.wakeUpsSinceWait) wake-ups: seed \(seed), round \(round)"
                    )
                    return
                }
            }
            // Without a new request and without a timeout, every command must be found.
            for _ in 0..<20 {
                for caller in 0..<4 { simulation.stepCaller(caller, canRelease: true, timesOut: false) }
                simulation.stepThread(canRelease: true, timesOut: false)
            }
            // A caller or thread that waits for the network alone stays; no command may be left.
            #expect(simulation.commands == 0, "seed \(seed), round \(round)")
            #expect(simulation.completed == simulation.submitted, "seed \(seed), round \(round)")
            for _ in 0..<4 {
                for caller in 0..<4 { simulation.stepCaller(caller, canRelease: true, timesOut: true) }
            }
            simulation.stop()
            for _ in 0..<4 { simulation.stepThread(canRelease: true, timesOut: false) }
            #expect(simulation.thread == .ended, "seed \(seed), round \(round)")
            if simulation.thread != .ended || simulation.commands != 0 { return }
        }
    }

    /// The state in which the thread drives and runs, without commands.
    private static func threadDriving() -> Machine {
        let state = Machine()
        _ = state.submit()
        state.takeCommands()
        _ = state.finishCallerTurn(canRelease: false)
        return state
    }
}

@Suite("How near the service is", .timeLimit(.minutes(1)))
struct ResponseTimeEstimateTests {
    @Test("a service is near after a few fast responses, and far again after a slow one")
    func nearAndFar() {
        var estimate = ResponseTimeEstimate()
        #expect(!estimate.isNear)
        for _ in 0..<40 { estimate.record(.microseconds(100)) }
        #expect(estimate.isNear)
        estimate.record(.milliseconds(10))
        #expect(!estimate.isNear)
    }

    @Test("one very slow response does not count for more than a second")
    func limited() {
        var estimate = ResponseTimeEstimate()
        estimate.record(.seconds(100_000))
        for _ in 0..<40 { estimate.record(.zero) }
        #expect(estimate.isNear)
    }
}
