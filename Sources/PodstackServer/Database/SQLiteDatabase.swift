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
    /// A connection that threads use in turn, under a lock.
    // Safe: accessed only inside the mutex that owns it, so by one thread at a time.
    private struct Guarded: @unchecked Sendable {
        let connection: SQLiteConnection
    }

    private let writer: Mutex<Guarded>
    private let idleReaders: Mutex<[Guarded]>
    private let path: String
    private let mark: SharedMark
    /// Whether this process has a cache.
    ///
    /// It removes what it changes itself from that cache, so it must not change the mark, which would clear the whole
    /// cache.
    private let isFollowing = Atomic(false)

    init(path: String) throws {
        self.path = path
        mark = try SharedMark(path: path + ".mark")
        writer = Mutex(Guarded(connection: try SQLiteConnection(path: path)))
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
        let reader = try idleReaders.withLock { $0.popLast() } ?? Guarded(connection: SQLiteConnection(path: path))
        defer { idleReaders.withLock { $0.append(reader) } }
        try reader.connection.execute("BEGIN")
        defer { _ = try? reader.connection.execute("COMMIT") }
        return try body(reader.connection)
    }

    private func runWrite<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        // A variable outside of the lock, because the result need not be Sendable.
        var result: Swift.Result<Result, any Error>?
        try writer.withLock { guarded in
            let connection = guarded.connection
            try connection.execute("BEGIN IMMEDIATE")
            do {
                connection.hasAnnounced = false
                let value = try body(connection)
                try connection.execute("COMMIT")
                if connection.hasAnnounced, !isFollowing.load(ordering: .acquiring) { try mark.change() }
                result = .success(value)
            } catch {
                _ = try? connection.execute("ROLLBACK")
                result = .failure(error)
            }
        }
        guard let result else { throw DatabaseFailure(reason: "the transaction did not run") }
        return try result.get()
    }
}

// MARK: - Changes by other processes

/// Eight bytes that all processes with the same SQLite database share through a memory-mapped file.
///
/// A command changes them after it has made a server's cached state stale. The server compares them for each request,
/// which costs no system call.
// Safe: `file` and `bytes` never change, and the memory at `bytes` is only read, as an atomic.
final class SharedMark: @unchecked Sendable {
    private static let size = MemoryLayout<UInt64>.size

    private let file: Int32
    private let bytes: UnsafeMutablePointer<Atomic<UInt64>>

    init(path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.failure("open", path) }
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
        self.file = file
        bytes = mapped.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
    }

    deinit {
        munmap(bytes, Self.size)
        close(file)
    }

    var value: UInt64 { bytes.pointee.load(ordering: .acquiring) }

    /// Changes the value; when this returns, every process sees the new one.
    func change() throws {
        var next = UInt64.random(in: .min ... .max)
        guard pwrite(file, &next, Self.size, 0) == Self.size else { throw Self.failure("write", "the shared mark") }
    }

    private static func failure(_ action: String, _ path: String) -> DatabaseFailure {
        DatabaseFailure(reason: "cannot \(action) \(path): \(String(cString: strerror(errno)))")
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
            try SQLiteConnection(path: database).copy(to: SQLiteConnection(path: partial, isCopy: true), progress)
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
