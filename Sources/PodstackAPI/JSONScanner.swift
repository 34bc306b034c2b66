/// A position in the bytes of a JSON text, which the readers of JSON move.
///
/// Its functions are inlined: reading a response calls them for every few bytes.
struct JSONScanner {
    let bytes: [UInt8]
    var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next byte, or nil at the end.
    @inline(__always)
    var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// Moves past a byte if it comes next, after white space.
    @inline(__always)
    mutating func accept(_ byte: UInt8) -> Bool {
        skipSpace()
        return acceptHere(byte)
    }

    /// Moves past a byte if it comes next, without white space.
    @inline(__always)
    mutating func acceptHere(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    /// Moves past a word if it comes next, without white space.
    @inline(__always)
    mutating func acceptHere(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard index + length <= bytes.count else { return false }
        for offset in 0..<length where bytes[index + offset] != word.utf8Start[offset] { return false }
        index += length
        return true
    }

    /// Moves past the decimal digits that come next, and returns how many there are.
    @inline(__always)
    mutating func skipDigits() -> Int {
        let start = index
        while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 { index += 1 }
        return index - start
    }

    @inline(__always)
    mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }

    /// Returns whether only white space is left, and moves past it.
    @inline(__always)
    mutating func acceptEnd() -> Bool {
        skipSpace()
        return index == bytes.count
    }
}
