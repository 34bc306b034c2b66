import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// The files of an open database can be moved, deleted, replaced or overwritten. SQLite does not notice any of that: it
// continues with the files that it has opened, and reads whatever is in them. Three checks exclude a wrong response and a
// lost change:
//
//  1. Every write checks the paths before it begins and after its commit. A read uses the open files, which stay right
//     when they are moved, so it checks the paths at most every `SQLiteFiles.readIntervalNanoseconds`. A connection that
//     was just opened may have opened another file, so its first read always checks.
//  2. A file that is copied over the open one keeps its identity. The header of the database contains a stamp that no older
//     copy has, see `DatabaseStamp`. Every read of the server checks it after its statements, and every write before its
//     first one and after its commit. A copy overwrites the beginning first, so no statement can read foreign data before
//     the stamp has changed.
//  3. Once a second, `SharedMark` checks its own path.
//  4. A database has one name. SQLite keeps the write-ahead log beside the name under which it was opened, so two processes
//     that open one file under two names have two logs, and destroy the database. Symbolic and hard links are such names:
//     none is opened (`SQLiteFiles.checkNames`), and a link that takes the place of an open file is another file.
//
// MovedDatabaseTests shows each.

// MARK: - Files

/// The identity of a file, which does not depend on its path.
private struct FileIdentity: Equatable {
    private let device: UInt64
    private let number: UInt64

    /// Returns the identity of the file at a path, or nil if there is none; a symbolic link has its own.
    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Returns the identity of an open file.
    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        number = UInt64(status.st_ino)
    }
}

/// The files of an open database.
final class SQLiteFiles: Sendable {
    /// The time for which a read relies on an earlier check of the paths.
    private static let readIntervalNanoseconds: Int64 = 100_000_000

    let path: String
    /// The files, with the identity that each had when it was opened.
    private let opened: [(path: String, identity: FileIdentity)]
    /// The time of the last successful check, in nanoseconds of the monotonic clock.
    private let checkedAt = Atomic<Int64>(.min / 2)

    /// Remembers the database, its write-ahead log, the index of that, and the mark.
    ///
    /// A connection must be open, because the last one to close removes two of them.
    init(path: String) throws(DatabaseFailure) {
        self.path = path
        var opened: [(String, FileIdentity)] = []
        for path in Self.suffixes.map({ path + $0 }) {
            guard let identity = FileIdentity(path) else { throw Self.missing(path) }
            opened.append((path, identity))
        }
        self.opened = opened
        // A link may have been created since the database was opened.
        try Self.checkNames(of: path)
    }

    /// The ends of the names of a database's files.
    private static let suffixes = ["", "-wal", "-shm", SharedMark.suffix]

    /// Checks that none of a database's files is a symbolic link, and that the database has one name only.
    ///
    /// The directory may be a symbolic link: all files are in it.
    ///
    /// - Parameter path: The database, which may be missing.
    /// - Throws: ``DatabaseFailure`` if the database must not be opened under this name.
    static func checkNames(of path: String) throws(DatabaseFailure) {
        for file in suffixes.map({ path + $0 }) {
            var status = stat()
            guard lstat(file, &status) == 0 else { continue }
            guard status.st_mode & S_IFMT != S_IFLNK else {
                throw DatabaseFailure(
                    .unreachable,
                    reason:
                        "\(file) is a symbolic link, and a database that is opened under two names is destroyed: put the "
                        + "file itself in its place, or move the whole directory and name it with --data")
            }
            guard file == path, status.st_nlink > 1 else { continue }
            throw DatabaseFailure(
                .unreachable,
                reason:
                    "\(file) has another name, a hard link, and a database that is opened under two names is destroyed: "
                    + "remove the other name, or replace this one by a copy of the file")
        }
    }

    /// Checks that the paths lead to the open files, unless a check succeeded a moment ago.
    func checkForRead() throws(DatabaseFailure) {
        let now = MonotonicClock.nanoseconds
        guard now - checkedAt.load(ordering: .relaxed) >= Self.readIntervalNanoseconds else { return }
        try check(at: now)
    }

    /// Checks that the paths still lead to the open files; costs one system call for each.
    ///
    /// Once the original files are back, the check succeeds again: meanwhile, no other process could use the database
    /// through these paths, because none creates a database in a directory that was used before.
    func check() throws(DatabaseFailure) { try check(at: MonotonicClock.nanoseconds) }

