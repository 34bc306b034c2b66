/// PostgreSQL, for when one machine is not enough: several instances of the service on one database.
///
/// Reads see one snapshot and wait for nobody. Writes go one after another, over all instances: each takes the same
/// lock before anything else, and the database holds it until the transaction is durable and visible. Every statement
/// of a write therefore sees all writes before it and none beside it, which is what SQLite's one writer gives, and
/// what the rules of the domain are written for: five means five, a chain of events has no forks, a key is used once.
/// Nothing has to be repeated, as `SERIALIZABLE` would ask for, nor can two writes wait for each other.
final class PostgresDatabase: Database {
    /// A number of our own among the database's advisory locks: "podstack", in ASCII.
    private static let beginWrite = "BEGIN; SELECT pg_advisory_xact_lock(8102095850017285995)"
    private static let beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    private let readers: PostgresPool
    /// One is enough for one write at a time, and leaves the others to those who read.
    private let writer: PostgresPool

    init(_ url: PostgresURL, readers: Int = 16) {
        self.readers = PostgresPool(url, size: readers)
        writer = PostgresPool(url, size: 1)
    }

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        let connection = try readers.take(beginning: Self.beginRead)
        defer { readers.give(connection) }
        do {
            let result = try body(connection)
            try connection.script("COMMIT")
            return result
        } catch {
            _ = try? connection.script("ROLLBACK")
            throw error
        }
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        let connection = try writer.take(beginning: Self.beginWrite)
        defer { writer.give(connection) }
        do {
            let result = try body(connection)
            // After a statement that failed the server undoes the transaction, and calls that no failure.
            guard try connection.script("COMMIT") == "COMMIT" else {
                throw DatabaseFailure(reason: "PostgreSQL: the transaction was undone")
            }
            return result
        } catch {
            _ = try? connection.script("ROLLBACK")
            throw error
        }
    }
}
