import PodstackAPI

/// The details of events as pages show them: names, with what is, and what was before.
///
/// A page can have a thousand. The general decoder takes some 20 µs for each, this less than one for what the service
/// writes; of anything else it says so, and leaves it to the general one.
struct DetailsReader {
    struct Detail: Equatable {
        var name: String
        var old: String?
        var new: String
    }

    private struct NotPlain: Error {}
    private typealias Fields = [(name: String, value: JSONValue)]

    private let bytes: [UInt8]
    private var index = 0

    static func read(_ text: String) -> [Detail] {
        if text == "{}" { return [] }
        var reader = DetailsReader(bytes: Array(text.utf8))
        if let fields = try? reader.whole() { return details(fields) }
        let fields = (try? APICoding.decode([String: JSONValue].self, from: reader.bytes)) ?? [:]
        return details(fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    private static func details(_ fields: Fields) -> [Detail] {
        guard let old = fields.first(where: { $0.name == "old" }), case .object(let was) = old.value,
            let new = fields.first(where: { $0.name == "new" }), case .object(let become) = new.value
        else { return fields.map { Detail(name: $0.name, new: text($0.value)) } }
        return become.keys.sorted().map {
            Detail(name: $0, old: text(was[$0] ?? .null), new: text(become[$0] ?? .null))
        }
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "none"
        case .bool(let isSo): isSo ? "yes" : "no"
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .string(let text): text
        case .array(let values): values.map(text).joined(separator: ", ")
        case .object(let fields):
            fields.sorted { $0.key < $1.key }.map { "\($0.key): \(text($0.value))" }.joined(separator: ", ")
        }
    }

    private mutating func whole() throws(NotPlain) -> Fields {
        let fields = try object(depth: 0)
        guard index == bytes.count else { throw NotPlain() }
        return fields
    }

    private mutating func object(depth: Int) throws(NotPlain) -> Fields {
        try expect(UInt8(ascii: "{"))
        if accept(UInt8(ascii: "}")) { return [] }
        var fields: Fields = []
        repeat {
            let name = try string()
            try expect(UInt8(ascii: ":"))
            fields.append((name, try value(depth: depth)))
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        return fields
    }

    private mutating func value(depth: Int) throws(NotPlain) -> JSONValue {
        guard index < bytes.count, depth < 4 else { throw NotPlain() }
        switch bytes[index] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"):
            let fields = try object(depth: depth + 1)
            return .object(Dictionary(fields.map { ($0.name, $0.value) }) { _, last in last })
        case UInt8(ascii: "["):
            index += 1
            if accept(UInt8(ascii: "]")) { return .array([]) }
            var values: [JSONValue] = []
            repeat { values.append(try value(depth: depth + 1)) } while accept(UInt8(ascii: ","))
            try expect(UInt8(ascii: "]"))
            return .array(values)
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        default: return .integer(try integer())
        }
    }

    private mutating func string() throws(NotPlain) -> String {
        try expect(UInt8(ascii: "\""))
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                defer { index += 1 }
                return String(decoding: bytes[start..<index], as: UTF8.self)
            }
            guard byte != UInt8(ascii: "\\"), byte >= 0x20 else { throw NotPlain() }
            index += 1
        }
        throw NotPlain()
    }

    private mutating func integer() throws(NotPlain) -> Int {
        let start = index
        while index < bytes.count, index - start < 18, (0x30...0x39).contains(bytes[index]) { index += 1 }
        let isWhole =
            index == bytes.count
            || [UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]")]
                .contains(bytes[index])
        guard isWhole, let number = Int(String(decoding: bytes[start..<index], as: UTF8.self)) else { throw NotPlain() }
        return number
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(NotPlain) -> JSONValue {
        let isIt = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
        guard isIt else { throw NotPlain() }
        index += word.utf8CodeUnitCount
        return value
    }

    private mutating func expect(_ byte: UInt8) throws(NotPlain) { if !accept(byte) { throw NotPlain() } }

    private mutating func accept(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }
}
