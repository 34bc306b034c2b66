import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Eight bytes that all processes with the same SQLite database have in common: a command writes new ones once it has
/// changed what a server may remember, and the server sees them at its next look, which costs no system call.
// Safe: `file` and `bytes` never change, and what `bytes` points at is only read, as an atomic.
final class SharedMark: @unchecked Sendable {
    private static let size = MemoryLayout<UInt64>.size

    private let file: Int32
    private let bytes: UnsafeMutablePointer<Atomic<UInt64>>

    init(path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw Self.failure("open", path) }
        // Written, and not only made longer: a full disk is found here, and not at the first look.
        var first: UInt64 = 1
        if lseek(file, 0, SEEK_END) < Self.size, pwrite(file, &first, Self.size, 0) != Self.size {
            defer { close(file) }
            throw Self.failure("write", path)
        }
        guard let mapped = mmap(nil, Self.size, PROT_READ, MAP_SHARED, file, 0), mapped != MAP_FAILED else {
            defer { close(file) }
            throw Self.failure("map", path)
        }
        self.file = file
        bytes = mapped.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
    }

    deinit {
        munmap(bytes, Self.size)
        close(file)
    }

    var value: UInt64 { bytes.pointee.load(ordering: .acquiring) }

    /// From the return of this on, every process sees another value.
    func change() throws {
        var next = UInt64.random(in: .min ... .max)
        guard pwrite(file, &next, Self.size, 0) == Self.size else { throw Self.failure("write", "the shared mark") }
    }

    private static func failure(_ what: String, _ path: String) -> DatabaseFailure {
        DatabaseFailure(reason: "cannot \(what) \(path): \(String(cString: strerror(errno)))")
    }
}
