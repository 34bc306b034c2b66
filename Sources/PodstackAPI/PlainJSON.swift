#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A reader for plain JSON, as the service writes it: ASCII without escapes, and no fractions.
///
/// Most responses are plain. With many requests at once to a near service, Foundation's decoder took a quarter of the
/// client's time, and this reader takes a twelfth. It throws ``NotPlain`` for everything else, which Foundation's decoder
/// then reads: only that one decides what is valid.
struct PlainJSON {
    /// The error for JSON that is not plain, or does not have the expected form.
    struct NotPlain: Error {}

    /// The keys of an object, as its `CodingKeys` declare them, in the order in which the service sorts them.
    ///
    /// A key that follows the previous one is found by one comparison.
    struct Keys<Key: CodingKey & CaseIterable & Sendable>: Sendable {
        fileprivate let keys: [Key]
        fileprivate let names: [[UInt8]]

        /// Creates the keys of a type.
        init(_ type: Key.Type) {
            keys = type.allCases.sorted { $0.stringValue < $1.stringValue }
            names = keys.map { Array($0.stringValue.utf8) }
            precondition(keys.count <= 64, "the keys that were read are counted in a 64-bit set")
        }
    }

    private var scanner: JSONScanner
    private var bytes: [UInt8] { scanner.bytes }

    init(_ bytes: [UInt8]) { scanner = JSONScanner(bytes) }

    /// Reads an object, and calls a closure for each key, which must read its value.
    ///
    /// An unknown or a repeated key is not plain.
    mutating func readObject<Key>(
        _ keys: Keys<Key>, _ readValue: (inout PlainJSON, Key) throws(NotPlain) -> Void
    ) throws(NotPlain) {
        try expect(UInt8(ascii: "{"))
        if accept(UInt8(ascii: "}")) { return }
        var seen: UInt64 = 0
        var next = 0
        repeat {
            let index = try find(try readQuoted(), in: keys.names, from: next)
            guard seen & (1 << UInt64(index)) == 0 else { throw NotPlain() }
            seen |= 1 << UInt64(index)
            next = index + 1
            try expect(UInt8(ascii: ":"))
            try readValue(&self, keys.keys[index])
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    mutating func readString() throws(NotPlain) -> String {
        let text = try readQuoted()
        // A slice of the array would retain it, and cost twice as much.
        return bytes.withUnsafeBufferPointer {
            String(decoding: UnsafeBufferPointer(rebasing: $0[text]), as: UTF8.self)
        }
    }

    mutating func readOptionalString() throws(NotPlain) -> String? { skipNull() ? nil : try readString() }

    /// Reads a time in the form that the service writes, or null.
    mutating func readOptionalDate() throws(NotPlain) -> Date? {
        if skipNull() { return nil }
        let text = try readQuoted()
        let date = bytes.withUnsafeBufferPointer { Timestamp.parsePlain(UnsafeBufferPointer(rebasing: $0[text])) }
        guard let date else { throw NotPlain() }
        return date
    }

    mutating func readStrings() throws(NotPlain) -> [String] {
        try expect(UInt8(ascii: "["))
        if accept(UInt8(ascii: "]")) { return [] }
        var strings: [String] = []
        repeat { strings.append(try readString()) } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return strings
    }

    /// Reads an integer of up to 18 digits, without a sign.
    mutating func readInteger() throws(NotPlain) -> Int {
        scanner.skipSpace()
        let start = scanner.index
        let count = scanner.skipDigits()
        // A number with a leading zero is invalid.
        guard (1...18).contains(count), bytes[start] != 0x30 || count == 1 else { throw NotPlain() }
        switch scanner.next {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): throw NotPlain()
        default: break
        }
        var value = 0
        for index in start..<scanner.index { value = value * 10 + Int(bytes[index] - 0x30) }
        return value
    }

    /// Reads null if it comes next.
    mutating func skipNull() -> Bool {
        scanner.skipSpace()
        return scanner.acceptHere("null")
    }

    /// Checks that only white space follows.
    mutating func readEnd() throws(NotPlain) {
        guard scanner.acceptEnd() else { throw NotPlain() }
    }

    /// Reads a string, and returns the range of its bytes.
    private mutating func readQuoted() throws(NotPlain) -> Range<Int> {
        try expect(UInt8(ascii: "\""))
        let start = scanner.index
        while let byte = scanner.next {
            if byte == UInt8(ascii: "\"") {
                scanner.index += 1
                return start..<(scanner.index - 1)
            }
            // An escape, a control character, or a byte that is not ASCII.
            guard byte != UInt8(ascii: "\\"), byte >= 0x20, byte < 0x80 else { throw NotPlain() }
            scanner.index += 1
        }
        throw NotPlain()
    }

    /// Returns the index of a key, and searches from a likely one.
    private func find(_ key: Range<Int>, in names: [[UInt8]], from start: Int) throws(NotPlain) -> Int {
        var index = start
        for _ in 0..<names.count {
            if index >= names.count { index = 0 }
            if isEqual(key, names[index]) { return index }
            index += 1
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

    private mutating func accept(_ byte: UInt8) -> Bool { scanner.accept(byte) }
}

/// A model that ``PlainJSON`` can read.
protocol PlainJSONReadable: Codable {
    associatedtype PlainKey: CodingKey & CaseIterable & Sendable
    /// The keys of the model, which come from its `CodingKeys`.
    static var plainKeys: PlainJSON.Keys<PlainKey> { get }

    /// Reads the model; throws if the JSON is not plain, or a required value is missing.
    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain)
}
