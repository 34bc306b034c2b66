import Podstack

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Looks through what an open file gives, a piece at a time: however large that is, the memory is the same.
struct StreamScan {
    private let search: TokenSearch
    private var buffer: [UInt8]

    /// - Parameter size: Bytes of a piece.
    init(_ search: TokenSearch = TokenSearch(), size: Int = 256 << 10) {
        self.search = search
        buffer = [UInt8](repeating: 0, count: size + TokenSearch.longest)
    }

    /// Reads to the end.
    ///
    /// - Parameters:
    ///   - passed: Told how many bytes were read, again and again.
    ///   - found: Told each token, with the line and the column in bytes, from 1.
    /// - Returns: The number of the error that ended it early; 0 when it came to the end.
    mutating func run(
        _ descriptor: Int32, passed: (Int) -> Void,
        found: (_ line: Int, _ column: Int, _ token: APIToken) -> Void
    ) -> Int32 {
        var counter = LineCounter()
        var kept = 0
        while true {
            let (count, failure) = fill(descriptor, from: kept)
            passed(count - kept)
            let isLast = count < buffer.count
            buffer.withUnsafeMutableBytes { buffer in
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                // What begins behind this may be cut: it is looked at again with the next piece.
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
            if isLast { return failure }
            kept = TokenSearch.longest
        }
    }

    /// How many bytes are there then; fewer than there is room for at the end, or with an error.
    private mutating func fill(_ descriptor: Int32, from start: Int) -> (count: Int, failure: Int32) {
        buffer.withUnsafeMutableBytes { buffer in
            var count = start
            while count < buffer.count {
                let more = read(descriptor, buffer.baseAddress?.advanced(by: count), buffer.count - count)
                if more < 0, errno == EINTR { continue }
                guard more > 0 else { return (count, more < 0 ? errno : 0) }
                count += more
            }
            return (count, 0)
        }
    }
}
