import PodstackSystem

/// A result that one thread provides and one task awaits, in either order.
package final class Promise<Value: Sendable>: Sendable {
    private typealias Outcome = Result<Value, any Error>

    private enum State {
        case pending
        case awaited(UnsafeContinuation<Value, any Error>)
        case completed(Outcome)
        case delivered
    }

    private let state = Lock(State.pending)

    /// Creates a promise without a result.
    package init() {}

    /// Provides the result; only the first result counts.
    package func complete(with outcome: Result<Value, any Error>) {
        // The continuation is resumed outside the lock. Resuming takes the task's lock, which a thread that cancels the
        // task holds while its cancellation handler waits for this one.
        let continuation = state.withLock { state -> UnsafeContinuation<Value, any Error>? in
            switch state {
            case .pending: state = .completed(outcome)
            case .awaited(let continuation):
                state = .delivered
                return continuation
            case .completed, .delivered: break
            }
            return nil
        }
        continuation?.resume(with: outcome)
    }

    /// Provides an error; only the first result counts.
    package func fail(_ error: any Error) { complete(with: .failure(error)) }

    /// Whether the promise has its result.
    package var isCompleted: Bool {
        state.withLock { state in
            switch state {
            case .pending, .awaited: false
            case .completed, .delivered: true
            }
        }
    }

    /// The result, once it is provided.
    ///
    /// At most one task may await it, once.
    package var value: Value {
        get async throws {
            if let outcome = completedOutcome { return try outcome.get() }
            // Resumed exactly once: the thread that takes the continuation out of the state replaces the state.
            return try await withUnsafeThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Outcome? in
                    if case .completed(let outcome) = state { return outcome }
                    state = .awaited(continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        }
    }

    private var completedOutcome: Outcome? {
        state.withLock { if case .completed(let outcome) = $0 { outcome } else { nil } }
    }
}
