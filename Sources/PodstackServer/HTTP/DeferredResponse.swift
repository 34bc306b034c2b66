// A response that takes too long for an event thread: worker threads produce it while the connection is suspended.
//
// The response and its connection are two small state machines that share one lock:
//
//                  ┌───────── hand on ─────────┐
//          begin   ▼             start         │         finish
//     ┌──────────▶ queued ─────────────────▶ producing ──────────▶ finished ──▶ sent
//                    │                           ▲                     ▲
//                    ├── refuse (or queue full) ─┘                     │
//                    └── start, but the client is gone ────────────────┤
//                            cut, from any state (finish) ─────────────┘
//
//     connection:  running ── take, not finished ──▶ suspended ── finish ──▶ running ── take ──▶ sent
//
// Work may be handed on: one worker has found, for example, that a request has to write, and another queue does that.
//
// Invariants; the tests are in DeferredResponseStateTests:
//  1. Only the first response counts; later ones are dropped. (firstResponse)
//  2. A connection is resumed only while it is suspended, and once for each time that it was suspended. (resumedOnce)
//  3. Once there is a response, the connection is not suspended any more. (notSuspended)
//  4. Each piece of work starts at most once, and none after the request was refused. (startedOnce)
//  5. The work does not start for a client that has closed its connection. (clientGone)
//  6. Every request is responded to, whatever the order of start, hand on, refuse, cut and take. (everyOrder)
//  7. Work is handed on only while it is produced, and never after the request was refused or responded to. (handedOn)

import Synchronization

// MARK: - Handler results

/// The result of a request handler: a response, or work that produces one.
enum HandlerResult: Sendable {
    typealias Ready = (response: Response, requestID: String)

    case ready(Response, requestID: String)
    /// `produce` runs on a worker thread; `isTurn` is false if the work has to be refused.
    ///
    /// Its result may be deferred again, to another queue.
    case deferred(WorkQueue, produce: @Sendable (_ isTurn: Bool) -> HandlerResult)
}

/// Work that produces a response and takes too long for an event thread.
struct DeferredWork: Sendable {
    let queue: WorkQueue
    /// Produces the response; `isTurn` is false if too many requests wait in the queue or the service is stopping, and
    /// the response then is a refusal.
    let produce: @Sendable (_ isTurn: Bool) throws -> Response
}

extension Response {
    /// Creates a placeholder for a response that `produce` returns later, on a worker thread.
    static func deferred(
        on queue: WorkQueue, _ produce: @escaping @Sendable (_ isTurn: Bool) throws -> Response
    ) -> Response {
        var response = Response(status: 503)
        response.deferredWork = DeferredWork(queue: queue, produce: produce)
        return response
    }
}

// MARK: - State machine

/// The state of a deferred response.
///
/// Every function returns the action that its caller has to take.
struct DeferredResponseState {
    enum Action: Equatable {
        case none
        /// Add the work to its queue, or call ``DeferredResponseState/refuse()`` if the queue is full.
        case enqueue
        /// Produce the response, then call ``DeferredResponseState/finish(_:)`` or ``DeferredResponseState/handOn()``.
        case produce
        /// Produce the refusal, then call ``DeferredResponseState/finish(_:)``.
        case refuse
        /// Resume the suspended connection.
        case resume
    }

    private enum Phase {
        case queued, producing
        case finished(HandlerResult.Ready)
    }

    private var phase = Phase.queued
    private var isRefused = false
    private(set) var isSuspended = false
    /// Whether there is a response.
    var isFinished: Bool { if case .finished = phase { true } else { false } }

    /// The work's turn has come.
    ///
    /// - Parameter isClientGone: Evaluated only if the work would start.
    /// - Returns: The action to take.
    mutating func start(isClientGone: @autoclosure () -> Bool) -> Action {
        guard case .queued = phase else { return .none }
        // No client reads the response, so any response will do.
        if isClientGone() { return finish((Response(status: 503), "")) }
        phase = .producing
        return .produce
    }

    /// No further work must start.
    mutating func refuse() -> Action {
        isRefused = true
        guard case .queued = phase else { return .none }
        phase = .producing
        return .refuse
    }

    /// The work has started and has to go on in another queue.
    mutating func handOn() -> Action {
        guard case .producing = phase else { return .none }
        guard !isRefused else { return .refuse }
        phase = .queued
        return .enqueue
    }

    /// There is a response.
    ///
    /// The first one counts.
    mutating func finish(_ ready: HandlerResult.Ready) -> Action {
        if case .finished = phase { return .none }
        phase = .finished(ready)
        guard isSuspended else { return .none }
        isSuspended = false
        return .resume
    }

    /// The connection asks for the response; nil means that the caller has to suspend the connection.
    mutating func take() -> HandlerResult.Ready? {
        if case .finished(let ready) = phase { return ready }
        isSuspended = true
        return nil
    }
}

