import Synchronization

/// Brings the result of a transfer to its one caller, whichever of the two comes first.
package final class Completion: Sendable {
    private enum State {
        case pending
        case awaited(CheckedContinuation<TransportResponse, any Error>)
        case finished(Result<TransportResponse, any Error>)
    }

    private let state = Mutex(State.pending)

    package init() {}

    /// Only the first result counts.
    package func finish(_ result: Result<TransportResponse, any Error>) {
        // Resumed without the lock: to resume a task takes one of its own, which whoever cancels that task holds while
        // its handler waits here.
        let continuation = state.withLock { state -> CheckedContinuation<TransportResponse, any Error>? in
            guard case .finished = state else {
                defer { state = .finished(result) }
                if case .awaited(let continuation) = state { return continuation }
                return nil
            }
            return nil
        }
        continuation?.resume(with: result)
    }

    /// Nil when it is not over yet.
    package var result: Result<TransportResponse, any Error>? {
        state.withLock { if case .finished(let result) = $0 { result } else { nil } }
    }

    package var value: TransportResponse {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<TransportResponse, any Error>? in
                    if case .finished(let result) = state { return result }
                    state = .awaited(continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        }
    }
}
