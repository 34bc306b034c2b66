/// A piece of a page.
///
/// Text that is not part of the program's source enters a page only through ``HTMLOutput/text(_:)``, which escapes it.
protocol HTML {
    func write(to output: inout HTMLOutput)
}

/// A piece of a page that consists of other pieces.
protocol Component: HTML {
    associatedtype Body: HTML
    @HTMLBuilder var body: Body { get }
}

extension Component {
    func write(to output: inout HTMLOutput) { body.write(to: &output) }
}

/// Text between tags.
struct Text: HTML {
    let text: String
    init(_ text: String) { self.text = text }
    func write(to output: inout HTMLOutput) { output.text(text) }
}

/// A piece that writes nothing.
struct EmptyHTML: HTML {
    func write(to output: inout HTMLOutput) {}
}

// MARK: - Output

/// A buffer that collects the bytes of a page.
///
/// It manages its own memory: a page of a thousand rows consists of several hundred thousand short pieces, and an array
/// would check with each of them whether its storage is shared.
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

    /// Appends markup from the program's source as it is.
    mutating func markup(_ text: StaticString) {
        if text.hasPointerRepresentation {
            append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        } else {
            text.withUTF8Buffer { append(UnsafeRawBufferPointer($0)) }
        }
    }

    /// Appends text of any origin, escaped for use between tags and in a quoted attribute.
    mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { source in
            let source = UnsafeRawBufferPointer(source)
            var start = 0
            for index in 0..<source.count {
                let byte = source[index]
                // Most bytes end here: letters, and everything outside ASCII.
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
        if capacity - count < piece.count { grow(by: piece.count) }
        (memory + count).copyMemory(from: source, byteCount: piece.count)
        count += piece.count
    }

    private mutating func grow(by size: Int) {
        capacity = max(2 * capacity, count + size)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
        larger.copyMemory(from: memory, byteCount: count)
        memory.deallocate()
        memory = larger
    }

    /// Returns the replacement for a byte that could end the text or that HTML forbids, or nil for every other byte.
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

// MARK: - Builder

/// Builds a page from its pieces, written one after another.
///
/// Parameters are consumed: a borrowed piece would be copied into the result, and a page of a thousand rows would then
/// take a quarter longer.
@resultBuilder
enum HTMLBuilder {
    static func buildExpression(_ text: consuming String) -> Text { Text(text) }
    static func buildExpression<Content: HTML>(_ content: consuming Content) -> Content { content }
    static func buildBlock() -> EmptyHTML { EmptyHTML() }
    // Pairs instead of a parameter pack: with a pack, the runtime looks up the type of each tuple again and again, which
    // is half of the time that a long page takes.
    static func buildPartialBlock<Content: HTML>(first content: consuming Content) -> Content { content }
    static func buildPartialBlock<First: HTML, Next: HTML>(
        accumulated first: consuming First, next: consuming Next
    ) -> HTMLPair<First, Next> {
        HTMLPair(first: first, next: next)
    }
    static func buildOptional<Content: HTML>(_ content: consuming Content?) -> OptionalHTML<Content> {
        OptionalHTML(content: content)
    }
    static func buildEither<First: HTML, Second: HTML>(first: consuming First) -> EitherHTML<First, Second> {
        .first(first)
    }
    static func buildEither<First: HTML, Second: HTML>(second: consuming Second) -> EitherHTML<First, Second> {
        .second(second)
    }
    static func buildArray<Content: HTML>(_ contents: consuming [Content]) -> HTMLList<Content> {
        HTMLList(contents: contents)
    }
}

/// Two pieces, one after the other.
struct HTMLPair<First: HTML, Next: HTML>: HTML {
    let first: First
    let next: Next
    func write(to output: inout HTMLOutput) {
        first.write(to: &output)
        next.write(to: &output)
    }
}

/// The result of an `if` without `else`.
struct OptionalHTML<Content: HTML>: HTML {
    let content: Content?
    func write(to output: inout HTMLOutput) { content?.write(to: &output) }
}

/// The result of an `if` with `else`, or of a `switch`.
enum EitherHTML<First: HTML, Second: HTML>: HTML {
    case first(First)
    case second(Second)

    func write(to output: inout HTMLOutput) {
        switch self {
        case .first(let content): content.write(to: &output)
        case .second(let content): content.write(to: &output)
        }
    }
}

/// The result of a `for` loop.
struct HTMLList<Content: HTML>: HTML {
    let contents: [Content]
    func write(to output: inout HTMLOutput) { for content in contents { content.write(to: &output) } }
}
