import Synchronization

/// SQLite in WAL mode: one writer, and readers that never wait for it.
final class SQLiteDatabase: Database {
    /// Hands a connection from thread to thread under a lock.
    // Safe: reached only inside the mutex that owns it, so by one thread at a time.
    private struct Guarded: @unchecked Sendable {
        let connection: SQLiteConnection
    }

    private let writer: Mutex<Guarded>
    private let idleReaders: Mutex<[Guarded]>
    private let path: String
    private let mark: SharedMark
    /// Whether this process remembers anything. What it changes itself it forgets itself, and piece by piece.
    private let isFollowing = Atomic(false)

    init(path: String) throws {
        self.path = path
        mark = try SharedMark(path: path + ".mark")
        writer = Mutex(Guarded(connection: try SQLiteConnection(path: path)))
        idleReaders = Mutex([])
    }

    /// Changed by the commands that run beside a server.
    var foreignChanges: SharedMark? { mark }
    func follow(_ cache: any AnnouncedCache, _ log: Log) throws { isFollowing.store(true, ordering: .releasing) }

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        let reader = try idleReaders.withLock { $0.popLast() } ?? Guarded(connection: SQLiteConnection(path: path))
        defer { idleReaders.withLock { $0.append(reader) } }
        try reader.connection.run("BEGIN", [])
        defer { _ = try? reader.connection.run("COMMIT", []) }
        return try body(reader.connection)
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        // The result leaves the lock in a box of its own: it need not be Sendable.
        var result: Swift.Result<Result, any Error>?
        try writer.withLock { guarded in
            let connection = guarded.connection
            try connection.run("BEGIN IMMEDIATE", [])
            do {
                connection.hasAnnounced = false
                let value = try body(connection)
                try connection.run("COMMIT", [])
                if connection.hasAnnounced, !isFollowing.load(ordering: .acquiring) { try mark.change() }
                result = .success(value)
            } catch {
                _ = try? connection.run("ROLLBACK", [])
                result = .failure(error)
            }
        }
        guard let result else { throw DatabaseFailure(reason: "the transaction did not run") }
        return try result.get()
    }
}
