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
        /// A regular file of this user; not so are pipes, and secrets that the system has mounted.
        var isOwn: Bool
        /// Permission bits.
        var mode: mode_t

        var isReadableByOthers: Bool { isOwn && mode & 0o077 != 0 }
        /// Only its owner may change it, so it may say which program to run.
        var isWritableByOwnerAlone: Bool { isOwn && mode & 0o022 == 0 }
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
        let isOwn = status.st_mode & S_IFMT == S_IFREG && status.st_uid == geteuid()
        return Content(bytes: bytes, isOwn: isOwn, mode: status.st_mode & 0o777)
    }

    /// Replaces the content by what `change` makes of it, all or nothing, one writer at a time.
    ///
    /// The folder is made when it is not there. A symbolic link stays, its target is replaced.
    static func update(_ path: String, _ change: ([UInt8]) throws -> [UInt8]) throws {
        let target = resolved(path)
        let folder = parent(of: target)
        try makeFolder(folder)
        let lock = try FileLock(target + ".lock")
        try lock.wait()
        defer { lock.release() }
        let before = try read(target)
        let after = try change(before?.bytes ?? [])
        guard before == nil || before?.bytes != after else { return }
        try replace(target, with: after, folder: folder)
    }

    /// Takes every right of others away. False when the file is not there or has none to take.
    @discardableResult
    static func restrict(_ path: String) throws -> Bool {
        guard let content = try read(path), content.isReadableByOthers else { return false }
        guard chmod(path, content.mode & 0o700) == 0 else { throw failure("cannot change the mode of", path) }
        return true
    }

    /// Throws when the file, or its folder, is not this user's to change.
    static func checkWritable(_ path: String) throws {
        let target = resolved(path)
        guard access(target, W_OK) == 0, access(parent(of: target), W_OK) == 0 else {
            throw failure("cannot write", path)
        }
    }

    static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("cannot remove", path) }
    }

    private static func replace(_ path: String, with bytes: [UInt8], folder: String) throws {
        // The lock is held, so what lies there was left by a writer that was killed.
        let temporary = path + ".tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("cannot write beside", path) }
        var isDone = false
        defer {
            close(descriptor)
            if !isDone { unlink(temporary) }
        }
        guard keepOwner(of: path, descriptor) else { throw failure("cannot keep the owner of", path) }
        // The umask may have taken bits away, and a stricter file stays stricter.
        guard writeAll(bytes, to: descriptor), fchmod(descriptor, mode(of: path)) == 0, fsync(descriptor) == 0 else {
            throw failure("cannot write", path)
        }
        guard rename(temporary, path) == 0 else { throw failure("cannot replace", path) }
        isDone = true
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    /// Root may write for another user, who must be able to read it afterwards; nobody else can give a file away.
    private static func keepOwner(of path: String, _ descriptor: Int32) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, status.st_uid != geteuid() else { return true }
        return fchown(descriptor, status.st_uid, status.st_gid) == 0
    }

    static func makeFolder(_ path: String) throws {
        var status = stat()
        if stat(path, &status) == 0 { return }
        if parent(of: path) != path { try makeFolder(parent(of: path)) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("cannot make the folder", path) }
    }

    private static func mode(of path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o600 : 0o600
    }

    static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    static func parent(of path: String) -> String {
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

    static func failure(_ what: String, _ path: String) -> ConfigurationError {
        ConfigurationError(message: "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}

/// `read` of the C library, which the name of a method hides.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
