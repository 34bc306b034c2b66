#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The reason why a file, an object or an archive could not be read to its end.
struct ReadFailure: Error, Equatable {
    var reason: String

    init(_ reason: String) { self.reason = reason }
    init(errno number: Int32) { reason = String(cString: strerror(number)) }
}

/// Bytes that are read once, from the start to the end: of a file, a pipe, an object of Git or a member of an archive.
final class ByteSource {
    typealias Pull = (UnsafeMutableRawBufferPointer) throws(ReadFailure) -> Int
    /// Moves to a position and returns it; nil when that is impossible.
    typealias Seek = (_ offset: Int64, _ whence: Int32) -> Int64?

    /// The most bytes that ``peek(_:)`` returns.
    static let largestPeek = 64 << 10

    private let pull: Pull
    /// Nil when the source has only one direction.
    let seek: Seek?
    private var buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var held = 0..<0
    /// The failure that ended the source, once it is known.
    private(set) var failure: ReadFailure?

    /// Creates a source.
    ///
    /// - Parameters:
    ///   - seek: Moves to a position and returns it.
    ///   - pull: Reads some bytes and returns their number, 0 at the end.
    init(seek: Seek? = nil, pull: @escaping Pull) {
        self.pull = pull
        self.seek = seek
    }

    deinit { buffer.deallocate() }

    /// Creates a source that reads an open file.
    convenience init(descriptor: Int32) {
        self.init(
            seek: { offset, whence in
                let position = lseek(descriptor, off_t(offset), whence)
                return position >= 0 ? Int64(position) : nil
            },
            pull: { space throws(ReadFailure) in
                while true {
                    let count = systemRead(descriptor, space.baseAddress, space.count)
                    if count >= 0 { return count }
                    if errno != EINTR { throw ReadFailure(errno: errno) }
                }
            })
    }

    /// Creates a source that reads bytes in memory, which must outlive it.
    convenience init(bytes: UnsafeRawBufferPointer) {
        var position = 0
        self.init(
            seek: { offset, whence in
                let base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? position : bytes.count
                guard let target = Int(exactly: offset), target >= -base, target <= bytes.count - base else {
                    return nil
                }
                position = base + target
                return Int64(position)
            },
            pull: { space throws(ReadFailure) in
                let count = min(space.count, bytes.count - position)
                space.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
                position += count
                return count
            })
    }

    /// Returns the next bytes without advancing: `count` of them, or fewer at the end.
    func peek(_ count: Int) throws(ReadFailure) -> UnsafeRawBufferPointer {
        try fill(min(count, Self.largestPeek))
        return UnsafeRawBufferPointer(rebasing: buffer[held.lowerBound..<min(held.upperBound, held.lowerBound + count)])
    }

    /// Returns all bytes that are at hand, and advances past them; none at the end.
    ///
    /// They are valid until the next call.
    func next() throws(ReadFailure) -> UnsafeRawBufferPointer {
        try fill(1)
        defer { held = held.upperBound..<held.upperBound }
        return UnsafeRawBufferPointer(rebasing: buffer[held])
    }

    /// Reads some bytes and returns their number, 0 at the end.
    func read(into space: UnsafeMutableRawBufferPointer) throws(ReadFailure) -> Int {
        guard !held.isEmpty else { return try pulled(space) }
        let count = min(space.count, held.count)
        space.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[held.lowerBound..<held.lowerBound + count]))
        held = held.lowerBound + count..<held.upperBound
        return count
    }

    /// Reads to the end.
    func drain() throws(ReadFailure) { while !(try next().isEmpty) {} }

    /// Forgets the bytes at hand, after the position of the source has changed.
    func forget() { held = 0..<0 }

    private func fill(_ count: Int) throws(ReadFailure) {
        if buffer.count == 0 { buffer = .allocate(byteCount: Self.largestPeek, alignment: 16) }
        while held.count < count {
            if held.lowerBound > 0, let base = buffer.baseAddress {
                // Both ranges may overlap.
                memmove(base, base + held.lowerBound, held.count)
                held = 0..<held.count
            }
            let more = try pulled(UnsafeMutableRawBufferPointer(rebasing: buffer[held.upperBound...]))
            guard more > 0 else { return }
            held = held.lowerBound..<held.upperBound + more
        }
    }

    private func pulled(_ space: UnsafeMutableRawBufferPointer) throws(ReadFailure) -> Int {
        do { return try pull(space) } catch {
            failure = error
            throw error
        }
    }
}

/// The C library's `read`, which methods with that name hide.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
