import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads and replaces files that contain secrets, with their modes, owners and locks.
package enum SecureFile {
    package struct Content {
        package var bytes: [UInt8]
        /// Whether this is a regular file of this user, and not a pipe or a secret that the system mounted.
        var isOwn: Bool
        /// The permission bits.
        var mode: mode_t

        /// Whether only the owner may change the file, so that it may name a program to run.
        var isWritableByOwnerAlone: Bool { isOwn && mode & 0o022 == 0 }

        /// The rights of others to a file of this user, such as "read and change"; nil when they have none.
        var rightsOfOthers: String? {
            guard isOwn, mode & 0o077 != 0 else { return nil }
            return mode & 0o022 == 0 ? "read" : mode & 0o044 == 0 ? "change" : "read and change"
        }
    }

    /// The default time limit for a pipe to be written to.
    package static let defaultTimeLimit = Duration.seconds(30)

    /// The time limit for a pipe that was read before; few are written to again.
    static let timeLimitForMore = Duration.seconds(1)

    // MARK: - Reading

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - timeLimit: The longest time to wait for a pipe; nil waits without a limit.
    ///   - most: The largest size in bytes, which keeps an endless device from filling the memory.
    /// - Returns: The content; nil when the file does not exist.
    /// - Throws: ``ConfigurationError`` when the file cannot be read.
    package static func read(
        _ path: String, within timeLimit: Duration?, most: Int = 16 << 20
    ) throws(ConfigurationError) -> Content? {
        // Nonblocking, because opening a pipe blocks until another process opens it for writing.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("cannot read", path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot read", path) }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else { throw ConfigurationError(message: "\(path) is a directory") }
        let end = timeLimit.map { ContinuousClock.now + $0 }
        var mustWait = kind == S_IFIFO
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            if mustWait, !waitForData(descriptor, until: end) {
                throw ConfigurationError(message: "\(path) is a pipe, and no data was written to it in time")
            }
            let count = readChunk(descriptor, &chunk)
            if count < 0 && errno == EINTR { continue }
            mustWait = count < 0 && errno == EAGAIN && kind == S_IFIFO
            if mustWait { continue }
            guard count >= 0 else { throw failure("cannot read", path) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= most else {
                throw ConfigurationError(
                    message: "\(path) is larger than \(most >> 20 > 0 ? "\(most >> 20) MiB" : "\(most >> 10) KiB")")
            }
        }
        let isOwn = kind == S_IFREG && status.st_uid == geteuid()
        return Content(bytes: bytes, isOwn: isOwn, mode: status.st_mode & 0o777)
    }

    /// Waits until a pipe has data or has ended; returns false when the time is up.
    private static func waitForData(_ descriptor: Int32, until end: ContinuousClock.Instant?) -> Bool {
        while true {
            let left = end.map { max(0, ($0 - .now).milliseconds) } ?? -1
            var pipe = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&pipe, 1, Int32(clamping: left))
            if count > 0 { return true }
            if count == 0 ? left == 0 : errno != EINTR { return false }
        }
    }

    private static func readChunk(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
        chunk.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, $0.count) }
    }

    static func failure(_ problem: String, _ path: String) -> ConfigurationError {
        ConfigurationError(message: "\(problem) \(path): \(String(cString: strerror(errno)))")
    }

    // MARK: - Writing

    /// Replaces the content of a file, completely or not at all, one writer at a time.
    ///
    /// Creates the folder when it does not exist. A symbolic link stays; its target is replaced or created.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - change: Returns the new content for the current one, which is empty when the file does not exist.
    /// - Throws: ``ConfigurationError`` when the file cannot be read or written, and the errors of `change`.
    static func update(_ path: String, _ change: ([UInt8]) throws -> [UInt8]) throws {
        try checkReplaceable(path)
        let target = resolved(path)
        let folder = parent(of: target)
        try createFolder(folder)
        let lock = try FileLock(target + ".lock")
        try lock.wait()
        defer { lock.release() }
        let before = try read(target, within: .zero)
        let after = try change(before?.bytes ?? [])
        guard before == nil || before?.bytes != after else { return }
        try replace(target, with: after, folder: folder)
    }

    /// Removes all rights of others to a file.
    ///
    /// - Parameter path: The path of the file.
    /// - Returns: Whether others had any; false when the file does not exist or belongs to another user.
    /// - Throws: ``ConfigurationError`` when the mode cannot be changed.
    @discardableResult
    static func restrict(_ path: String) throws -> Bool {
        // A link may be the user's, but its target must be the file that was checked.
        let descriptor = open(resolved(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw failure("cannot read", path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot read", path) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o077 != 0 else {
            return false
        }
        guard fchmod(descriptor, status.st_mode & 0o700) == 0 else { throw failure("cannot change the mode of", path) }
        return true
    }

    /// Throws ``ConfigurationError`` when the path names something other than a regular file.
    static func checkReplaceable(_ path: String) throws(ConfigurationError) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
        throw ConfigurationError(message: "\(path) cannot be written: it is not a regular file")
    }

    /// Throws ``ConfigurationError`` when this user may not change the file or its folder.
    static func checkWritable(_ path: String) throws {
        try checkReplaceable(path)
        let target = resolved(path)
        guard access(target, W_OK) == 0, access(parent(of: target), W_OK) == 0 else {
            throw failure("cannot write", path)
        }
    }

    static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("cannot remove", path) }
    }

    /// Writes a temporary file and renames it, so that a crash at any point leaves the old or the new content.
    private static func replace(_ path: String, with bytes: [UInt8], folder: String) throws {
        // The lock is held, so an existing temporary file was left by a writer that was killed.
        let temporary = path + ".tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("cannot create a temporary file next to", path) }
        var isDone = false
        defer {
            close(descriptor)
            if !isDone { unlink(temporary) }
        }
        guard FileOwner.give(descriptor, to: FileOwner.of(path) ?? FileOwner.ofNewFile(in: folder)) else {
            throw failure("cannot keep the owner of", path)
        }
        // The umask may have removed bits, and a stricter mode of the old file stays.
        guard writeAll(bytes, to: descriptor), fchmod(descriptor, mode(of: path)) == 0, fsync(descriptor) == 0 else {
            throw failure("cannot write", path)
        }
        guard rename(temporary, path) == 0 else { throw failure("cannot replace", path) }
        isDone = true
        // The rename is durable only after the folder is synced too.
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    private static func createFolder(_ path: String) throws {
        var status = stat()
        if stat(path, &status) == 0 { return }
        let folder = parent(of: path)
        if folder != path { try createFolder(folder) }
        guard mkdir(path, 0o700) == 0 else {
            guard errno == EEXIST else { throw failure("cannot create the folder", path) }
            return
        }
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw failure("cannot open the folder", path) }
        defer { close(descriptor) }
        guard FileOwner.give(descriptor, to: FileOwner.ofNewFile(in: folder)) else {
            throw failure("cannot set the owner of", path)
        }
    }

    private static func mode(of path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o600 : 0o600
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    // MARK: - Paths

    /// Returns the path with all links followed, even when the last target does not exist.
    static func resolved(_ path: String) -> String {
        var path = path
        // Linux follows at most 40 links. For a cycle, opening the path reports the error.
        for _ in 0..<40 {
            if let real = realpath(path, nil) {
                defer { free(real) }
                return String(cString: real)
            }
            guard let target = target(of: path) else { break }
            path = target.hasPrefix("/") ? target : "\(parent(of: path))/\(target)"
        }
        return path
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Returns the target of a link; nil when the path is not a link.
    private static func target(of link: String) -> String? {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(link, &text, text.count)
        return count > 0 ? String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
}

/// The C library's `read`, which methods with that name hide.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }

// MARK: - Owners

/// The owner of a file.
///
/// Root may write for another user, who must be able to use the files afterwards. Other users cannot give files away.
private struct FileOwner {
    var user: uid_t
    var group: gid_t

    /// Returns the owner of a file; nil when it does not exist.
    static func of(_ path: String) -> FileOwner? {
        var status = stat()
        return stat(path, &status) == 0 ? FileOwner(user: status.st_uid, group: status.st_gid) : nil
    }

    /// Returns the owner that root should give a new file in a folder; nil for other users.
    static func ofNewFile(in folder: String) -> FileOwner? { geteuid() == 0 ? of(folder) : nil }

    /// Changes the owner of a file that this process has just created.
    static func give(_ descriptor: Int32, to owner: FileOwner?) -> Bool {
        guard let owner, owner.user != geteuid() else { return true }
        return fchown(descriptor, owner.user, owner.group) == 0
    }
}

// MARK: - Locks

/// A lock between processes, on a file that has no other purpose.
///
/// The end of a process releases its locks.
package final class FileLock: Sendable {
    private let path: String
    private let descriptor: Mutex<Int32>

    /// Opens the lock file, or creates it with the owner of its folder.
    ///
    /// Throws ``ConfigurationError`` when the file cannot be opened or is a link.
    init(_ path: String) throws(ConfigurationError) {
        self.path = path
        let flags = O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        var opened = open(path, flags | O_EXCL, 0o600)
        if opened >= 0 {
            // Only a new file: an existing one may be a hard link to any other file.
            guard FileOwner.give(opened, to: FileOwner.ofNewFile(in: SecureFile.parent(of: path))) else {
                throw SecureFile.failure("cannot set the owner of", path)
            }
        } else if errno == EEXIST {
            opened = open(path, flags, 0o600)
        }
        guard opened >= 0 else { throw SecureFile.failure("cannot lock", path) }
        descriptor = Mutex(opened)
    }

    deinit { release() }

    /// Blocks until this process has the lock.
    func wait() throws(ConfigurationError) {
        let opened = descriptor.withLock(\.self)
        while flock(opened, LOCK_EX) != 0 {
            guard errno == EINTR else { throw SecureFile.failure("cannot lock", path) }
        }
    }

    /// Takes the lock if it is free, and returns whether it was.
    func take() throws(ConfigurationError) -> Bool {
        if flock(descriptor.withLock(\.self), LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK || errno == EINTR else { throw SecureFile.failure("cannot lock", path) }
        return false
    }

    package func release() {
        descriptor.withLock {
            if $0 >= 0 { close($0) }
            $0 = -1
        }
    }
}
