import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A lock between processes, on a file.
///
/// The end of a process releases its locks. Where files cannot be locked, the caller continues without the lock.
package final class FileLock: Sendable {
    private enum Attempt {
        case taken, busy
        /// The file system does not support locks; with the number of its error.
        case impossible(Int32)
    }

    /// The longest time to wait for another program.
    package static let defaultTimeLimit = Duration.seconds(30)

    private let path: FilePath
    private let descriptor: Lock<Int32>

    /// Opens the file that is locked.
    private init(_ path: FilePath, _ descriptor: Int32) {
        self.path = path
        self.descriptor = Lock(descriptor)
    }

    deinit { release() }

    package func release() {
        descriptor.withLock {
            // A child that was forked meanwhile has the descriptor too, and would keep the lock.
            if $0 >= 0 { flock($0, LOCK_UN) }
            if $0 >= 0 { close($0) }
            $0 = -1
        }
    }

    // MARK: - Opening

    /// Opens a lock file, or creates it with the owner of its folder.
    ///
    /// - Parameters:
    ///   - path: The path of the lock file, which has no other purpose.
    ///   - file: The file to lock when no lock file can be created, as beside a mounted file; nil for none.
    /// - Returns: The lock; nil when nothing can be locked.
    /// - Throws: ``ConfigurationError`` when the path is a link or not a file.
    static func open(_ path: FilePath, orFile file: FilePath? = nil) throws(ConfigurationError) -> FileLock? {
        let flags = O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        var opened = open(path, flags | O_EXCL)
        if opened >= 0 {
            // Only for a new file: an existing one may be a hard link to any other file. If the owner cannot be set, other
            // users of the folder cannot lock the file, and get an error.
            _ = FileOwner.give(opened, to: FileOwner.ofNewFile(in: path.parent))
        } else if errno == EEXIST {
            opened = open(path, flags)
            // Root may have created the file before. A shared right to read is enough for a lock.
            if opened < 0, errno == EACCES || errno == EROFS { opened = open(path, flags & ~(O_CREAT | O_RDWR)) }
        }
        if opened >= 0 { return FileLock(path, opened) }
        guard FileFailure.isRestriction(errno) else { throw SecureFile.failure("cannot lock", path) }
        guard let file else { return nil }
        opened = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        return opened >= 0 ? FileLock(file, opened) : nil
    }

    private static func open(_ path: FilePath, _ flags: Int32) -> Int32 {
        path.withCString { systemOpen($0, flags, 0o600) }
    }

    // MARK: - Taking

    /// Blocks until this process has the lock.
    ///
    /// - Returns: Whether it has the lock; false when the file system does not support locks.
    /// - Throws: ``ConfigurationError`` when the time is up.
    func wait(within limit: Duration = defaultTimeLimit) throws(ConfigurationError) -> Bool {
        var wait = Wait(for: waitedFor, within: limit)
        var pause = Duration.milliseconds(1)
        while true {
            switch attempt() {
            case .taken: return true
            case .impossible(let code):
                warnNotLocked(code)
                return false
            case .busy:
                guard let longest = wait.next() else { throw timeout }
                let microseconds = UInt32(min(pause, longest) / .microseconds(1)) + 1
                Fork.outside { _ = usleep(microseconds) }
                // Short at first: most locks are held for a few milliseconds.
                pause = min(pause * 2, .milliseconds(20))
            }
        }
    }

    /// Waits until this process has the lock, with the clock of a client.
    ///
    /// - Returns: Whether it has the lock; false when the file system does not support locks.
    /// - Throws: ``ConfigurationError`` when the time is up, `CancellationError` when canceled.
    func wait(within limit: Duration, _ time: TimeSource) async throws -> Bool {
        let pause = Duration.milliseconds(20)
        var left = limit
        return try await BlockingWork.reporting(waitedFor) {
            while true {
                switch attempt() {
                case .taken: return true
                case .impossible(let code):
                    warnNotLocked(code)
                    return false
                case .busy:
                    guard left > .zero else { throw timeout }
                    try await time.sleep(pause)
                    left -= pause
                }
            }
        }
    }

    private var waitedFor: String { "another program that has locked \(path)" }

    private var timeout: ConfigurationError {
        ConfigurationError(
            message: "\(path) is locked by another program, which did not release it in time",
            hint: "Try again, or end the program: fuser \(path) shows its process ID")
    }

    private func attempt() -> Attempt {
        while true {
            if flock(descriptor.withLock(\.self), LOCK_EX | LOCK_NB) == 0 { return .taken }
            if errno == EWOULDBLOCK { return .busy }
            if errno != EINTR { return .impossible(errno) }
        }
    }

    private func warnNotLocked(_ code: Int32) { FileFailure.warn(.notLocked, path, code) }
}

/// `open` of the C library, which the names of methods hide.
private let systemOpen: @Sendable (UnsafePointer<CChar>, Int32, mode_t) -> Int32 = { open($0, $1, $2) }
