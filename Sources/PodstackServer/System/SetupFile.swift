#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads what the operator put beside the service.
enum SetupFile {
    static func read(_ path: String, most: Int) throws -> [UInt8] { try read(path, most: most, isSecret: false) }

    /// Throws when others than the service's user can read the file, so that it is no secret.
    static func readSecret(_ path: String, most: Int, flags: Int32 = 0) throws -> [UInt8] {
        try read(path, most: most, isSecret: true, flags: flags)
    }

    private static func read(_ path: String, most: Int, isSecret: Bool, flags: Int32 = 0) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags)
        guard descriptor >= 0 else { throw SetupFailure("cannot read \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SetupFailure("\(path) is not a regular file")
        }
        guard !isSecret || status.st_mode & 0o077 == 0 else {
            throw SetupFailure("others can read \(path), so it is no secret: chmod 600 it, and consider it known")
        }
        var bytes = [UInt8](repeating: 0, count: most + 1)
        var count = 0
        while count <= most {
            let more = bytes.withUnsafeMutableBytes {
                systemRead(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            guard more >= 0 else { throw SetupFailure("cannot read \(path): \(String(cString: strerror(errno)))") }
            if more == 0 { break }
            count += more
        }
        guard count <= most else { throw SetupFailure("\(path) is larger than anything that it could be") }
        return Array(bytes.prefix(count))
    }
}

/// `read` of the C library, which the name of a method hides.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
