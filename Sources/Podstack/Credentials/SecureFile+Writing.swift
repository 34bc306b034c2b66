#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension SecureFile {
    /// Replaces the content by what `change` makes of it, all or nothing, one writer at a time.
    ///
    /// The folder is made when it is not there. A symbolic link stays, its target is replaced, or made.
    static func update(_ path: String, _ change: ([UInt8]) throws -> [UInt8]) throws {
        try checkReplaceable(path)
        let target = resolved(path)
        let folder = parent(of: target)
        try makeFolder(folder)
        let lock = try FileLock(target + ".lock")
        try lock.wait()
        defer { lock.release() }
        let before = try read(target, within: .zero)
        let after = try change(before?.bytes ?? [])
        guard before == nil || before?.bytes != after else { return }
        try replace(target, with: after, folder: folder)
    }

    /// Takes every right of others away. False when the file is not there or has none to take.
    @discardableResult
    static func restrict(_ path: String) throws -> Bool {
        // The link may be the user's; what lies at its end must be the file that was looked at.
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

    /// Throws when something lies there that is no file, which a file must not replace.
    static func checkReplaceable(_ path: String) throws(ConfigurationError) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
        throw ConfigurationError(message: "\(path) cannot be written: it is no regular file")
    }

    /// Throws when the file, or its folder, is not this user's to change.
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
        guard FileOwner.give(descriptor, to: FileOwner.of(path) ?? FileOwner.ofNew(in: folder)) else {
            throw failure("cannot keep the owner of", path)
        }
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

    private static func makeFolder(_ path: String) throws {
        var status = stat()
        if stat(path, &status) == 0 { return }
        let folder = parent(of: path)
        if folder != path { try makeFolder(folder) }
        guard mkdir(path, 0o700) == 0 else {
            guard errno == EEXIST else { throw failure("cannot make the folder", path) }
            return
        }
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw failure("cannot open the folder", path) }
        defer { close(descriptor) }
        guard FileOwner.give(descriptor, to: FileOwner.ofNew(in: folder)) else {
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
}
