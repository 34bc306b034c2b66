/// A piece of a page.
///
/// What is not known when the program is built becomes part of a page through ``HTMLOutput/text(_:)`` alone, which
/// escapes it; there is no way around that.
protocol HTML {
    func write(to output: inout HTMLOutput)
}

/// The bytes of a page, as they are written.
struct HTMLOutput {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 16 << 10) { bytes.reserveCapacity(capacity) }

    /// What stands in the source of the program.
    mutating func markup(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Text of any origin, for between tags and between the quotes of an attribute.
    mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { source in
            var start = 0
            for (index, byte) in source.enumerated() {
                guard let reference = Self.reference(byte) else { continue }
                bytes.append(contentsOf: source[start..<index])
                markup(reference)
                start = index + 1
            }
            bytes.append(contentsOf: source[start...])
        }
    }

    /// What could end the text, or is no character of a page at all.
    private static func reference(_ byte: UInt8) -> StaticString? {
        switch byte {
        case UInt8(ascii: "&"): "&amp;"
        case UInt8(ascii: "<"): "&lt;"
        case UInt8(ascii: ">"): "&gt;"
        case UInt8(ascii: "\""): "&quot;"
        case UInt8(ascii: "'"): "&#39;"
        case UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): nil
        case 0..<0x20, 0x7F: "\u{FFFD}"
        default: nil
        }
    }
}

/// Text between tags.
struct Text: HTML {
    let text: String
    init(_ text: String) { self.text = text }
    func write(to output: inout HTMLOutput) { output.text(text) }
}

/// Nothing.
struct EmptyHTML: HTML {
    func write(to output: inout HTMLOutput) {}
}

/// A piece of a page that is made of others.
protocol Component: HTML {
    associatedtype Body: HTML
    @HTMLBuilder var body: Body { get }
}

extension Component {
    func write(to output: inout HTMLOutput) { body.write(to: &output) }
}
