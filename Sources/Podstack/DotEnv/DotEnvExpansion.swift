/// Expands `${NAME}` and `${NAME:-default}` in the values of a `.env` file, as python-dotenv 1.2.4 does.
struct DotEnvExpansion {
    struct TooLarge: Error {
        var line: Int
    }

    /// An expanded value.
    struct Value {
        var text: String?
        /// Whether no part of the value came from the environment.
        var isLiteral = true
    }

    /// The most bytes of all values together: each line may double the one before, and must not fill the memory.
    private static let largest = 16 << 20

    private let environment: PodstackEnvironment
    private let override: Bool
    private var known: [ExactName: Value] = [:]
    private var size = 0

    init(environment: PodstackEnvironment, override: Bool) {
        self.environment = environment
        self.override = override
    }

    /// Expands the value of the next statement, and records it for later ones.
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
            // The caller throws for a larger value; here it only stops growing.
            if output.count > Self.largest { break }
        }
        output += bytes[copied...]
        return Value(text: String(decoding: output, as: UTF8.self), isLiteral: isLiteral)
    }

    /// Returns the value of a name; nil when it is absent.
    ///
    /// A key without a value is present and empty.
    private func lookUp(_ name: String) -> Value? {
        let fileValue = known[ExactName(name)]
        if override, let fileValue { return fileValue }
        if let value = environment[name] { return Value(text: value, isLiteral: false) }
        return fileValue
    }
}

/// Finds the `${…}` of a text in one pass.
private struct References {
    struct Reference {
        var range: Range<Int>
        var name: Range<Int>
        var fallback: Range<Int>?
    }

    private let bytes: [UInt8]
    private var index = 0
    /// The first `}` or `:` at or after `index`, stored so that many `${` do not search for it repeatedly.
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
                // Without a closing brace here, there is none for any later reference either.
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
