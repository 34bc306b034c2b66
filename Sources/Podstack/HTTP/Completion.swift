import Synchronization

/// Brings the result of a transfer to its one caller, whichever of the two comes first.
package final class Completion<Value: Sendable>: Sendable {
    package typealias Ending = Result<Value, any Error>

    private enum State {
        case pending
        case awaited(UnsafeContinuation<Value, any Error>)
        case finished(Ending)
        /// The caller has it.
        case delivered
    }

    private let state = Mutex(State.pending)

    package init() {}

    /// Only the first result counts.
    package func finish(_ ending: Ending) {
        // Resumed without the lock: to resume a task takes one of its own, which whoever cancels that task holds while
        // its handler waits here.
        let continuation = state.withLock { state -> UnsafeContinuation<Value, any Error>? in
            switch state {
            case .pending: state = .finished(ending)
            case .awaited(let continuation):
                state = .delivered
                return continuation
            case .finished, .delivered: break
            }
            return nil
        }
        continuation?.resume(with: ending)
    }

    package var isFinished: Bool {
        state.withLock { state in
            switch state {
            case .pending, .awaited: false
            case .finished, .delivered: true
            }
        }
    }

    /// To be asked for once.
    package var value: Value {
        get async throws {
            if let ending { return try ending.get() }
            // Resumed once: whoever takes it out of the state leaves another state there.
            return try await withUnsafeThrowingContinuation { continuation in
                let ending = state.withLock { state -> Ending? in
                    if case .finished(let ending) = state { return ending }
                    state = .awaited(continuation)
                    return nil
                }
                if let ending { continuation.resume(with: ending) }
            }
        }
    }

    private var ending: Ending? {
        state.withLock { if case .finished(let ending) = $0 { ending } else { nil } }
    }
}
