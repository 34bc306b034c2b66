/// An address of this service: a path, and a query. It leads nowhere else, and runs nothing.
struct Link: Sendable, Equatable {
    let text: String

    /// - Parameters:
    ///   - path: What stands in the source of the program, beginning with a slash.
    ///   - segments: What follows, each after a slash.
    init(_ path: StaticString, _ segments: String..., query: [(name: String, value: String)] = []) {
        var text = "\(path)"
        for segment in segments { text += "/" + Self.encoded(segment) }
        let items = query.map { Self.encoded($0.name) + "=" + Self.encoded($0.value) }
        self.text = items.isEmpty ? text : text + "?" + items.joined(separator: "&")
    }

    /// One that was sent along, to lead back to; nil when it leads anywhere but to this service.
    static func local(_ text: String) -> Link? {
        // Two slashes, or a slash and a backslash, begin the name of another host.
        guard text.hasPrefix("/"), !text.dropFirst().hasPrefix("/"), text.utf8.count <= 2048,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return nil }
        return Link(text)
    }

    /// Within the page.
    static func anchor(_ id: StaticString) -> Link { Link("#\(id)") }

    private init(_ text: String) { self.text = text }

    /// Source: RFC 3986, section 2.3.
    private static func encoded(_ text: String) -> String {
        if text.utf8.allSatisfy(isPlain) { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
