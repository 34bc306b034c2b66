import Synchronization

/// Many ask at once, the work is done once. A failure is told to those who waited and then forgotten; who is cancelled
/// leaves the others alone; when nobody waits any more the work is cancelled.
final class SingleFlight<Value: Sendable>: Sendable {
    private struct Flight {
        var number: UInt64
        var task: Task<Void, Never>?
        var waiting: [UInt64: CheckedContinuation<Value, any Error>] = [:]
    }

    private struct State {
        var flight: Flight?
        var flights: UInt64 = 0
        var tickets: UInt64 = 0
        /// Cancelled before they began to wait.
        var cancelled: Set<UInt64> = []
    }

    private let state = Mutex(State())

    /// Waits for the work that is under way, or begins `work`.
    func run(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let ticket = state.withLock { state in
            state.tickets += 1
            return state.tickets
        }
        defer { state.withLock { _ = $0.cancelled.remove(ticket) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if state.cancelled.contains(ticket) { return true }
                    if state.flight == nil { begin(work, &state) }
                    state.flight?.waiting[ticket] = continuation
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            cancel(ticket)
        }
    }

    private func begin(_ work: @escaping @Sendable () async throws -> Value, _ state: inout State) {
        state.flights += 1
        let number = state.flights
        let task = Task.detached {
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            self.land(number, result)
        }
        state.flight = Flight(number: number, task: task)
    }

    private func land(_ number: UInt64, _ result: Result<Value, any Error>) {
        let waiting = state.withLock { state in
            guard state.flight?.number == number else { return [CheckedContinuation<Value, any Error>]() }
            defer { state.flight = nil }
            return state.flight.map { Array($0.waiting.values) } ?? []
        }
        for continuation in waiting { continuation.resume(with: result) }
    }

    private func cancel(_ ticket: UInt64) {
        let (continuation, task) = state.withLock {
            state -> (CheckedContinuation<Value, any Error>?, Task<Void, Never>?) in
            guard let continuation = state.flight?.waiting.removeValue(forKey: ticket) else {
                state.cancelled.insert(ticket)
                return (nil, nil)
            }
            guard state.flight?.waiting.isEmpty == true else { return (continuation, nil) }
            defer { state.flight = nil }
            return (continuation, state.flight?.task)
        }
        task?.cancel()
        continuation?.resume(throwing: CancellationError())
    }
}
