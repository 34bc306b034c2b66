/// Which line and column of a file comes next: both from 1, the column in bytes.
struct LineCounter {
    private(set) var line = 1
    private(set) var column = 1

    /// Goes past `bytes`.
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

    /// Eight bytes at once.
    private static func newlines(in bytes: UnsafeRawBufferPointer) -> Int {
        let (ones, sevens) = (0x0101_0101_0101_0101 as UInt64, 0x7F7F_7F7F_7F7F_7F7F as UInt64)
        let newlines = UInt64(UInt8(ascii: "\n")) &* ones
        var count = 0
        var start = 0
        while start + 8 <= bytes.count {
            // In each byte a count of its own, as far as that goes.
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
