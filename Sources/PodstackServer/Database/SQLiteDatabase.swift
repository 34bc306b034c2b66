import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// An SQLite database in WAL mode: one writer, and readers that never wait for it.
final class SQLiteDatabase: Database {
    /// A connection that threads use in turn.
    // Safe: a thread uses one only after it has taken the writer or removed a reader from the idle ones.
    private struct Guarded: @unchecked Sendable {
        let connection: SQLiteConnection
    }

    /// The seconds that a write waits for all other writes together, those of this process and of others.
    private let timeoutSeconds: Double
    /// The seconds that ``checkWritable()`` and ``follow(_:_:)`` wait for other writes.
    private static let checkSeconds = 2.0

    private let writer: Guarded
    /// Whether a thread has taken the writer.
    private let isWriting = Monitor(false)
    private let idleReaders: Mutex<[Guarded]>
    private let files: SQLiteFiles
    private let stamp: DatabaseStamp
    private let mark: SharedMark
    /// Whether this process is the server, which has a cache and watches the stamp.
    ///
    /// It removes what it changes itself from that cache, so it must not change the mark, which would clear the whole
    /// cache.
    private let isFollowing = Atomic(false)

    /// Opens a database.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - mayCreate: Whether to create a missing file; true only if the file is missing because it is new.
    ///   - timeoutSeconds: The seconds that a write waits for others.
    /// - Throws: ``DatabaseFailure`` if the file cannot be opened.
    init(path: String, mayCreate: Bool = true, timeoutSeconds: Double = 10) throws {
        self.timeoutSeconds = timeoutSeconds
        writer = Guarded(connection: try SQLiteConnection(path: path, mayCreate ? .creating : .existing))
        mark = try SharedMark(path: path + SharedMark.suffix)
        files = try SQLiteFiles(path: path)
        stamp = DatabaseStamp(path: path)
        idleReaders = Mutex([])
    }

    /// The mark that commands change which run beside a server.
    var foreignChanges: SharedMark? { mark }

    func follow(_ cache: any AnnouncedCache, _ log: Log) throws {
        try read { connection in
            // The write-ahead log of an earlier server may contain a newer stamp than the file.
            let found = (connection as? SQLiteConnection)?.fileStamp
            let next = try connection.query("PRAGMA user_version").first?.integer("user_version")
            stamp.begin(with: found, next: next.map(UInt32.init(truncatingIfNeeded:)))
        }
        isFollowing.store(true, ordering: .releasing)
        // Marks the file. A full disk or a busy database must not prevent the start.
        try? runWrite(within: Self.checkSeconds) { _ in }
    }

    /// Keeps the write-ahead log out of a file that was copied over the database: closing the last connection would copy it
    /// into that file, and so would the next process that opens it.
    func unfollow() {
        guard isFollowing.load(ordering: .acquiring) else { return }
        let isFree = isWriting.wait(Self.checkSeconds) { isWriting -> Bool? in
            guard !isWriting else { return nil }
            isWriting = true
            return true
        }
        guard isFree == true else { return }
        defer { isWriting.change { $0 = false } }
        guard !stamp.isValid({ writer.connection.fileStamp }) else { return }
        writer.connection.keepLog()
        idleReaders.withLock { for reader in $0 { reader.connection.keepLog() } }
        _ = rename(files.path + "-wal", files.path + "-wal.overwritten")
    }

