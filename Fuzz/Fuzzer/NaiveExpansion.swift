/// A second implementation of `${NAME}` and `${NAME:-default}`, written from the specification alone.
enum NaiveExpansion {
    struct Value {
        var text: [UInt8]?
        var isLiteral = true
    }

    static func expand(_ text: String?, _ lookUp: ([UInt8]) -> Value?) -> Value {
        guard let text else { return Value(text: nil) }
        var rest = Array(text.utf8)[...]
        var output = Value(text: [])
        while let byte = rest.first {
            guard let (name, fallback, length) = reference(rest) else {
                output.text?.append(byte)
                rest = rest.dropFirst()
                continue
            }
            if let value = lookUp(name) {
                output.text? += value.text ?? []
                output.isLiteral = output.isLiteral && value.isLiteral
            } else {
                output.text? += fallback ?? []
            }
            rest = rest.dropFirst(length)
        }
        return output
    }

    /// Parses a reference at the start of a text.
    private static func reference(
        _ text: ArraySlice<UInt8>
    ) -> (name: [UInt8], fallback: [UInt8]?, length: Int)? {
        guard text.starts(with: "${".utf8) else { return nil }
        let name = text.dropFirst(2).prefix { $0 != UInt8(ascii: "}") && $0 != UInt8(ascii: ":") }
        let after = text.dropFirst(2 + name.count)
        if after.first == UInt8(ascii: "}") { return (Array(name), nil, 3 + name.count) }
        guard after.starts(with: ":-".utf8) else { return nil }
        let fallback = after.dropFirst(2).prefix { $0 != UInt8(ascii: "}") }
        guard after.dropFirst(2 + fallback.count).first != nil else { return nil }
        return (Array(name), Array(fallback), 5 + name.count + fallback.count)
    }
}
