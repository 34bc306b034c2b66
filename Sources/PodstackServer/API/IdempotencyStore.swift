import PodstackCryptography

/// The answers that repeats get, in the database. Only successes: what failed changed nothing, and is tried again.
enum IdempotencyStore {
    private static let keptFor: Int64 = 86_400

    /// Throws when the key was another request's.
    static func find(
        _ key: IdempotencyKey, now: Int64, in connection: any DatabaseConnection
    ) throws -> Response? {
        let rows = try connection.run(
            """
            SELECT request_hash, status, body FROM idempotent_answers
            WHERE token_id = ? AND idempotency_key = ? AND created_at > ?
            """, [.text(key.tokenID), .text(key.text), .integer(now - keptFor)])
        guard let row = rows.first else { return nil }
        guard try row.blob(0) == key.requestHash else { throw ErrorResponse.keyReused }
        var response = Response(status: Int(try row.integer(1)), body: try row.blob(2))
        response.set("Idempotency-Replayed", "true")
        return response
    }

    /// Also forgets those that are too old.
    static func insert(
        _ response: Response, for key: IdempotencyKey, now: Int64, in connection: any DatabaseConnection
    ) throws {
        try connection.run("DELETE FROM idempotent_answers WHERE created_at <= ?", [.integer(now - keptFor)])
        try connection.run(
            """
            INSERT INTO idempotent_answers (token_id, idempotency_key, request_hash, status, body, created_at)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                .text(key.tokenID), .text(key.text), .blob(key.requestHash), .integer(Int64(response.status)),
                .blob(response.repeatable ?? response.body), .integer(now),
            ])
    }
}
