#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads files that the operator provides, such as a certificate or a pepper.
enum SetupFile {
    /// Reads a file that is not secret.
    ///
    /// - Throws: ``SetupFailure`` if the file cannot be read, is not a regular file or is larger than `maxBytes`.
    static func read(_ path: String, maxBytes: Int) throws -> [UInt8] {
        try read(path, maxBytes: maxBytes, isSecret: false)
    }

    /// Reads a secret file.
    ///
    /// - Throws: ``SetupFailure`` as for ``read(_:maxBytes:)``, and if other users can read the file.
    static func readSecret(_ path: String, maxBytes: Int, flags: Int32 = 0) throws -> [UInt8] {
        try read(path, maxBytes: maxBytes, isSecret: true, flags: flags)
    }

    private static func read(_ path: String, maxBytes: Int, isSecret: Bool, flags: Int32 = 0) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags)
        guard descriptor >= 0 else {
            guard errno != EACCES else { throw denied(path, to: "read") }
            throw SetupFailure("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SetupFailure("\(path) is not a regular file")
        }
        guard !isSecret || status.st_mode & 0o077 == 0 else {
            throw SetupFailure("other users can read \(path): run chmod 600 on it, and treat its contents as leaked")
        }
        var bytes = [UInt8](repeating: 0, count: maxBytes + 1)
        var count = 0
        while count <= maxBytes {
            let more = bytes.withUnsafeMutableBytes {
                systemRead(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            guard more >= 0 else { throw SetupFailure("cannot read \(path): \(String(cString: strerror(errno)))") }
            if more == 0 { break }
            count += more
        }
        guard count <= maxBytes else { throw SetupFailure("\(path) is too large: it has more than \(maxBytes) bytes") }
        return Array(bytes.prefix(count))
    }
}

extension SetupFile {
    /// Returns the error of a file that this user may not use, with its owner.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - action: The denied action, such as "read".
    /// - Returns: The error.
    static func denied(_ path: String, to action: String) -> SetupFailure {
        var status = stat()
        let user = DataDirectory.userName(geteuid())
        guard stat(path, &status) == 0, status.st_uid != geteuid() else {
            return SetupFailure("the user \(user) may not \(action) \(path): \(String(cString: strerror(EACCES)))")
        }
        return SetupFailure(
            "the user \(user) may not \(action) \(path), which belongs to the user \(DataDirectory.userName(status.st_uid)): "
                + "run the command with sudo -u as that user, or change the owner with chown")
    }
}

/// The C library's `read`, which is shadowed by the method of the same name.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
