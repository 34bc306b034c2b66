/// Reads JSON of the plain kind that the service writes: no escapes, no fractions, no surprises.
///
/// Most answers are of it, and to read one this way takes a tenth of what the general decoder takes, which is a quarter of
/// a whole request to a near service. Whatever is not plain is `NotPlain`, and left to the general decoder: it alone says
/// what is right and what is wrong.
struct PlainJSON {
    struct NotPlain: Error {}

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Gives each key to `field`, which must read its value.
    mutating func object(_ field: (inout PlainJSON, String) throws(NotPlain) -> Void) throws(NotPlain) {
        try expect(UInt8(ascii: "{"))
        if accept(UInt8(ascii: "}")) { return }
        var seen: [String] = []
        seen.reserveCapacity(16)
        repeat {
            let key = try string()
            guard !seen.contains(key) else { throw NotPlain() }
            seen.append(key)
            try expect(UInt8(ascii: ":"))
            try field(&self, key)
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    mutating func string() throws(NotPlain) -> String {
        try expect(UInt8(ascii: "\""))
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            // An escape, a control character, or the beginning of what may not be UTF-8.
            guard bytes[index] != UInt8(ascii: "\\"), bytes[index] >= 0x20, bytes[index] < 0x80 else {
                throw NotPlain()
            }
            index += 1
        }
        guard index < bytes.count else { throw NotPlain() }
        defer { index += 1 }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    mutating func optionalString() throws(NotPlain) -> String? { acceptNull() ? nil : try string() }

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
        while index < bytes.count, index - start < 19, (0x30...0x39).contains(bytes[index]) {
            if index - start < 18 { value = value * 10 + Int(bytes[index] - 0x30) }
            index += 1
        }
        // No sign, and no zero in front.
        guard (1...18).contains(index - start), bytes[start] != 0x30 || index - start == 1 else { throw NotPlain() }
        if index < bytes.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[index]) {
            throw NotPlain()
        }
        return value
    }

    mutating func acceptNull() -> Bool {
        skipSpace()
        guard bytes[index...].starts(with: "null".utf8) else { return false }
        index += 4
        return true
    }

    /// Nothing may follow.
    mutating func end() throws(NotPlain) {
        skipSpace()
        guard index == bytes.count else { throw NotPlain() }
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
        while index < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[index]) { index += 1 }
    }
}

/// A model of which plain JSON can be read.
protocol PlainJSONReadable {
    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain)
}
