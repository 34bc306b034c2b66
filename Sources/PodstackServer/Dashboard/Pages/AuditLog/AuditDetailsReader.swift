import PodstackAPI

/// Reads the JSON details of an event as names with new and old values.
///
/// A page can have a thousand events. The general decoder takes about 20 µs for each. This reader takes less than 1 µs
/// for the JSON that the service writes, and leaves all other JSON to the general decoder.
struct AuditDetailsReader {
    /// A name with its value, and with its old value if it was changed.
    struct Detail: Equatable {
        var name: String
        var old: String?
        var new: String
    }

    /// The text is not in the form that the service writes.
    private struct Unsupported: Error {}

    /// A name with a value, which is a text or an object.
    private struct Item {
        var name: String
        var text = ""
        var fields: [Item]?
    }

    private let bytes: [UInt8]
    private var index = 0

    /// Returns the details of an event, or nothing if the text is not a JSON object.
    static func read(_ text: String) -> [Detail] {
        if text == "{}" { return [] }
        var reader = AuditDetailsReader(bytes: Array(text.utf8))
        if let items = try? reader.document() { return details(items) }
        let fields = (try? APICoding.decode([String: JSONValue].self, from: reader.bytes)) ?? [:]
        return details(items(fields))
    }

    private static func details(_ items: [Item]) -> [Detail] {
        guard let old = items.first(where: { $0.name == "old" })?.fields,
            let new = items.first(where: { $0.name == "new" })?.fields
        else { return items.map { Detail(name: $0.name, new: text($0)) } }
        return new.map { item in
            Detail(name: item.name, old: old.first { $0.name == item.name }.map(text) ?? "none", new: text(item))
        }
    }

    private static func text(_ item: Item) -> String {
        item.fields?.map { "\($0.name): \(Isolated.text($0.text))" }.joined(separator: ", ") ?? item.text
    }

    // MARK: - Other JSON

    private static func items(_ fields: [String: JSONValue]) -> [Item] {
        fields.sorted { $0.key < $1.key }.map { name, value in
            if case .object(let fields) = value { return Item(name: name, fields: items(fields)) }
            return Item(name: name, text: text(value))
        }
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "none"
        case .bool(let value): value ? "yes" : "no"
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .string(let text): text
        case .array(let values): values.map(text).joined(separator: ", ")
        case .object(let fields): items(fields).map { "\($0.name): \(Isolated.text(text($0)))" }.joined(separator: ", ")
        }
    }

    // MARK: - JSON as the service writes it

    private mutating func document() throws(Unsupported) -> [Item] {
        let items = try object(isInner: false)
        guard index == bytes.count else { throw Unsupported() }
        return items
    }

    private mutating func object(isInner: Bool) throws(Unsupported) -> [Item] {
        try expect(UInt8(ascii: "{"))
        if accept(UInt8(ascii: "}")) { return [] }
        var items: [Item] = []
        repeat {
            var item = Item(name: try string())
            try expect(UInt8(ascii: ":"))
            if index < bytes.count, bytes[index] == UInt8(ascii: "{") {
                guard !isInner else { throw Unsupported() }
                item.fields = try object(isInner: true)
            } else {
                item.text = try value(isInner: false)
            }
            items.append(item)
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        return items
    }

    /// Reads a value as a text for the page.
    private mutating func value(isInner: Bool) throws(Unsupported) -> String {
        guard index < bytes.count else { throw Unsupported() }
        switch bytes[index] {
        case UInt8(ascii: "\""): return try string()
        case UInt8(ascii: "["):
            guard !isInner else { throw Unsupported() }
            index += 1
            if accept(UInt8(ascii: "]")) { return "" }
            var text = try value(isInner: true)
            while accept(UInt8(ascii: ",")) { text += ", " + (try value(isInner: true)) }
            try expect(UInt8(ascii: "]"))
            return text
        case UInt8(ascii: "n"): return try word("null", "none")
        case UInt8(ascii: "t"): return try word("true", "yes")
        case UInt8(ascii: "f"): return try word("false", "no")
        default: return try integer()
        }
    }

    private mutating func string() throws(Unsupported) -> String {
        try expect(UInt8(ascii: "\""))
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                defer { index += 1 }
                return String(decoding: bytes[start..<index], as: UTF8.self)
            }
            guard byte != UInt8(ascii: "\\"), byte >= 0x20 else { throw Unsupported() }
            index += 1
        }
        throw Unsupported()
    }

    private mutating func integer() throws(Unsupported) -> String {
        let start = index
        while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
        guard index > start, index - start < 18, index < bytes.count else { throw Unsupported() }
        switch bytes[index] {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"):
            return String(decoding: bytes[start..<index], as: UTF8.self)
        default: throw Unsupported()
        }
    }

    private mutating func word(_ word: StaticString, _ replacement: String) throws(Unsupported) -> String {
        let matches = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
        guard matches else { throw Unsupported() }
        index += word.utf8CodeUnitCount
        return replacement
    }

    private mutating func expect(_ byte: UInt8) throws(Unsupported) { if !accept(byte) { throw Unsupported() } }

    private mutating func accept(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }
}
