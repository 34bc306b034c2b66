// A response that takes too long for an event thread: a worker thread produces it while the connection is suspended.
//
// The response and its connection are two small state machines that share one lock:
//
//          begin                start                    finish
//     ┌──────────▶ queued ─────────────────▶ producing ──────────▶ finished ──▶ sent
//                    │                           ▲                     ▲
//                    ├── refuse (or queue full) ─┘                     │
//                    └── start, but the client is gone ────────────────┤
//                            cut, from any state (finish) ─────────────┘
//
//     connection:  running ── take, not finished ──▶ suspended ── finish ──▶ running ── take ──▶ sent
//
// Invariants; the tests are in DeferredResponseStateTests:
//  1. Only the first response counts; later ones are dropped. (firstResponse)
//  2. A connection is resumed only while it is suspended, and once for each time that it was suspended. (resumedOnce)
//  3. Once there is a response, the connection is not suspended any more. (notSuspended)
//  4. The work starts at most once, and never after the request was refused. (startedOnce)
//  5. The work does not start for a client that has closed its connection. (clientGone)
//  6. Every request is responded to, whatever the order of start, refuse, cut and take. (everyOrder)

import Synchronization

// MARK: - Handler results

/// The result of a request handler: a response, or work that produces one.
enum HandlerResult: Sendable {
    typealias Ready = (response: Response, requestID: String)

    case ready(Response, requestID: String)
    /// `produce` runs on a worker thread; `isTurn` is false if the work has to be refused.
    case deferred(WorkQueue, produce: @Sendable (_ isTurn: Bool) -> Ready)
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
        /// Produce the response, then call ``DeferredResponseState/finish(_:)``.
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
    private(set) var isSuspended = false

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

    /// The work must not start any more.
    mutating func refuse() -> Action {
        guard case .queued = phase else { return .none }
        phase = .producing
        return .refuse
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
    private let control: ConnectionControl
    private let queue: WorkQueue
    private let produce: @Sendable (_ isTurn: Bool) -> HandlerResult.Ready
    private let state = Mutex(DeferredResponseState())

    init(
        _ queue: WorkQueue, on control: ConnectionControl,
        produce: @escaping @Sendable (_ isTurn: Bool) -> HandlerResult.Ready
    ) {
        self.queue = queue
        self.control = control
        self.produce = produce
    }

    /// Enters the queue, or refuses the request if the queue is full.
    func begin() {
        if !queue.add({ [self] in perform { $0.start(isClientGone: control.isClientGone()) } }) { refuse() }
    }

    /// Responds without the work, unless the work has started.
    func refuse() { perform { $0.refuse() } }

    /// Responds without the work, even if the work has started.
    func cut() {
        let refusal = produce(false)
        perform { $0.finish(refusal) }
    }

    private func perform(_ event: (inout DeferredResponseState) -> DeferredResponseState.Action) {
        let action = state.withLock { state in
            let action = event(&state)
            // In the lock: a connection must be suspended before it is resumed.
            if action == .resume { control.resume() }
            return action
        }
        switch action {
        case .none, .resume: break
        case .produce, .refuse:
            let ready = produce(action == .produce)
            perform { $0.finish(ready) }
        }
    }

    /// Returns the response, or nil after suspending the connection until there is one.
    func take(suspend: () -> Void) -> HandlerResult.Ready? {
        state.withLock { state in
            let ready = state.take()
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

    private func stop() -> [DeferredResponse] {
        open.withLock { open in
            open.isStopping = true
            return Array(open.responses.values)
        }
    }
}
