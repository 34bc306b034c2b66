/// What stands between the method and the version of a request, decoded once.
/// Source: RFC 9112, section 3.2, and RFC 3986, section 2.
struct RequestTarget {
    /// Without the query. An encoded slash is refused, so a slash in it always parts two segments.
    var path = ""
    /// In order; an item without `=` has an empty value.
    var query: [(name: String, value: String)] = []
    /// Whether it holds what is no URL, or a NUL: what stands behind one is easily lost.
    var isMalformed = false

    init(_ text: String) {
        let bytes = text.utf8
        let end = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.endIndex
        path = decoded(Self.withoutAuthority(text[..<end]), isQuery: false)
        guard end < bytes.endIndex else { return }
        for item in text[bytes.index(after: end)...].utf8.split(separator: UInt8(ascii: "&")) {
            let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? decoded(Substring(parts[1]), isQuery: true) : ""
            query.append((decoded(Substring(parts[0]), isQuery: true), value))
        }
    }

    /// Proxies are sent whole URLs, and every server has to take them.
    private static func withoutAuthority(_ text: Substring) -> Substring {
        guard !text.hasPrefix("/") else { return text }
        for scheme in ["http://", "https://"] where text.prefix(scheme.utf8.count).lowercased() == scheme {
            let rest = text.dropFirst(scheme.count)
            return rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
        }
        return text
    }

    private mutating func decoded(_ text: Substring, isQuery: Bool) -> String {
        let percent = UInt8(ascii: "%")
        let plus = UInt8(ascii: "+")
        // What is printed is ASCII; the rest must be encoded.
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            isMalformed = true
            return ""
        }
        guard text.utf8.contains(where: { $0 == percent || isQuery && $0 == plus }) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            if byte == percent {
                guard let high = Self.digit(rest.popFirst()), let low = Self.digit(rest.popFirst()) else {
                    isMalformed = true
                    return ""
                }
                let value = high << 4 | low
                if value == 0 || !isQuery && value == UInt8(ascii: "/") { isMalformed = true }
                bytes.append(value)
            } else {
                bytes.append(isQuery && byte == plus ? UInt8(ascii: " ") : byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            isMalformed = true
            return ""
        }
        return decoded
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case let byte? where (0x30...0x39).contains(byte): byte - 0x30
        case let byte? where (0x41...0x46).contains(byte): byte - 0x41 + 10
        case let byte? where (0x61...0x66).contains(byte): byte - 0x61 + 10
        default: nil
        }
    }
}
