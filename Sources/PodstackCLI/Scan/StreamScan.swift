import Podstack

/// Searches bytes piece by piece, in constant memory.
struct StreamScan {
    private let search: TokenSearch
    private var buffer: [UInt8]

    /// Creates a scan that reads pieces of `size` bytes.
    init(_ search: TokenSearch = TokenSearch(), size: Int = 256 << 10) {
        self.search = search
        buffer = [UInt8](repeating: 0, count: size + TokenSearch.longest)
    }

    /// Searches a source up to its end.
    ///
    /// - Parameters:
    ///   - source: The source.
    ///   - passed: Called with the number of bytes of each piece.
    ///   - found: Called with each token, its line, and its column in bytes, both from 1.
    /// - Throws: The failure that ended the source, after the bytes before it were searched.
    mutating func run(
        _ source: ByteSource, passed: (Int) -> Void,
        found: (_ line: Int, _ column: Int, _ token: APIToken) -> Void
    ) throws(ReadFailure) {
        var counter = LineCounter()
        var kept = 0
        while true {
            let (count, failure) = fill(source, from: kept)
            passed(count - kept)
            let isLast = count < buffer.count
            buffer.withUnsafeMutableBytes { buffer in
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                // A token that starts after this may be cut off: it is searched again with the next piece.
                let limit = isLast ? count : count - TokenSearch.longest
                var mark = 0
                for (offset, token) in search.tokens(in: bytes, before: limit) {
                    counter.pass(bytes[mark..<offset])
                    mark = offset
                    found(counter.line, counter.column, token)
                }
                guard !isLast else { return }
                counter.pass(bytes[mark..<limit])
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[limit...]))
            }
            if let failure { throw failure }
            if isLast { return }
            kept = TokenSearch.longest
        }
    }

    /// Searches bytes in memory; calls `found` with each token, its line, and its column in bytes, both from 1.
    func search(_ bytes: UnsafeRawBufferPointer, found: (_ line: Int, _ column: Int, _ token: APIToken) -> Void) {
        var counter = LineCounter()
        var mark = 0
        for (offset, token) in search.tokens(in: bytes, before: bytes.count) {
            counter.pass(bytes[mark..<offset])
            mark = offset
            found(counter.line, counter.column, token)
        }
    }

    /// Fills the buffer from `start`.
    ///
    /// Returns its number of bytes, less than its size at the end or with a failure.
    private mutating func fill(_ source: ByteSource, from start: Int) -> (count: Int, failure: ReadFailure?) {
        buffer.withUnsafeMutableBytes { buffer in
            var count = start
            while count < buffer.count {
                do throws(ReadFailure) {
                    let more = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
                    guard more > 0 else { return (count, nil) }
                    count += more
                } catch {
                    return (count, error)
                }
            }
            return (count, nil)
        }
    }
}

/// The line and column of the next byte of a file, both from 1.
///
/// The column counts bytes.
struct LineCounter {
    private(set) var line = 1
    private(set) var column = 1

    /// Advances past `bytes`.
    mutating func pass(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        let lines = Self.newlines(in: bytes)
        line += lines
        guard lines > 0, let last = bytes.lastIndex(of: UInt8(ascii: "\n")) else {
            column += bytes.count
            return
        }
        column = bytes.count - last
    }

    /// Counts newlines, eight bytes at a time.
    private static func newlines(in bytes: UnsafeRawBufferPointer) -> Int {
        let (ones, sevens) = (0x0101_0101_0101_0101 as UInt64, 0x7F7F_7F7F_7F7F_7F7F as UInt64)
        let newlines = UInt64(UInt8(ascii: "\n")) &* ones
        var count = 0
        var start = 0
        while start + 8 <= bytes.count {
            // Each byte of the word counts separately, up to 255.
            var counts: UInt64 = 0
            for _ in 0..<min(255, (bytes.count - start) / 8) {
                let word = bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self) ^ newlines
                counts &+= (~(((word & sevens) &+ sevens) | word | sevens) >> 7) & ones
                start += 8
            }
            for shift in stride(from: 0, to: 64, by: 8) { count += Int((counts >> UInt64(shift)) & 0xFF) }
        }
        while start < bytes.count {
            count += bytes[start] == UInt8(ascii: "\n") ? 1 : 0
            start += 1
        }
        return count
    }
}
