/// A piece of a page.
///
/// What is not known when the program is built becomes part of a page through ``HTMLOutput/text(_:)`` alone, which
/// escapes it; there is no way around that.
protocol HTML {
    func write(to output: inout HTMLOutput)
}

/// The bytes of a page, as they are written.
///
/// In memory of its own: a page of a thousand rows is some hundred thousand short pieces, and an array asks with each
/// whether somebody else holds it.
struct HTMLOutput: ~Copyable {
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    private var count = 0

    init(capacity: Int = 16 << 10) {
        self.capacity = capacity
        memory = .allocate(byteCount: capacity, alignment: 1)
    }

    deinit { memory.deallocate() }

    var bytes: [UInt8] { Array(UnsafeRawBufferPointer(start: memory, count: count)) }

    /// What stands in the source of the program.
    mutating func markup(_ text: StaticString) {
        if text.hasPointerRepresentation {
            append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        } else {
            text.withUTF8Buffer { append(UnsafeRawBufferPointer($0)) }
        }
    }

    /// Text of any origin, for between tags and between the quotes of an attribute.
    mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { source in
            let source = UnsafeRawBufferPointer(source)
            var start = 0
            for index in 0..<source.count {
                let byte = source[index]
                // Most of what is written: letters, and all that is not ASCII.
                if byte > UInt8(ascii: ">"), byte != 0x7F { continue }
                guard let reference = Self.reference(byte) else { continue }
                append(UnsafeRawBufferPointer(rebasing: source[start..<index]))
                markup(reference)
                start = index + 1
            }
            append(UnsafeRawBufferPointer(rebasing: source[start...]))
        }
    }

    private mutating func append(_ piece: UnsafeRawBufferPointer) {
        guard let source = piece.baseAddress, piece.count > 0 else { return }
        if capacity - count < piece.count { grow(toHold: piece.count) }
        (memory + count).copyMemory(from: source, byteCount: piece.count)
        count += piece.count
    }

    private mutating func grow(toHold more: Int) {
        capacity = max(2 * capacity, count + more)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
        larger.copyMemory(from: memory, byteCount: count)
        memory.deallocate()
        memory = larger
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
