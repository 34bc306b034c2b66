/// Parses the text of a `.env` file into statements, with the grammar of python-dotenv 1.2.4.
///
/// Works on bytes, because a combining mark merges with the `=` or the quote before it into one `Character`.
struct DotEnvParser {
    struct Statement: Equatable {
        var key: String
        /// The value; nil when the key has no `=`, which is not the same as an empty value.
        var value: String?
        var line: Int
    }

    private(set) var statements: [Statement] = []
    /// The lines of statements that could not be parsed; parsing continued on the next line.
    private(set) var errorLines: [Int] = []

    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    /// The offset up to which `line` has counted line ends.
    private var counted = 0

    private struct SyntaxError: Error {}

    /// Parses a text.
    ///
    /// - Parameter bytes: Valid UTF-8 whose only line ends are LF, as ``DotEnvText`` returns it.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        while skipWhitespace(andLineEnds: true) {
            let line = currentLine()
            do {
                if let (key, value) = try statement() {
                    statements.append(Statement(key: key, value: value, line: line))
                }
            } catch {
                errorLines.append(line)
                while index < bytes.count, bytes[index] != .lineFeed { index += 1 }
                if index < bytes.count { index += 1 }
            }
        }
    }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// Parses one statement; returns nil for a comment.
    private mutating func statement() throws(SyntaxError) -> (key: String, value: String?)? {
        if current == .hash {
            try endOfStatement()
            return nil
        }
        skipExport()
        let key: String? = current == .hash ? nil : current == .singleQuote ? try quotedKey() : try bareKey()
        skipWhitespace()
        var value: String?
        if current == UInt8(ascii: "=") {
            index += 1
            value = try self.value(isAfterSpace: skipped())
        }
        try endOfStatement()
        return key.map { ($0, value) }
    }

    private mutating func skipExport() {
        let word = "export".utf8
        guard bytes[index...].starts(with: word) else { return }
        let start = index
        index += word.count
        if !skipped() { index = start }
    }

    private mutating func quotedKey() throws(SyntaxError) -> String {
        let start = index + 1
        guard let end = bytes[start...].firstIndex(of: .singleQuote), end > start else { throw SyntaxError() }
        index = end + 1
        return text(start..<end)
    }

    private mutating func bareKey() throws(SyntaxError) -> String {
        let start = index
        while let byte = current, byte != UInt8(ascii: "="), byte != .hash {
            if byte < 0x80 {
                if PythonWhitespace.isASCII(byte) { break }
                index += 1
            } else {
                if PythonWhitespace.length(in: bytes, at: index) > 0 { break }
                index += 1
            }
        }
        guard index > start else { throw SyntaxError() }
        return text(start..<index)
    }

    private mutating func value(isAfterSpace: Bool) throws(SyntaxError) -> String {
        switch current {
        case nil, .lineFeed: return ""
        case UInt8.singleQuote: return try quoted(.singleQuote, escapes: Self.singleQuoteEscape)
        case UInt8.doubleQuote: return try quoted(.doubleQuote, escapes: Self.doubleQuoteEscape)
        // `KEY= # note` has an empty value; `KEY=#x` has the value `#x`.
        case UInt8.hash where isAfterSpace: return ""
        default: return unquoted()
        }
    }

    private mutating func quoted(
        _ quote: UInt8, escapes: (UInt8) -> UInt8?
    ) throws(SyntaxError) -> String {
        let start = index + 1
        var end = start
        var hasEscapes = false
        while end < bytes.count, bytes[end] != quote {
            // A backslash always takes the next character with it.
            if bytes[end] == .backslash {
                hasEscapes = true
                end += 1
            }
            end += 1
        }
        guard end < bytes.count else { throw SyntaxError() }
        index = end + 1
        guard hasEscapes else { return text(start..<end) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(end - start)
        var position = start
        while position < end {
            if bytes[position] == .backslash, let escaped = escapes(bytes[position + 1]) {
                decoded.append(escaped)
                position += 2
            } else {
                decoded.append(bytes[position])
                position += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    /// Parses a value that ends at the end of the line, or at whitespace before a `#`.
    private mutating func unquoted() -> String {
        let start = index
        var end = start
        while let byte = current, byte != .lineFeed {
            let space = PythonWhitespace.length(in: bytes, at: index)
            if space > 0 {
                index += space
                if current == .hash { break }
            } else {
                index += 1
                end = index
            }
        }
        return text(start..<end)
    }

    /// Skips the whitespace, the comment and the line end that may follow a statement.
    private mutating func endOfStatement() throws(SyntaxError) {
        skipWhitespace()
        if current == .hash {
            while index < bytes.count, bytes[index] != .lineFeed { index += 1 }
        }
        guard let byte = current else { return }
        guard byte == .lineFeed else { throw SyntaxError() }
        index += 1
    }

    // MARK: - Whitespace, lines, text

    /// Skips whitespace, and returns whether any bytes are left.
    @discardableResult
    private mutating func skipWhitespace(andLineEnds: Bool = false) -> Bool {
        while index < bytes.count {
            let length = PythonWhitespace.length(in: bytes, at: index)
            if length == 0 || (bytes[index] == .lineFeed && !andLineEnds) { break }
            index += length
        }
        return index < bytes.count
    }

    /// Skips whitespace, and returns whether there was any.
    private mutating func skipped() -> Bool {
        let start = index
        skipWhitespace()
        return index > start
    }

    private mutating func currentLine() -> Int {
        for byte in bytes[counted..<index] where byte == .lineFeed { line += 1 }
        counted = index
        return line
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    private static func singleQuoteEscape(_ byte: UInt8) -> UInt8? {
        byte == .backslash || byte == .singleQuote ? byte : nil
    }

    private static func doubleQuoteEscape(_ byte: UInt8) -> UInt8? {
        switch byte {
        case .backslash, .singleQuote, .doubleQuote: byte
        case UInt8(ascii: "a"): 0x07
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "v"): 0x0B
        default: nil
        }
    }
}

extension UInt8 {
    fileprivate static let lineFeed = UInt8(ascii: "\n")
    fileprivate static let hash = UInt8(ascii: "#")
    fileprivate static let backslash = UInt8(ascii: "\\")
    fileprivate static let singleQuote = UInt8(ascii: "'")
    fileprivate static let doubleQuote = UInt8(ascii: "\"")
}

// MARK: - Encoding

/// Prepares the bytes of a `.env` file for the parser: valid UTF-8, LF line ends, no byte order mark.
enum DotEnvText {
    struct NotUTF8: Error, Equatable {
        /// The offset of the first invalid byte, from 0.
        var offset: Int
    }

    static func normalized(_ bytes: [UInt8]) throws(NotUTF8) -> [UInt8] {
        try check(bytes)
        let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        guard content.contains(UInt8(ascii: "\r")) else { return Array(content) }
        var text: [UInt8] = []
        text.reserveCapacity(content.count)
        var previous: UInt8 = 0
        for byte in content {
            if byte == UInt8(ascii: "\r") {
                text.append(UInt8(ascii: "\n"))
            } else if !(byte == UInt8(ascii: "\n") && previous == UInt8(ascii: "\r")) {
                text.append(byte)
            }
            previous = byte
        }
        return text
    }

    private static func check(_ bytes: [UInt8]) throws(NotUTF8) {
        // Most files are valid, and validating is faster than finding the offset.
        guard String(validating: bytes, as: UTF8.self) == nil else { return }
        throw NotUTF8(offset: UTF8Prefix.length(of: bytes))
    }
}

/// Whitespace in UTF-8 as Python's `str.isspace` and regular expressions define it.
enum PythonWhitespace {
    /// Returns the number of bytes of the whitespace at an index; 0 when there is none.
    static func length(in bytes: [UInt8], at index: Int) -> Int {
        let first = bytes[index]
        if first < 0x80 { return isASCII(first) ? 1 : 0 }
        switch first {
        case 0xC2:
            // U+0085, U+00A0
            return matches(bytes, index, 2) { $0.0 == 0x85 || $0.0 == 0xA0 }
        case 0xE1:
            // U+1680
            return matches(bytes, index, 3) { $0.0 == 0x9A && $0.1 == 0x80 }
        case 0xE2:
            // U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F
            return matches(bytes, index, 3) {
                $0.0 == 0x80 && ((0x80...0x8A).contains($0.1) || [0xA8, 0xA9, 0xAF].contains($0.1))
                    || $0.0 == 0x81 && $0.1 == 0x9F
            }
        case 0xE3:
            // U+3000
            return matches(bytes, index, 3) { $0.0 == 0x80 && $0.1 == 0x80 }
        default: return 0
        }
    }

    /// Returns whether an ASCII byte is whitespace in Unicode or one of the separators U+001C to U+001F.
    static func isASCII(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte) || (0x1C...0x1F).contains(byte)
    }

    private static func matches(
        _ bytes: [UInt8], _ index: Int, _ length: Int, _ isSpace: ((UInt8, UInt8)) -> Bool
    ) -> Int {
        guard index + length <= bytes.count else { return 0 }
        return isSpace((bytes[index + 1], length > 2 ? bytes[index + 2] : 0)) ? length : 0
    }
}
