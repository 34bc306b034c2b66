#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Files that hold secrets: the only code that touches modes, locks and renames. This is how they are read.
package enum SecureFile {
    package struct Content {
        package var bytes: [UInt8]
        /// A regular file of this user; not so are pipes, and secrets that the system has mounted.
        var isOwn: Bool
        /// Permission bits.
        var mode: mode_t

        /// Only its owner may change it, so it may say which program to run.
        var isWritableByOwnerAlone: Bool { isOwn && mode & 0o022 == 0 }

        /// What others can do with a file of this user, as in "read and change"; nil for nothing.
        var rightsOfOthers: String? {
            guard isOwn, mode & 0o077 != 0 else { return nil }
            return mode & 0o022 == 0 ? "read" : mode & 0o044 == 0 ? "change" : "read and change"
        }
    }

    /// How long a pipe may take to say something, where nobody says how long.
    package static let defaultTimeLimit = Duration.seconds(30)

    /// The same once it has been read: few have more to say.
    static let timeLimitForMore = Duration.seconds(1)

    /// Nil when there is no such file. Throws ``ConfigurationError`` when there is one that cannot be read.
    ///
    /// - Parameters:
    ///   - patience: How long a pipe may take; nil for as long as it does.
    ///   - most: Bytes. A device that never ends must not fill the memory; the default is more than any such file has.
    package static func read(
        _ path: String, within patience: Duration?, most: Int = 16 << 20
    ) throws(ConfigurationError) -> Content? {
        // Not blocking: a pipe that nobody writes to would block already here.
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
        let end = patience.map { ContinuousClock.now + $0 }
        var mustWait = kind == S_IFIFO
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            if mustWait, !hasSomething(descriptor, until: end) {
                throw ConfigurationError(message: "\(path) is a pipe that nobody wrote to in time")
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

    /// Whether a pipe can be read on, or has come to its end.
    private static func hasSomething(_ descriptor: Int32, until end: ContinuousClock.Instant?) -> Bool {
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

    static func failure(_ what: String, _ path: String) -> ConfigurationError {
        ConfigurationError(message: "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}

/// `read` of the C library, which the name of a method hides.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
