/// Takes the text of a `.env` apart, statement by statement, in the grammar of python-dotenv 1.2.4. Pure.
///
/// Works on the bytes of UTF-8: to a `Character`, a combining mark merges with the `=` or the quote before it.
struct DotEnvParser {
    struct Statement: Equatable {
        var key: String
        /// Nil when the key stands alone, which is not the same as an empty value.
        var value: String?
        var line: Int
    }

    private(set) var statements: [Statement] = []
    /// Where a statement begins that could not be understood; what follows its line was read on.
    private(set) var errorLines: [Int] = []

    private let bytes: [UInt8]
    private var index = 0
    private var line = 1
    /// Up to where `line` has counted.
    private var counted = 0

    private struct NotUnderstood: Error {}

    /// - Parameter bytes: Valid UTF-8 whose only line ends are LF, as ``DotEnvText`` gives it.
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

    /// Nil for a comment.
    private mutating func statement() throws(NotUnderstood) -> (key: String, value: String?)? {
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

    private mutating func quotedKey() throws(NotUnderstood) -> String {
        let start = index + 1
        guard let end = bytes[start...].firstIndex(of: .singleQuote), end > start else { throw NotUnderstood() }
        index = end + 1
        return text(start..<end)
    }

    private mutating func bareKey() throws(NotUnderstood) -> String {
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
        guard index > start else { throw NotUnderstood() }
        return text(start..<index)
    }

    private mutating func value(isAfterSpace: Bool) throws(NotUnderstood) -> String {
        switch current {
        case nil, .lineFeed: return ""
        case UInt8.singleQuote: return try quoted(.singleQuote, escapes: Self.singleQuoteEscape)
        case UInt8.doubleQuote: return try quoted(.doubleQuote, escapes: Self.doubleQuoteEscape)
        // `KEY= # note` has an empty value, `KEY=#x` has not.
        case UInt8.hash where isAfterSpace: return ""
        default: return unquoted()
        }
    }

    private mutating func quoted(
        _ quote: UInt8, escapes: (UInt8) -> UInt8?
    ) throws(NotUnderstood) -> String {
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
        guard end < bytes.count else { throw NotUnderstood() }
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

    /// To the end of the line, or to the white space before a `#`.
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

    /// What may follow: white space, a comment, the end of the line.
    private mutating func endOfStatement() throws(NotUnderstood) {
        skipWhitespace()
        if current == .hash {
            while index < bytes.count, bytes[index] != .lineFeed { index += 1 }
        }
        guard let byte = current else { return }
        guard byte == .lineFeed else { throw NotUnderstood() }
        index += 1
    }

    // MARK: - White space, lines, text

    /// Whether anything is left.
    @discardableResult
    private mutating func skipWhitespace(andLineEnds: Bool = false) -> Bool {
        while index < bytes.count {
            let length = PythonWhitespace.length(in: bytes, at: index)
            if length == 0 || (bytes[index] == .lineFeed && !andLineEnds) { break }
            index += length
        }
        return index < bytes.count
    }

    /// Skips white space, and tells whether there was any.
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
