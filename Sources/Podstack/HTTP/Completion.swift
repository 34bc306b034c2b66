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
        state.withLock { state in
            switch state {
            case .pending: state = .finished(result)
            case .awaited(let continuation):
                state = .finished(result)
                continuation.resume(with: result)
            case .finished: break
            }
        }
    }

    /// Nil when it is not over yet.
    package var result: Result<TransportResponse, any Error>? {
        state.withLock { if case .finished(let result) = $0 { result } else { nil } }
    }

    package var value: TransportResponse {
        get async throws {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { state in
                    if case .finished(let result) = state {
                        continuation.resume(with: result)
                    } else {
                        state = .awaited(continuation)
                    }
                }
            }
        }
    }
}
