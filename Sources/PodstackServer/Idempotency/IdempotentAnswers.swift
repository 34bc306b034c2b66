import Synchronization

/// Which requests with an `Idempotency-Key` are running in this process.
///
/// It spares who repeats too early the wait for the database; that a change happens once is seen to there, for whoever
/// asks another instance too: the second of two waits for the one writer, and finds the answer of the first.
final class IdempotentAnswers: Sendable {
    private struct Running: Hashable {
        var tokenID: String
        var key: String
    }

    private let running = Mutex<Set<Running>>([])

    /// Runs `body` unless one with the same key runs already.
    func alone<Result>(_ key: IdempotencyKey, _ body: () throws -> Result) throws -> Result {
        let entry = Running(tokenID: key.tokenID, key: key.text)
        guard running.withLock({ $0.insert(entry).inserted }) else { throw APIError.stillRunning }
        defer { running.withLock { _ = $0.remove(entry) } }
        return try body()
    }
}
