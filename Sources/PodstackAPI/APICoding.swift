#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How the contract's values become JSON and back.
public enum APICoding {
    public static func encode(_ value: some Encodable, pretty: Bool = false) throws -> [UInt8] {
        let encoder = JSONEncoder()
        // Sorted, so that equal values are equal bytes.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(Timestamp.format(date))
        }
        return Array(try encoder.encode(value))
    }

    public static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        if let plain = Value.self as? any PlainJSONReadable.Type, let value = read(plain, as: type, from: bytes) {
            return value
        }
        return try decodeGenerally(type, from: bytes)
    }

    /// Nothing in the contract is so deep, and what is deeper costs the decoder out of proportion.
    private static let deepest = 32

    struct TooDeep: Error {}

    static func decodeGenerally<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        guard JSONDepth.of(bytes) <= deepest else { throw TooDeep() }
        return try decoder.decode(type, from: Data(bytes))
    }

    /// Nil when the bytes are not plain. `Value` is `Plain`, which only the cast knows.
    private static func read<Plain: PlainJSONReadable, Value>(
        _ plain: Plain.Type, as type: Value.Type, from bytes: [UInt8]
    ) -> Value? {
        var json = PlainJSON(bytes)
        guard let value = try? Plain(&json), (try? json.end()) != nil else { return nil }
        return value as? Value
    }

    /// Never changed after this, so it may be shared.
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
}
