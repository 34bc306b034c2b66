#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads JSON of the plain kind that the service writes: no escapes, no fractions, no surprises.
///
/// Most answers are of it, and with many requests at once to a near service the general decoder took a quarter of the
/// client's time, this takes a twelfth. Whatever is not plain is `NotPlain`, and left to the general decoder: it alone
/// says what is right and what is wrong.
struct PlainJSON {
    struct NotPlain: Error {}

    /// The keys of an object that are known. In the order in which the service writes them they are found at once.
    struct Keys: Sendable {
        fileprivate let names: [[UInt8]]

        init(_ names: String...) { self.names = names.map { Array($0.utf8) } }
    }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Gives the place of each key among `keys` to `field`, which must read its value. A key that is not known, or is there
    /// twice, is not plain: what it means, if anything, the general decoder knows.
    mutating func object(
        _ keys: Keys, _ field: (inout PlainJSON, Int) throws(NotPlain) -> Void
    ) throws(NotPlain) {
        try expect(UInt8(ascii: "{"))
        if accept(UInt8(ascii: "}")) { return }
        var seen: UInt64 = 0
        var next = 0
        repeat {
            let key = try place(of: try quoted(), in: keys, from: next)
            guard seen & (1 << UInt64(key)) == 0 else { throw NotPlain() }
            seen |= 1 << UInt64(key)
            next = key + 1
            try expect(UInt8(ascii: ":"))
            try field(&self, key)
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    mutating func string() throws(NotPlain) -> String {
        let text = try quoted()
        // A slice of the array would hold on to it, and cost twice as much.
        return bytes.withUnsafeBufferPointer {
            String(decoding: UnsafeBufferPointer(rebasing: $0[text]), as: UTF8.self)
        }
    }

    mutating func optionalString() throws(NotPlain) -> String? { acceptNull() ? nil : try string() }

    /// As the service writes times; others are not plain.
    mutating func optionalDate() throws(NotPlain) -> Date? {
        if acceptNull() { return nil }
        let text = try quoted()
        guard let date = bytes.withUnsafeBufferPointer({ Timestamp.plain($0[text]) }) else { throw NotPlain() }
        return date
    }

    mutating func strings() throws(NotPlain) -> [String] {
        try expect(UInt8(ascii: "["))
        if accept(UInt8(ascii: "]")) { return [] }
        var strings: [String] = []
        repeat { strings.append(try string()) } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return strings
    }

    mutating func integer() throws(NotPlain) -> Int {
        skipSpace()
        let start = index
        var value = 0
        // So many digits fit an Int; more are not plain.
        while index < bytes.count, index - start < 19, bytes[index] >= 0x30, bytes[index] <= 0x39 {
            if index - start < 18 { value = value * 10 + Int(bytes[index] - 0x30) }
            index += 1
        }
        // No sign, and no zero in front.
        guard index > start, index - start <= 18, bytes[start] != 0x30 || index - start == 1 else { throw NotPlain() }
        if index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): throw NotPlain()
            default: break
            }
        }
        return value
    }

    mutating func acceptNull() -> Bool {
        skipSpace()
        guard index + 4 <= bytes.count, bytes[index] == UInt8(ascii: "n"), bytes[index + 1] == UInt8(ascii: "u"),
            bytes[index + 2] == UInt8(ascii: "l"), bytes[index + 3] == UInt8(ascii: "l")
        else { return false }
        index += 4
        return true
    }

    /// Nothing may follow.
    mutating func end() throws(NotPlain) {
        skipSpace()
        guard index == bytes.count else { throw NotPlain() }
    }

    /// What stands between two quotes.
    private mutating func quoted() throws(NotPlain) -> Range<Int> {
        try expect(UInt8(ascii: "\""))
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                index += 1
                return start..<(index - 1)
            }
            // An escape, a control character, or the beginning of what may not be UTF-8.
            guard byte != UInt8(ascii: "\\"), byte >= 0x20, byte < 0x80 else { throw NotPlain() }
            index += 1
        }
        throw NotPlain()
    }

    private func place(of key: Range<Int>, in keys: Keys, from next: Int) throws(NotPlain) -> Int {
        let count = keys.names.count
        var place = next
        for _ in 0..<count {
            if place >= count { place = 0 }
            if isEqual(key, keys.names[place]) { return place }
            place += 1
        }
        throw NotPlain()
    }

    private func isEqual(_ range: Range<Int>, _ name: [UInt8]) -> Bool {
        guard range.count == name.count else { return false }
        for offset in 0..<name.count where bytes[range.lowerBound + offset] != name[offset] { return false }
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(NotPlain) {
        guard accept(byte) else { throw NotPlain() }
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        skipSpace()
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x0A, 0x0D, 0x09: index += 1
            default: return
            }
        }
    }
}

/// A model of which plain JSON can be read.
protocol PlainJSONReadable {
    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain)
}