// MARK: - Effects

/// A request whose response a worker thread produces while its connection is suspended and occupies no thread.
final class DeferredResponse: Sendable {
    typealias Produce = @Sendable (_ isTurn: Bool) -> HandlerResult

    private struct State {
        var machine = DeferredResponseState()
        /// The work that waits or runs.
        var queue: WorkQueue
        /// Nil once there is a response: the work may hold resources.
        var produce: Produce?
        /// The second in which the work entered its queue.
        var since: Int64
    }

    private let control: ConnectionControl
    private let state: Mutex<State>

    init(_ queue: WorkQueue, on control: ConnectionControl, produce: @escaping Produce) {
        self.control = control
        state = Mutex(State(queue: queue, produce: produce, since: MonotonicClock.seconds()))
    }

    /// Enters the queue, or refuses the request if the queue is full.
    func begin() { perform { _ in .enqueue } }

    /// Responds without the work, unless work has started; in that case, no further work starts.
    func refuse() { perform { $0.refuse() } }

    /// Responds without the work, even if the work has started.
    func cut() {
        guard let produce = state.withLock({ $0.produce }) else { return }
        complete(produce(false), isTurn: false)
    }

    /// Returns whether the work changes nothing and has taken longer than its queue allows.
    func isOverdue(at now: Int64) -> Bool {
        state.withLock { state in
            guard state.produce != nil, let most = state.queue.maxSeconds else { return false }
            return now - state.since > most
        }
    }

    /// Returns whether the work has waited longer than its queue allows; it may have started.
    func hasWaitedTooLong(at now: Int64) -> Bool {
        state.withLock { state in
            guard state.produce != nil, let most = state.queue.maxWaitSeconds else { return false }
            return now - state.since > most
        }
    }

    private func perform(_ event: (inout DeferredResponseState) -> DeferredResponseState.Action) {
        let (action, queue, produce) = state.withLock { state in
            let action = event(&state.machine)
            // In the lock: a connection must be suspended before it is resumed.
            if action == .resume { control.resume() }
            defer { if state.machine.isFinished { state.produce = nil } }
            return (action, state.queue, state.produce)
        }
        switch action {
        case .none, .resume: break
        case .enqueue:
            if !queue.add({ [self] in perform { $0.start(isClientGone: control.isClientGone()) } }) { refuse() }
        case .produce, .refuse:
            if let produce { complete(produce(action == .produce), isTurn: action == .produce) }
        }
    }

    private func complete(_ result: HandlerResult, isTurn: Bool) {
        switch result {
        case .ready(let response, let requestID): perform { $0.finish((response, requestID)) }
        case .deferred(_, let produce) where !isTurn: complete(produce(false), isTurn: false)
        case .deferred(let queue, let produce):
            state.withLock { state in
                guard !state.machine.isFinished else { return }
                (state.queue, state.produce, state.since) = (queue, produce, MonotonicClock.seconds())
            }
            if let seconds = queue.workSeconds { control.extend(seconds) }
            perform { $0.handOn() }
        }
    }

    /// Returns the response, or nil after suspending the connection until there is one.
    func take(suspend: () -> Void) -> HandlerResult.Ready? {
        state.withLock { state in
            let ready = state.machine.take()
            if ready == nil { suspend() }
            return ready
        }
    }
}

/// The deferred responses that are not sent yet.
final class OpenDeferredResponses: Sendable {
    private let open = Mutex<(isStopping: Bool, responses: [ObjectIdentifier: DeferredResponse])>((false, [:]))

    var count: Int { open.withLock { $0.responses.count } }

    func begin(_ response: DeferredResponse) {
        let isStopping = open.withLock { open in
            open.responses[ObjectIdentifier(response)] = response
            return open.isStopping
        }
        if isStopping { response.refuse() } else { response.begin() }
    }

    /// Removes a response that was sent, or whose connection is gone.
    func remove(_ response: DeferredResponse) { open.withLock { $0.responses[ObjectIdentifier(response)] = nil } }

    /// Refuses all requests whose work has not started, and all later ones.
    func refuseAll() { for response in stop() { response.refuse() } }

    /// Responds to all requests.
    ///
    /// When this returns, no connection is suspended for one, or will be.
    func cutAll() { for response in stop() { response.cut() } }

    /// Responds to the requests whose work takes too long and changes nothing, or has not started.
    func cutOverdue(at now: Int64 = MonotonicClock.seconds()) {
        for response in open.withLock({ Array($0.responses.values) }) {
            if response.isOverdue(at: now) {
                response.cut()
            } else if response.hasWaitedTooLong(at: now) {
                response.refuse()
            }
        }
    }

    private func stop() -> [DeferredResponse] {
        open.withLock { open in
            open.isStopping = true
            return Array(open.responses.values)
        }
    }
}
