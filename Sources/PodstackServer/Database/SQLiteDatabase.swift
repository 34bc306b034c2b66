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
    /// The seconds that ``checkWritable()`` waits for other writes.
    private static let checkSeconds = 2.0

    private let writer: Guarded
    /// Whether a thread has taken the writer.
    private let isWriting = Monitor(false)
    private let idleReaders: Mutex<[Guarded]>
    private let files: SQLiteFiles
    private let mark: SharedMark
    /// Whether this process has a cache.
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
        idleReaders = Mutex([])
    }

    /// The mark that commands change which run beside a server.
    var foreignChanges: SharedMark? { mark }
    func follow(_ cache: any AnnouncedCache, _ log: Log) throws { isFollowing.store(true, ordering: .releasing) }

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
        try files.check()
        let reader = try idleReaders.withLock { $0.popLast() } ?? openReader()
        defer { idleReaders.withLock { $0.append(reader) } }
        try reader.connection.execute("BEGIN")
        defer { _ = try? reader.connection.execute("COMMIT") }
        return try body(reader.connection)
    }

    private func openReader() throws -> Guarded {
        let reader = Guarded(connection: try SQLiteConnection(path: files.path))
        // Another file may have taken its place meanwhile.
        try files.check()
        return reader
    }

    private func runWrite<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        try withWriter(within: timeoutSeconds) { connection in
            connection.hasAnnounced = false
            let result = try body(connection)
            try connection.execute("COMMIT")
            if connection.hasAnnounced, !isFollowing.load(ordering: .acquiring) { try mark.change() }
            // A commit to a file that is no longer the database must not be acknowledged.
            try files.check()
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
        try connection.execute("BEGIN IMMEDIATE")
        defer { if connection.isInTransaction { _ = try? connection.execute("ROLLBACK") } }
        return try body(connection)
    }

    /// Returns whether the database has no table yet.
    func isEmpty() throws -> Bool {
        try read { try $0.query("SELECT name FROM sqlite_schema LIMIT 1").isEmpty }
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

// MARK: - Files

/// The identity of a file, which does not depend on its path.
private struct FileIdentity: Equatable {
    private let device: UInt64
    private let number: UInt64

    /// Returns the identity of the file at a path, or nil if there is none.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }
}

/// The files of an open database.
///
/// SQLite continues with the files that it has opened when they are moved, deleted or replaced, and what it writes to them
/// is then lost to the next process that opens the database.
struct SQLiteFiles: Sendable {
    let path: String
    /// The files, with the identity that each had when it was opened.
    private let opened: [(path: String, identity: FileIdentity)]

    /// Remembers the database, its write-ahead log, the index of that, and the mark.
    ///
    /// A connection must be open, because the last one to close removes two of them.
    init(path: String) throws(DatabaseFailure) {
        self.path = path
        var opened: [(String, FileIdentity)] = []
        for path in ["", "-wal", "-shm", SharedMark.suffix].map({ path + $0 }) {
            guard let identity = FileIdentity(path) else { throw Self.missing(path) }
            opened.append((path, identity))
        }
        self.opened = opened
    }

    /// Checks that the paths still lead to the open files; costs one system call for each.
    ///
    /// Once the original files are back, the check succeeds again: meanwhile, no other process could use the database
    /// through these paths, because none creates a database in a directory that was used before.
    func check() throws(DatabaseFailure) {
        for (path, identity) in opened {
            guard let found = FileIdentity(path) else { throw Self.missing(path) }
            guard found == identity else {
                throw DatabaseFailure(
                    .unreachable,
                    reason:
                        "\(path) was replaced by another file while the service runs: put the original file back, or "
                        + "restart the service to use the other one")
            }
        }
    }

    private static func missing(_ path: String) -> DatabaseFailure {
        DatabaseFailure(.unreachable, reason: "\(path) is missing: put the file back")
    }

    /// Checks that a file in the directory can grow, because the write-ahead log may not have to for a while.
    func checkDisk() throws(DatabaseFailure) {
        let probe = path + ".probe"
        let file = open(probe, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.full(probe) }
        defer {
            close(file)
            unlink(probe)
        }
        // Page by page, because a longer write may end early, without an error.
        let page = [UInt8](repeating: 1, count: 4096)
        for _ in 0..<16 {
            guard write(file, page, page.count) == page.count else { throw Self.full(probe) }
        }
        guard fsync(file) == 0 else { throw Self.full(probe) }
    }

    private static func full(_ path: String) -> DatabaseFailure {
        DatabaseFailure(.cannotSave, reason: "cannot write \(path): \(String(cString: strerror(errno)))")
    }
}

// MARK: - Changes by other processes

/// Eight bytes that all processes with the same SQLite database share through a memory-mapped file.
///
/// A command changes them after it has made a server's cached state stale. The server compares them for each request,
/// which costs no system call. Once a second it checks that the file was not replaced: commands would then change another
/// one.
// Safe: `file` and `bytes` never change, and the memory at `bytes` is only read, as an atomic.
final class SharedMark: @unchecked Sendable {
    /// The end of the file's name, after that of the database.
    static let suffix = ".mark"
    private static let size = MemoryLayout<UInt64>.size

    private let path: String
    private let identity: FileIdentity?
    /// The second in which the file was last checked, and whether it was in its place.
    private let checkedAt = Atomic<Int64>(.min)
    private let isInPlace = Atomic(true)
    private let file: Int32
    private let bytes: UnsafeMutablePointer<Atomic<UInt64>>

    init(path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.failure("open", path) }
        // Only one process writes the first value: a second one could undo a change.
        flock(file, LOCK_EX)
        defer { flock(file, LOCK_UN) }
        // Written instead of only extended, so that a full disk is noticed here and not at the first access.
        var first: UInt64 = 1
        if lseek(file, 0, SEEK_END) < Self.size, pwrite(file, &first, Self.size, 0) != Self.size {
            defer { close(file) }
            throw Self.failure("write", path)
        }
        guard let mapped = mmap(nil, Self.size, PROT_READ, MAP_SHARED, file, 0), mapped != MAP_FAILED else {
            defer { close(file) }
            throw Self.failure("map", path)
        }
        self.path = path
        identity = FileIdentity(path)
        self.file = file
        bytes = mapped.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
    }

    deinit {
        munmap(bytes, Self.size)
        close(file)
    }

    /// The value; another one each time while the file is not in its place, so that no cached state is used.
    var value: UInt64 {
        let second = MonotonicClock.seconds()
        if checkedAt.load(ordering: .relaxed) != second {
            checkedAt.store(second, ordering: .relaxed)
            isInPlace.store(FileIdentity(path) == identity, ordering: .relaxed)
        }
        guard isInPlace.load(ordering: .relaxed) else { return .random(in: .min ... .max) }
        return bytes.pointee.load(ordering: .acquiring)
    }

    /// Changes the value; when this returns, every process sees the new one.
    func change() throws {
        var next = UInt64.random(in: .min ... .max)
        guard pwrite(file, &next, Self.size, 0) == Self.size else { throw Self.failure("write", "the shared mark") }
    }

    private static func failure(_ action: String, _ path: String) -> DatabaseFailure {
        DatabaseFailure(.cannotSave, reason: "cannot \(action) \(path): \(String(cString: strerror(errno)))")
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
