#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Encodes and decodes the values of the API.
package enum APICoding {
    /// Returns a value as JSON.
    ///
    /// Keys are sorted, so that equal values become equal bytes.
    package static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(Timestamp.format(date))
        }
        return Array(try encoder.encode(value))
    }

    /// Decodes JSON: with ``PlainJSON`` if the type and the bytes allow it, otherwise with Foundation's decoder.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        if let plain = Value.self as? any PlainJSONReadable.Type, let value = readPlain(plain, as: type, from: bytes) {
            return value
        }
        return try decodeGenerally(type, from: bytes)
    }

    /// The error for JSON that is nested too deeply.
    struct NestedTooDeeply: Error {}

    /// The deepest nesting that is decoded.
    ///
    /// The API needs less, and the cost of Foundation's decoder grows disproportionately with the depth.
    private static let deepestNesting = 32

    /// Decodes JSON with Foundation's decoder.
    static func decodeGenerally<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        guard nestingDepth(of: bytes) <= deepestNesting else { throw NestedTooDeeply() }
        return try decoder.decode(type, from: Data(bytes))
    }

    /// Returns nil if the bytes are not plain.
    ///
    /// `Value` and `Plain` are the same type, which only the cast knows.
    private static func readPlain<Plain: PlainJSONReadable, Value>(
        _ plain: Plain.Type, as type: Value.Type, from bytes: [UInt8]
    ) -> Value? {
        var json = PlainJSON(bytes)
        guard let value = try? Plain(&json), (try? json.readEnd()) != nil else { return nil }
        return value as? Value
    }

    /// Shared by all threads, because it never changes after this.
    private static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            guard let date = Timestamp.parse(try container.decode(String.self)) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an ISO 8601 time")
            }
            return date
        }
        return decoder
    }()

    /// Returns how deeply arrays and objects are nested in a JSON text.
    static func nestingDepth(of bytes: [UInt8]) -> Int {
        var (depth, deepest) = (0, 0)
        var isString = false
        var isEscaped = false
        for byte in bytes {
            if isString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return deepest
    }
}
