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

    /// A name with a value: in words, or of fields again.
    private struct Item {
        var name: String
        var text = ""
        var fields: [Item]?
    }

    private let bytes: [UInt8]
    private var index = 0

    static func read(_ text: String) -> [Detail] {
        if text == "{}" { return [] }
        var reader = DetailsReader(bytes: Array(text.utf8))
        if let items = try? reader.whole() { return details(items) }
        let fields = (try? APICoding.decode([String: JSONValue].self, from: reader.bytes)) ?? [:]
        return details(items(fields))
    }

    private static func details(_ items: [Item]) -> [Detail] {
        guard let old = items.first(where: { $0.name == "old" })?.fields,
            let new = items.first(where: { $0.name == "new" })?.fields
        else { return items.map { Detail(name: $0.name, new: said($0)) } }
        return new.map { item in
            Detail(name: item.name, old: old.first { $0.name == item.name }.map(said) ?? "none", new: said(item))
        }
    }

    private static func said(_ item: Item) -> String {
        item.fields?.map { "\($0.name): \($0.text)" }.joined(separator: ", ") ?? item.text
    }

    // MARK: - What is not plain

    private static func items(_ fields: [String: JSONValue]) -> [Item] {
        fields.sorted { $0.key < $1.key }.map { name, value in
            if case .object(let fields) = value { return Item(name: name, fields: items(fields)) }
            return Item(name: name, text: text(value))
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
        case .object(let fields): items(fields).map { "\($0.name): \(said($0))" }.joined(separator: ", ")
        }
    }

    // MARK: - What is

    private mutating func whole() throws(NotPlain) -> [Item] {
        let items = try object(isInner: false)
        guard index == bytes.count else { throw NotPlain() }
        return items
    }

    private mutating func object(isInner: Bool) throws(NotPlain) -> [Item] {
        try expect(UInt8(ascii: "{"))
        if accept(UInt8(ascii: "}")) { return [] }
        var items: [Item] = []
        repeat {
            var item = Item(name: try string())
            try expect(UInt8(ascii: ":"))
            if index < bytes.count, bytes[index] == UInt8(ascii: "{") {
                guard !isInner else { throw NotPlain() }
                item.fields = try object(isInner: true)
            } else {
                item.text = try value(isInner: false)
            }
            items.append(item)
        } while accept(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        return items
    }

    /// In words.
    private mutating func value(isInner: Bool) throws(NotPlain) -> String {
        guard index < bytes.count else { throw NotPlain() }
        switch bytes[index] {
        case UInt8(ascii: "\""): return try string()
        case UInt8(ascii: "["):
            guard !isInner else { throw NotPlain() }
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

    private mutating func integer() throws(NotPlain) -> String {
        let start = index
        while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
        guard index > start, index - start < 18, index < bytes.count else { throw NotPlain() }
        switch bytes[index] {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"):
            return String(decoding: bytes[start..<index], as: UTF8.self)
        default: throw NotPlain()
        }
    }

    private mutating func word(_ word: StaticString, _ said: String) throws(NotPlain) -> String {
        let isIt = word.withUTF8Buffer { bytes[index...].starts(with: $0) }
        guard isIt else { throw NotPlain() }
        index += word.utf8CodeUnitCount
        return said
    }

    private mutating func expect(_ byte: UInt8) throws(NotPlain) { if !accept(byte) { throw NotPlain() } }

    private mutating func accept(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }
}