    let activity: DatabaseActivity? = DatabaseActivity()

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        guard let activity else { return try runRead(body) }
        return try activity.measure(.read) { try runRead(body) }
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        guard let activity else { return try runWrite(body) }
        return try activity.measure(.write) { try runWrite(body) }
    }

    private func runRead<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        try files.checkForRead()
        let reader = try idleReaders.withLock { $0.popLast() } ?? openReader()
        defer { idleReaders.withLock { $0.append(reader) } }
        try reader.connection.execute("BEGIN")
        defer { _ = try? reader.connection.execute("COMMIT") }
        do {
            let result = try body(reader.connection)
            try checkStamp(reader.connection)
            return result
        } catch {
            // The reason why a row was not found may be that it belongs to another database.
            try checkStamp(reader.connection)
            throw error
        }
    }

    /// Checks that no other file was copied over the database, if this process is the server.
    ///
    /// Commands do not: the server changes the stamp while they run.
    private func checkStamp(_ connection: SQLiteConnection) throws(DatabaseFailure) {
        guard isFollowing.load(ordering: .relaxed) else { return }
        try stamp.check { connection.fileStamp }
    }

    private func openReader() throws -> Guarded {
        let reader = Guarded(connection: try SQLiteConnection(path: files.path))
        // Another file may have taken its place meanwhile.
        try files.check()
        return reader
    }

    private func runWrite<Result>(
        within seconds: Double? = nil, _ body: (any DatabaseConnection) throws -> Result
    ) throws -> Result {
        try withWriter(within: seconds ?? timeoutSeconds) { connection in
            connection.hasAnnounced = false
            let result = try body(connection)
            let newStamp = isFollowing.load(ordering: .relaxed) ? stamp.renewal() : nil
            if let newStamp { try connection.setStamp(newStamp) }
            try connection.execute("COMMIT")
            if connection.hasAnnounced, !isFollowing.load(ordering: .acquiring) { try mark.change() }
            // A commit to a file that is no longer the database must not be acknowledged.
            try files.check()
            // So that the stamp soon reaches the file; a reader of an older state may prevent it.
            if newStamp != nil { _ = try? connection.execute("PRAGMA wal_checkpoint(PASSIVE)") }
            try checkStamp(connection)
            return result
        }
    }

    /// Runs `body` in a transaction of the writer, which is rolled back unless `body` has committed it.
    private func withWriter<Result>(
        within seconds: Double, _ body: (SQLiteConnection) throws -> Result
    ) throws -> Result {
        let end = MonotonicClock.nanoseconds + Int64(seconds * 1e9)
        let isTaken = isWriting.wait(seconds) { isWriting -> Bool? in
            guard !isWriting else { return nil }
            isWriting = true
            return true
        }
        guard isTaken == true else { throw DatabaseFailure(.busy, reason: "SQLite: other changes take too long") }
        defer { isWriting.change { $0 = false } }
        let connection = writer.connection
        connection.setBusyTimeout(milliseconds: Int32(max(0, end - MonotonicClock.nanoseconds) / 1_000_000))
        try files.check()
        try checkStamp(connection)
        try connection.execute("BEGIN IMMEDIATE")
        defer { if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") } }
        return try body(connection)
    }

    /// Returns the names of all tables.
    func tables() throws -> Set<String> {
        try read { connection in
            Set(try connection.query("SELECT name FROM sqlite_schema WHERE type = 'table'").map { try $0.text("name") })
        }
    }

    func checkWritable() throws {
        try files.check()
        try files.checkDisk()
        try withWriter(within: Self.checkSeconds) { connection in
            // With a cache of a few pages, the pages of this change are written to the write-ahead log at once, although
            // the change is never committed.
            try connection.execute("PRAGMA cache_size = 8")
            defer { _ = try? connection.execute("PRAGMA cache_size = -2000") }
            try connection.execute("UPDATE schema_version SET version = version")
            try connection.execute("INSERT INTO write_checks (data) VALUES (zeroblob(131072))")
        }
    }
}

// MARK: - Backup

/// Copies a database to a file that only the service's user can read.
enum SQLiteBackup {
    /// Creates a complete backup, or none.
    ///
    /// - Parameters:
    ///   - database: The path of the database.
    ///   - file: The path of the backup, which must not exist.
    ///   - progress: Called with the number of pages that are copied and the number of all pages.
    /// - Throws: ``SetupFailure`` if `file` exists or cannot be written.
    static func create(of database: String, to file: String, _ progress: (Int, Int) -> Void = { _, _ in }) throws {
        guard access(file, F_OK) != 0 else {
            throw SetupFailure("\(file) already exists, and a backup never replaces a file")
        }
        let partial = file + ".partial"
        let created = open(partial, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard created >= 0 else {
            throw errno == EEXIST
                ? SetupFailure(
                    "\(partial) exists: another backup is running, or was interrupted; if none is running, remove the file"
                )
                : SetupFailure("cannot write \(partial): \(reason)")
        }
        defer {
            close(created)
            unlink(partial)
        }
        do {
            try SQLiteConnection(path: database).copy(to: SQLiteConnection(path: partial, .copy), progress)
        } catch { throw SetupFailure("cannot back up \(database) to \(file): \(error.reason)") }
        guard fsync(created) == 0 else { throw SetupFailure("cannot write \(partial): \(reason)") }
        // Unlike a rename, this never replaces a file that was created meanwhile.
        guard link(partial, file) == 0 else { throw SetupFailure("cannot create \(file): \(reason)") }
        sync(folderOf: file)
    }

    /// Makes the new name durable.
    private static func sync(folderOf file: String) {
        let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
