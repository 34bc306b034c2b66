#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Files that hold secrets: the only code that touches modes, locks and renames.
enum SecureFile {
    struct Content {
        var bytes: [UInt8]
        /// A regular file of this user that others may read.
        var isReadableByOthers: Bool
    }

    /// More than any credentials file; a device that never ends must not fill the memory.
    private static let largest = 16 << 20

    /// Nil when there is no such file. Throws ``ConfigurationError`` when there is one that cannot be read.
    static func read(_ path: String) throws(ConfigurationError) -> Content? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("cannot read", path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot read", path) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw ConfigurationError(message: "\(path) is a directory") }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = readChunk(descriptor, &chunk)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("cannot read", path) }
            if count == 0 { break }
            bytes += chunk[..<count]
            guard bytes.count <= largest else { throw ConfigurationError(message: "\(path) is larger than 16 MiB") }
        }
        let isOwn = status.st_mode & S_IFMT == S_IFREG && status.st_uid == getuid()
        return Content(bytes: bytes, isReadableByOthers: isOwn && status.st_mode & 0o077 != 0)
    }

    /// Replaces the content by what `change` makes of it, all or nothing, one writer at a time.
    ///
    /// The folder is made when it is not there. A symbolic link stays, its target is replaced.
    static func update(_ path: String, _ change: ([UInt8]) throws -> [UInt8]) throws {
        let target = resolved(path)
        let folder = parent(of: target)
        try makeFolder(folder)
        let lock = open(target + ".lock", O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else { throw failure("cannot lock", target) }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { throw failure("cannot lock", target) }
        }
        let before = try read(target)
        let after = try change(before?.bytes ?? [])
        guard before == nil || before?.bytes != after else { return }
        try replace(target, with: after, mode: mode(of: target), folder: folder)
    }

    private static func replace(_ path: String, with bytes: [UInt8], mode: mode_t, folder: String) throws {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
        let descriptor = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("cannot write beside", path) }
        do {
            defer { close(descriptor) }
            // The umask may have taken bits away, and a stricter file stays stricter.
            guard writeAll(bytes, to: descriptor), fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
                let error = failure("cannot write", path)
                unlink(temporary)
                throw error
            }
        }
        guard rename(temporary, path) == 0 else {
            let error = failure("cannot replace", path)
            unlink(temporary)
            throw error
        }
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    private static func makeFolder(_ path: String) throws {
        var status = stat()
        if stat(path, &status) == 0 { return }
        if parent(of: path) != path { try makeFolder(parent(of: path)) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("cannot make the folder", path) }
    }

    private static func mode(of path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o600 : 0o600
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func readChunk(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
        chunk.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, $0.count) }
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

    private static func failure(_ what: String, _ path: String) -> ConfigurationError {
        ConfigurationError(message: "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}

/// `read` of the C library, which the name of a method hides.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
