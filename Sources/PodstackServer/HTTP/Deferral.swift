import Synchronization

/// A request whose answer is made on the thread of a queue. Meanwhile its connection is suspended, and costs no thread.
final class Deferral: Sendable {
    /// What the listener has for it.
    struct Carrier: Sendable {
        /// Lets the connection go on that ``Deferral/wait(suspend:)`` had suspended.
        var resume: @Sendable () -> Void
        /// Whether the client has closed its end.
        var isLeft: @Sendable () -> Bool
    }

    private enum Stage {
        case waiting, working
        case answered(Answer.Ready)
    }

    private struct State {
        var stage = Stage.waiting
        var isSuspended = false
    }

    private let carrier: Carrier
    private let queue: WorkQueue
    private let make: @Sendable (_ isTurn: Bool) -> Answer.Ready
    private let state = Mutex(State())

    init(
        _ queue: WorkQueue, on carrier: Carrier, make: @escaping @Sendable (_ isTurn: Bool) -> Answer.Ready
    ) {
        self.queue = queue
        self.carrier = carrier
        self.make = make
    }

    /// Takes its place in the queue, or is refused.
    func begin() {
        if !queue.add({ [self] in work() }) { refuse() }
    }

    private func work() {
        let mustWork = state.withLock { state in
            guard case .waiting = state.stage else { return false }
            guard !carrier.isLeft() else {
                // Nobody will read it.
                Self.answer((Response(status: 503), ""), &state, carrier)
                return false
            }
            state.stage = .working
            return true
        }
        if mustWork { answer(make(true)) }
    }

    /// It is answered without the work, unless that was begun.
    func refuse() {
        let isWaiting = state.withLock { state in
            guard case .waiting = state.stage else { return false }
            state.stage = .working
            return true
        }
        if isWaiting { answer(make(false)) }
    }

    /// It is answered without the work, whatever has become of that.
    func cut() { answer(make(false)) }

    private func answer(_ ready: Answer.Ready) {
        state.withLock { Self.answer(ready, &$0, carrier) }
    }

    /// The first answer counts.
    private static func answer(_ ready: Answer.Ready, _ state: inout State, _ carrier: Carrier) {
        if case .answered = state.stage { return }
        state.stage = .answered(ready)
        guard state.isSuspended else { return }
        state.isSuspended = false
        carrier.resume()
    }

    // MARK: - For the listener

    /// The answer; nil when there is none yet, and the connection was suspended until there is.
    func wait(suspend: () -> Void) -> Answer.Ready? {
        state.withLock { state in
            if case .answered(let ready) = state.stage { return ready }
            state.isSuspended = true
            suspend()
            return nil
        }
    }
}

/// The requests that are not answered yet, and hold up no thread.
final class OpenDeferrals: Sendable {
    private let open = Mutex<(isOver: Bool, deferrals: [ObjectIdentifier: Deferral])>((false, [:]))

    var count: Int { open.withLock { $0.deferrals.count } }

    func begin(_ deferral: Deferral) {
        let isOver = open.withLock { open in
            open.deferrals[ObjectIdentifier(deferral)] = deferral
            return open.isOver
        }
        if isOver { deferral.refuse() } else { deferral.begin() }
    }

    /// It is answered, or its connection is gone.
    func remove(_ deferral: Deferral) { open.withLock { $0.deferrals[ObjectIdentifier(deferral)] = nil } }

    /// Refuses those whose turn has not come, and those that come after.
    func refuse() { for deferral in end() { deferral.refuse() } }

    /// Refuses all. When this returns no connection is suspended, or will be.
    func cut() { for deferral in end() { deferral.cut() } }

    private func end() -> [Deferral] {
        open.withLock { open in
            open.isOver = true
            return Array(open.deferrals.values)
        }
    }
}
