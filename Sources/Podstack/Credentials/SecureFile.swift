package import PodstackSystem

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
    ///   - timeLimit: The longest time to wait for a pipe; ``BlockingWork`` may limit it further.
    ///   - most: The largest size in bytes, which keeps an endless device from filling the memory.
    /// - Returns: The content; nil when the file does not exist.
    /// - Throws: ``ConfigurationError`` when the file cannot be read.
    package static func read(
        _ path: FilePath, within timeLimit: Duration, most: Int = 16 << 20
    ) throws(ConfigurationError) -> Content? {
        guard !path.containsZero else { throw ConfigurationError(message: "\(path) is not a path: it contains a NUL") }
        // Nonblocking, because opening a pipe blocks until another process opens it for writing.
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("cannot read", path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot read", path) }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else { throw ConfigurationError(message: "\(path) is a directory") }
        guard kind != S_IFCHR || isatty(descriptor) == 0 else {
            throw ConfigurationError(message: "\(path) is a terminal, which would show a token that is typed")
        }
        let isPipe = kind == S_IFIFO
        var wait = Wait(for: "\(isPipe ? "the pipe" : "data of") \(path)", within: timeLimit)
        var mustWait = isPipe
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            if mustWait, !waitForData(descriptor, &wait) {
                let problem = isPipe ? "is a pipe, and no data was written to it in time" : "had no data in time"
                throw ConfigurationError(message: "\(path) \(problem)")
            }
            let count = readChunk(descriptor, &chunk)
            if count < 0 && errno == EINTR { continue }
            mustWait = count < 0 && errno == EAGAIN
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
    private static func waitForData(_ descriptor: Int32, _ wait: inout Wait) -> Bool {
        while true {
            let left = wait.next()
            var pipe = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let milliseconds = Int32(clamping: left.map { max(1, $0.milliseconds) } ?? 0)
            let count = Fork.outside { poll(&pipe, 1, milliseconds) }
            if count > 0 { return true }
            if left == nil || count < 0 && errno != EINTR { return false }
        }
    }

    private static func readChunk(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
        chunk.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, $0.count) }
    }

    static func failure(_ problem: String, _ path: FilePath, _ code: Int32 = errno) -> ConfigurationError {
        ConfigurationError(message: "\(problem) \(path): \(String(cString: strerror(code)))")
    }

    // MARK: - Writing

    /// Replaces the content of a file, completely or not at all, one writer at a time.
    ///
    /// Creates the folder when it does not exist. A symbolic link stays; its target is replaced or created. For what
    /// happens when a part of that is impossible, see ``FileReplacement``.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - change: Returns the new content for the current one, which is empty when the file does not exist. It is called
    ///     again if another program that ignores the lock changes the file meanwhile.
    /// - Throws: ``ConfigurationError`` when the file cannot be read or written, and the errors of `change`.
    static func update(_ path: FilePath, _ change: ([UInt8]) throws -> [UInt8]) throws {
        try checkReplaceable(path)
        let target = resolved(path)
        try createFolder(target.parent)
        let lock = try FileLock.open(target + ".lock", orFile: target)
        defer { lock?.release() }
        let isLocked = try lock?.wait() ?? false
        for _ in 0..<100 {
            let before = try read(target, within: .zero)
            let after = try change(before?.bytes ?? [])
            guard before == nil || before?.bytes != after else { return }
            let replacement = FileReplacement(path: target, former: before, isLocked: isLocked)
            if try replacement.write(after) == .done { return }
        }
        throw ConfigurationError(message: "\(path) was changed by other programs all the time, and cannot be locked")
    }

    /// Removes all rights of others to a file.
    ///
    /// - Parameter path: The path of the file.
    /// - Returns: Whether others had any; false when the file does not exist or belongs to another user.
    /// - Throws: ``ConfigurationError`` when the mode cannot be changed.
    @discardableResult
    static func restrict(_ path: FilePath) throws -> Bool {
        // A link may be the user's, but its target must be the file that was checked.
        let descriptor = resolved(path).withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW) }
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
        // Some file systems ignore modes without an error.
        guard fstat(descriptor, &status) == 0, status.st_mode & 0o077 == 0 else {
            throw ConfigurationError(
                message: "cannot change the mode of \(path): its file system does not store who may read it")
        }
        return true
    }

    /// Throws ``ConfigurationError`` when the path names something other than a regular file.
    static func checkReplaceable(_ path: FilePath) throws(ConfigurationError) {
        // A name below these may be a link to any open file of the process, such as its output.
        let isOfSystem =
            ["/dev/", "/proc/"].contains { path.bytes.starts(with: $0.utf8) }
            && !path.bytes.starts(with: "/dev/shm/".utf8)
        guard !path.containsZero, !path.namesDirectory, !isOfSystem else { throw notRegular(path) }
        var status = stat()
        guard path.withCString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
        throw notRegular(path)
    }

    static func notRegular(_ path: FilePath) -> ConfigurationError {
        ConfigurationError(message: "\(path) cannot be written: it is not a regular file")
    }

    /// Throws ``ConfigurationError`` when this user may not change the file.
    static func checkWritable(_ path: FilePath) throws {
        try checkReplaceable(path)
        guard resolved(path).withCString({ access($0, W_OK) }) == 0 else { throw failure("cannot write", path) }
    }

    /// Returns whether this user may create files in the folder of a file.
    static func isFolderWritable(of path: FilePath) -> Bool {
        resolved(path).parent.withCString { access($0, W_OK) } == 0
    }

    static func remove(_ path: FilePath) throws {
        guard path.withCString({ unlink($0) }) == 0 || errno == ENOENT else { throw failure("cannot remove", path) }
    }

    private static func createFolder(_ path: FilePath) throws {
        var status = stat()
        if path.withCString({ stat($0, &status) }) == 0 { return }
        let folder = path.parent
        if folder != path { try createFolder(folder) }
        guard path.withCString({ mkdir($0, 0o700) }) == 0 else {
            guard errno == EEXIST else { throw failure("cannot create the folder", path) }
            return
        }
        let descriptor = path.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) }
        guard descriptor >= 0 else { throw failure("cannot open the folder", path) }
        defer { close(descriptor) }
        if !FileOwner.give(descriptor, to: FileOwner.ofNewFile(in: folder)) {
            FileFailure.warn(.otherOwner, path, errno)
        }
    }

    // MARK: - Paths

    /// Returns the path with all links followed, even when the last target does not exist.
    static func resolved(_ path: FilePath) -> FilePath {
        var path = path
        // Linux follows at most 40 links. For a cycle, opening the path reports the error.
        for _ in 0..<40 {
            if let real = path.real { return real }
            guard let target = target(of: path) else { break }
            path = target.isAbsolute ? target : path.parent.appending(target.bytes)
        }
        return path
    }

    /// Returns the target of a link; nil when the path is not a link.
    private static func target(of link: FilePath) -> FilePath? {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let size = text.count
        let count = link.withCString { readlink($0, &text, size) }
        return count > 0 ? FilePath(bytes: text[..<count].map { UInt8(bitPattern: $0) }) : nil
    }
}

/// The C library's `read`, which methods with that name hide.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
