/// A reader for the JSON of requests, which accepts only text that every parser reads alike.
///
/// Parsers disagree about repeated keys, numbers beyond their range and invalid UTF-8. A proxy or a log in front of the
/// service could then see another request than the service. All of these are errors here.
///
/// Source: RFC 8259; RFC 7493 (I-JSON) for repeated keys and numbers.
package struct StrictJSON {
    /// The reasons why a text is rejected.
    package enum Problem: Error, Equatable {
        /// The text is not JSON, is not UTF-8, or is nested too deeply.
        case malformed
        /// An object has a key twice. The path names the key and the objects around it, such as `a.b`.
        case repeatedKey(path: String)
        /// A number is too large for a double. The path names its field.
        case unrepresentableNumber(path: String)
    }

    /// The deepest nesting of arrays and objects; the API needs less.
    package static let deepestNesting = 32

    private var scanner: JSONScanner
    private var bytes: [UInt8] { scanner.bytes }
    private var depth = 0
    /// The keys of the objects around the current value.
    private var path: [String] = []

    private init(_ bytes: [UInt8]) { scanner = JSONScanner(bytes) }

    /// Returns the value of a JSON text.
    ///
    /// An integer consists of digits and an optional minus sign. A number with a fraction or an exponent is a
    /// ``JSONValue/number(_:)`` even if its value is whole, and so is `-0`.
    package static func value(of bytes: [UInt8]) throws(Problem) -> JSONValue {
        var reader = StrictJSON(bytes)
        let value = try reader.readValue()
        guard reader.scanner.acceptEnd() else { throw .malformed }
        return value
    }

    // MARK: - Values

    private mutating func readValue() throws(Problem) -> JSONValue {
        scanner.skipSpace()
        guard let byte = scanner.next else { throw .malformed }
        switch byte {
        case UInt8(ascii: "{"): return .object(try readObject())
        case UInt8(ascii: "["): return .array(try readArray())
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "t"): return try readWord("true", .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        default: return try readNumber()
        }
    }

    private mutating func readWord(_ word: StaticString, _ value: JSONValue) throws(Problem) -> JSONValue {
        guard scanner.acceptHere(word) else { throw .malformed }
        return value
    }

    private mutating func enter() throws(Problem) {
        scanner.index += 1
        depth += 1
        guard depth <= Self.deepestNesting else { throw .malformed }
    }

    private mutating func readObject() throws(Problem) -> [String: JSONValue] {
        try enter()
        defer { depth -= 1 }
        var fields: [String: JSONValue] = [:]
        if scanner.accept(UInt8(ascii: "}")) { return fields }
        repeat {
            scanner.skipSpace()
            let key = try readString()
            path.append(key)
            // Compared as text: two spellings of one character are one key.
            guard fields[key] == nil else { throw .repeatedKey(path: path.joined(separator: ".")) }
            try expect(UInt8(ascii: ":"))
            fields[key] = try readValue()
            path.removeLast()
        } while scanner.accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        return fields
    }

    private mutating func readArray() throws(Problem) -> [JSONValue] {
        try enter()
        defer { depth -= 1 }
        var values: [JSONValue] = []
        if scanner.accept(UInt8(ascii: "]")) { return values }
        repeat { values.append(try readValue()) } while scanner.accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return values
    }

    // MARK: - Numbers

    private mutating func readNumber() throws(Problem) -> JSONValue {
        let start = scanner.index
        let isNegative = scanner.acceptHere(UInt8(ascii: "-"))
        let isZero = scanner.acceptHere(UInt8(ascii: "0"))
        if !isZero { try readDigits() }
        var isInteger = true
        if scanner.acceptHere(UInt8(ascii: ".")) {
            isInteger = false
            try readDigits()
        }
        if scanner.acceptHere(UInt8(ascii: "e")) || scanner.acceptHere(UInt8(ascii: "E")) {
            isInteger = false
            if !scanner.acceptHere(UInt8(ascii: "+")) { _ = scanner.acceptHere(UInt8(ascii: "-")) }
            try readDigits()
        }
        let text = String(decoding: bytes[start..<scanner.index], as: UTF8.self)
        if isInteger, !(isNegative && isZero), let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else {
            throw .unrepresentableNumber(path: path.joined(separator: "."))
        }
        return .number(number)
    }

    private mutating func readDigits() throws(Problem) {
        guard scanner.skipDigits() > 0 else { throw .malformed }
    }

    // MARK: - Strings

    private mutating func readString() throws(Problem) -> String {
        guard scanner.acceptHere(UInt8(ascii: "\"")) else { throw .malformed }
        var text: [UInt8] = []
        while let byte = scanner.next {
            scanner.index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: text, as: UTF8.self) else { throw .malformed }
                return text
            case UInt8(ascii: "\\"): try readEscape(into: &text)
            case 0..<0x20: throw .malformed
            default: text.append(byte)
            }
        }
        throw .malformed
    }

    private mutating func readEscape(into text: inout [UInt8]) throws(Problem) {
        guard let byte = scanner.next else { throw .malformed }
        scanner.index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try readHexadecimal()
            if (0xD800..<0xDC00).contains(code) {
                guard scanner.acceptHere(UInt8(ascii: "\\")), scanner.acceptHere(UInt8(ascii: "u")) else {
                    throw .malformed
                }
                let low = try readHexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw .malformed }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            // Nil for half of a pair.
            guard let scalar = Unicode.Scalar(code) else { throw .malformed }
            text.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
        default: throw .malformed
        }
    }

    private mutating func readHexadecimal() throws(Problem) -> UInt32 {
        let start = scanner.index
        guard start + 4 <= bytes.count else { throw .malformed }
        var code: UInt32 = 0
        for byte in bytes[start..<(start + 4)] {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: throw .malformed
            }
            code = code << 4 | UInt32(digit)
        }
        scanner.index += 4
        return code
    }

    private mutating func expect(_ byte: UInt8) throws(Problem) {
        guard scanner.accept(byte) else { throw .malformed }
    }
}
