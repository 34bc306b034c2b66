import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// PostgreSQL, for when one machine is not enough: several instances of the service on one database.
///
/// Reads see one snapshot and wait for nobody. Writes go one after another, over all instances: each takes the same
/// lock before anything else, and the database holds it until the transaction is durable and visible. Every statement
/// of a write therefore sees all writes before it and none beside it, which is what SQLite's one writer gives, and
/// what the rules of the domain are written for: five means five, a chain of events has no forks, a key is used once.
/// Nothing has to be repeated, as `SERIALIZABLE` would ask for, nor can two writes wait for each other.
final class PostgresDatabase: Database {
    /// With a number of our own among the database's advisory locks: "podstack", in ASCII.
    static let beginWrite = "BEGIN; SELECT pg_advisory_xact_lock(8102095850017285995)"
    private static let beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    /// How long another instance may take to forget what it was told to. Then it is given up.
    private static let patience: Int64 = 1_000_000_000

    let lease: Lease? = Lease()
    private let url: PostgresURL
    private let readers: PostgresPool
    /// One is enough for one write at a time, and leaves the others to those who read.
    private let writer: PostgresPool
    /// Tells this process from the other instances.
    let process = Identifier.generate("ins_")
    private let listener = Mutex<PostgresListener?>(nil)

    init(_ url: PostgresURL, readers: Int = 16) {
        self.url = url
        self.readers = PostgresPool(url, size: readers)
        writer = PostgresPool(url, size: 1)
    }

    deinit { listener.withLock { $0?.stop() } }

    func follow(_ cache: any AnnouncedCache, _ log: Log) throws {
        guard let lease else { return }
        let started = try PostgresListener(url, process: process, lease: lease, cache: cache, log: log)
        listener.withLock { $0 = started }
        started.start()
    }

    func unfollow() {
        let listener = listener.withLock { $0 }
        listener?.stop()
        listener?.waitForEnd()
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
        let (result, announced) = try transaction(body)
        if let announced { try waitUntilForgotten(announced) }
        return result
    }

    private func transaction<Result>(
        _ body: (any DatabaseConnection) throws -> Result
    ) throws -> (Result, announced: Int64?) {
        let connection = try writer.take(beginning: Self.beginWrite)
        defer { writer.give(connection) }
        do {
            let transaction = PostgresTransaction(connection)
            let result = try body(transaction)
            // After a statement that failed the server undoes the transaction, and calls that no failure.
            guard try connection.script("COMMIT") == "COMMIT" else {
                throw DatabaseFailure(reason: "PostgreSQL: the transaction was undone")
            }
            return (result, transaction.announced)
        } catch {
            _ = try? connection.script("ROLLBACK")
            throw error
        }
    }

    /// Returns when no other instance can use what it remembers from before an announcement.
    ///
    /// Most have heard of it within a millisecond or two. One that says nothing is fenced, so that its lease cannot be
    /// lengthened; when that has run out, by the clock of this process, the instance uses nothing any more.
    private func waitUntilForgotten(_ number: Int64) throws {
        let connection = try readers.take(beginning: "")
        defer { readers.give(connection) }
        let start = Lease.now
        var fenced: [String: Int64] = [:]
        var pause: UInt32 = 200
        while true {
            let behind = try Instances.behind(number, but: process, in: connection)
                .filter { fenced[$0.id].map { Lease.now - $0 <= Lease.length } ?? true }
            if behind.isEmpty { break }
            let isLate = Lease.now - start > Self.patience
            for (id, isConnected) in behind where fenced[id] == nil && (isLate || !isConnected) {
                try Instances.fence(id, in: connection)
                fenced[id] = Lease.now
            }
            usleep(pause)
            pause = min(pause * 2, 20_000)
        }
        for id in fenced.keys { try Instances.remove(fenced: id, in: connection) }
    }
}
