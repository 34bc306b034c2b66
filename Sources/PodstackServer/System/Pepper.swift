import PodstackCryptography

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The 32 bytes without which a stolen database verifies nothing: a file of its own, for the service's user alone.
struct Pepper: Sendable {
    static let length = 32
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads the file, or makes it when it is not there.
    /// Throws ``SetupFailure`` when others can read it or it holds anything else.
    init(file path: String) throws {
        let made = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if made >= 0 {
            defer { close(made) }
            let bytes = Sodium.randomBytes(Self.length)
            guard write(made, bytes, bytes.count) == bytes.count, fchmod(made, 0o600) == 0, fsync(made) == 0 else {
                throw SetupFailure("cannot write \(path)")
            }
            self.bytes = bytes
            return
        }
        let bytes = try SetupFile.readSecret(path, most: 1 << 10, flags: O_NOFOLLOW)
        guard bytes.count == Self.length else {
            throw SetupFailure("\(path) does not hold \(Self.length) bytes; restore it from a backup")
        }
        self.bytes = bytes
    }
}

/// The pepper, and the one before it while something is kept under that.
struct Peppers: Sendable {
    var current: Pepper
    var previous: Pepper?
}

/// The service cannot start, or a command cannot run, for a reason that the operator can mend.
struct SetupFailure: Error {
    var message: String
    init(_ message: String) { self.message = message }
}