    private func check(at now: Int64) throws(DatabaseFailure) {
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
        checkedAt.store(now, ordering: .relaxed)
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

// MARK: - Stamp

/// A number in the header of a database file that tells it from older copies of itself and from other databases.
///
/// It is SQLite's `user_version`, which nothing else uses. A server replaces it when it starts, and with the first change
/// of each hour, so an older copy has a different stamp. A backup gets its own stamp.
///
/// A new stamp reaches the file with a checkpoint of the write-ahead log. Until then, the file has an older one.
final class DatabaseStamp: Sendable {
    private static let renewalSeconds: Int64 = 3600
    /// The number of stamps that may wait for a checkpoint.
    private static let maxPending = 24

    private struct State {
        /// The stamps that the file may have, the oldest first; nil stands for a file that is too short to have one.
        var valid: [UInt32?]
        var renewedAt: Int64?
    }

    private let path: String
    private let state = Mutex(State(valid: []))
    /// The stamp that the file had at the last check, as a ``number(_:)``.
    private let last = Atomic<UInt64>(0)
    /// Whether the file had a stamp that this process has not written.
    private let isLost = Atomic(false)

    /// Creates the stamp of a file; the path is for the message.
    init(path: String) { self.path = path }

    /// Begins to watch a file.
    ///
    /// - Parameters:
    ///   - found: The stamp that the file has.
    ///   - next: The stamp that it will have after the next checkpoint.
    func begin(with found: UInt32?, next: UInt32?) {
        state.withLock { state in
            // A new file is short until its first checkpoint, and then has no stamp yet.
            state.valid = (found ?? 0) == 0 ? [nil, 0] : [found]
            if let next, next != found { state.valid.append(next) }
            last.store(Self.number(found), ordering: .relaxed)
        }
    }

    /// A number for each stamp, and another one for none.
    private static func number(_ stamp: UInt32?) -> UInt64 { stamp.map(UInt64.init) ?? .max }

    /// Checks that the file has a stamp that this process has written.
    ///
    /// Once it had another one, every check fails: SQLite may have kept pages of the other file in memory.
    ///
    /// - Parameter read: Reads the stamp from the file.
    /// - Throws: ``DatabaseFailure`` if another process has overwritten the file.
    func check(_ read: () -> UInt32?) throws(DatabaseFailure) {
        if !isLost.load(ordering: .relaxed), isValid(read) { return }
        isLost.store(true, ordering: .relaxed)
        throw DatabaseFailure(
            .unreachable,
            reason:
                "\(path) was overwritten while the service runs: restart the service to use what was copied over it, or "
                + "stop the service and restore a backup")
    }

    /// Returns whether the file has a stamp that this process has written.
    func isValid(_ read: () -> UInt32?) -> Bool {
        if last.load(ordering: .relaxed) == Self.number(read()) { return true }
        return state.withLock { state in
            // Read again in the lock, so that the stamp is not older than one that another thread has found meanwhile.
            let found = read()
            guard let index = state.valid.firstIndex(of: found) else { return false }
            // The file never goes back to an older stamp.
            state.valid.removeFirst(index)
            last.store(Self.number(found), ordering: .relaxed)
            return true
        }
    }

    /// Returns the stamp that the next transaction has to write; nil if none is due.
    ///
    /// - Parameter now: The time in seconds of a monotonic clock.
    /// - Returns: A new stamp, which the file may have from now on.
    func renewal(now: Int64 = MonotonicClock.seconds()) -> UInt32? {
        state.withLock { state in
            let isDue = state.renewedAt.map { now - $0 >= Self.renewalSeconds } ?? true
            guard isDue, state.valid.count <= Self.maxPending else { return nil }
            state.renewedAt = now
            let stamp = Self.generate()
            state.valid.append(stamp)
            return stamp
        }
    }

    /// Returns a random stamp, which is never 0, the stamp of a new database.
    static func generate() -> UInt32 { .random(in: 1 ... .max) }
}

// MARK: - Changes by other processes

/// Eight bytes that all processes with the same SQLite database share through a file.
///
/// A command changes them after it has made a server's cached state stale. The server compares them for each request. It
/// reads the file, because an access to the memory of a mapped file that was truncated ends the process. Once a second it
/// checks that the file was not replaced: commands would then change another one.
final class SharedMark: Sendable {
    /// The end of the file's name, after that of the database.
    static let suffix = ".mark"
    private static let size = MemoryLayout<UInt64>.size

    private let path: String
    private let identity: FileIdentity?
    /// The second in which the file was last checked, and whether it was in its place.
    private let checkedAt = Atomic<Int64>(.min)
    private let isInPlace = Atomic(true)
    private let file: Int32

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
        self.path = path
        identity = FileIdentity(descriptor: file)
        self.file = file
    }

    deinit { close(file) }

    /// The value; another one each time while the file is not in its place or has none, so that no cached state is used.
    var value: UInt64 {
        let second = MonotonicClock.seconds()
        if checkedAt.load(ordering: .relaxed) != second {
            checkedAt.store(second, ordering: .relaxed)
            isInPlace.store(FileIdentity(path) == identity, ordering: .relaxed)
        }
        var value: UInt64 = 0
        guard isInPlace.load(ordering: .relaxed), pread(file, &value, Self.size, 0) == Self.size else {
            return .random(in: .min ... .max)
        }
        return value
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
