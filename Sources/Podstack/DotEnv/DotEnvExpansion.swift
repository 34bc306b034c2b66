/// Expands `${NAME}` and `${NAME:-default}` in the values of a `.env`, as python-dotenv 1.2.4 does. Pure.
struct DotEnvExpansion {
    struct TooLarge: Error {
        var line: Int
    }

    /// A value, and whether it stands in the file itself: it does not when any of it came from the environment.
    struct Value {
        var text: String?
        var isLiteral = true
    }

    /// Of all values together. Each line may double the one before; a file must not fill the memory.
    private static let largest = 16 << 20

    private let environment: PodstackEnvironment
    private let override: Bool
    private var known: [ExactName: Value] = [:]
    private var size = 0

    init(environment: PodstackEnvironment, override: Bool) {
        self.environment = environment
        self.override = override
    }

    /// The value of the next statement, which later ones see.
    mutating func expand(_ statement: DotEnvParser.Statement) throws(TooLarge) -> Value {
        var value = Value(text: statement.value)
        if let text = statement.value, text.utf8.contains(UInt8(ascii: "$")) {
            value = expand(text)
        }
        size += value.text?.utf8.count ?? 0
        guard size <= Self.largest else { throw TooLarge(line: statement.line) }
        known[ExactName(statement.key)] = value
        return value
    }

    private mutating func expand(_ text: String) -> Value {
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var isLiteral = true
        var references = References(bytes)
        var copied = 0
        while let reference = references.next() {
            output += bytes[copied..<reference.range.lowerBound]
            copied = reference.range.upperBound
            let found = lookUp(String(decoding: bytes[reference.name], as: UTF8.self))
            if let found {
                output += found.text?.utf8.map(\.self) ?? []
                isLiteral = isLiteral && found.isLiteral
            } else if let fallback = reference.fallback {
                output += bytes[fallback]
            }
            // The caller refuses what is larger; here it is only kept from growing on.
            if output.count > Self.largest { break }
        }
        output += bytes[copied...]
        return Value(text: String(decoding: output, as: UTF8.self), isLiteral: isLiteral)
    }

    /// Nil only when nobody knows the name: a key without a value is known, and empty.
    private func lookUp(_ name: String) -> Value? {
        let ofFile = known[ExactName(name)]
        if override, let ofFile { return ofFile }
        if let value = environment[name] { return Value(text: value, isLiteral: false) }
        return ofFile
    }
}

/// The `${…}` of a text, in one pass over it.
private struct References {
    struct Reference {
        var range: Range<Int>
        var name: Range<Int>
        var fallback: Range<Int>?
    }

    private let bytes: [UInt8]
    private var index = 0
    /// The first `}` or `:` at or behind `index`, remembered so that many `${` do not look for it again and again.
    private var delimiter = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> Reference? {
        while index + 1 < bytes.count {
            guard bytes[index] == UInt8(ascii: "$"), bytes[index + 1] == UInt8(ascii: "{") else {
                index += 1
                continue
            }
            let name = index + 2
            delimiter = max(delimiter, name)
            while delimiter < bytes.count, bytes[delimiter] != UInt8(ascii: "}"), bytes[delimiter] != UInt8(ascii: ":")
            {
                delimiter += 1
            }
            guard delimiter < bytes.count else { return nil }
            if bytes[delimiter] == UInt8(ascii: "}") {
                return reference(name..<delimiter, fallback: nil, end: delimiter + 1)
            }
            if delimiter + 1 < bytes.count, bytes[delimiter + 1] == UInt8(ascii: "-") {
                // Without a brace behind it there is none for any later one either.
                guard let end = bytes[(delimiter + 2)...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
                return reference(name..<delimiter, fallback: (delimiter + 2)..<end, end: end + 1)
            }
            index += 2
        }
        return nil
    }

    private mutating func reference(_ name: Range<Int>, fallback: Range<Int>?, end: Int) -> Reference {
        defer { index = end }
        return Reference(range: index..<end, name: name, fallback: fallback)
    }
}
