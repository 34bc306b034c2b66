import PodstackCryptography

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The 32-byte key of all stored digests.
///
/// It is kept in a file outside the database, which only the service's user can read, so that a stolen database verifies
/// no token.
struct Pepper: Sendable {
    static let length = 32
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads the file; generates a pepper if the file is missing.
    ///
    /// If several processes do this at once, all get the same pepper.
    ///
    /// - Throws: ``SetupFailure`` if other users can read the file, or it does not contain a pepper.
    init(file path: String) throws {
        if access(path, F_OK) != 0 { try Self.create(path) }
        try self.init(existing: path)
    }

    /// Reads the file.
    ///
    /// - Throws: ``SetupFailure`` if the file is missing or can be read by other users, or does not contain a pepper.
    init(existing path: String) throws {
        let bytes = try SetupFile.readSecret(path, maxBytes: 1 << 10, flags: O_NOFOLLOW)
        guard bytes.count == Self.length else {
            throw SetupFailure("\(path) does not contain \(Self.length) bytes: restore it from a backup")
        }
        self.bytes = bytes
    }

    /// Creates the file with all of its contents, unless it exists by then.
    private static func create(_ path: String) throws {
        let partial = "\(path).\(UInt64.random(in: .min ... .max)).partial"
        let created = open(partial, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard created >= 0 else { throw SetupFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
        defer {
            close(created)
            unlink(partial)
        }
        let bytes = Sodium.randomBytes(length)
        guard write(created, bytes, bytes.count) == bytes.count, fchmod(created, 0o600) == 0, fsync(created) == 0,
            link(partial, path) == 0 || errno == EEXIST
        else { throw SetupFailure("cannot write \(path): \(String(cString: strerror(errno)))") }
    }
}

/// The current pepper, and the previous one while a stored digest still uses it.
struct Peppers: Sendable {
    var current: Pepper
    var previous: Pepper?
    /// The pepper that an interrupted rotation was about to install.
    var next: Pepper?
}

/// A reason why the service cannot start, or a command cannot run, that the operator can correct.
struct SetupFailure: Error {
    var message: String
    init(_ message: String) { self.message = message }
}
