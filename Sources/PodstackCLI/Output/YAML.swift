import PodstackAPI

/// JSON values as YAML. Strings are always quoted as JSON quotes them, which YAML reads the same way.
enum YAML {
    static func text(of value: JSONValue) -> String { lines(of: value).joined(separator: "\n") }

    private static func lines(of value: JSONValue) -> [String] {
        switch value {
        case .object(let fields) where !fields.isEmpty:
            fields.sorted { $0.key < $1.key }.flatMap { key, value -> [String] in
                guard isNested(value) else { return ["\(key): \(scalar(value))"] }
                return ["\(key):"] + lines(of: value).map { "  " + $0 }
            }
        case .array(let values) where !values.isEmpty:
            values.flatMap { value -> [String] in
                let inner = isNested(value) ? lines(of: value) : [scalar(value)]
                return inner.enumerated().map { ($0 == 0 ? "- " : "  ") + $1 }
            }
        default: [scalar(value)]
        }
    }

    private static func isNested(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let fields): !fields.isEmpty
        case .array(let values): !values.isEmpty
        default: false
        }
    }

    private static func scalar(_ value: JSONValue) -> String {
        (try? APICoding.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}
