import Synchronization

/// Makes the changes that requests ask for. A request that repeats another, by its `Idempotency-Key`, gets the reply to
/// that one: the reply is stored in the transaction of the change, so after a crash there are both or neither.
struct IdempotentChanges: Sendable {
    let changes: Changes
    private let running = IdempotentAnswers()

    init(_ changes: Changes) { self.changes = changes }

    func answer(_ exchange: Exchange, at now: Int64, _ body: (Change) throws -> Response) throws -> Response {
        let actor = Actor(exchange.request, exchange.identity)
        guard let key = try IdempotencyKey(of: exchange) else { return try changes.perform(by: actor, at: now, body) }
        return try running.alone(key) {
            try changes.perform(by: actor, at: now) { change in
                if let known = try IdempotencyStore.find(key, now: now, in: change.connection) { return known }
                let response = try body(change)
                try IdempotencyStore.insert(response, for: key, now: now, in: change.connection)
                return response
            }
        }
    }
}

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
        guard running.withLock({ $0.insert(entry).inserted }) else { throw ErrorResponse.stillRunning }
        defer { running.withLock { _ = $0.remove(entry) } }
        return try body()
    }
}
