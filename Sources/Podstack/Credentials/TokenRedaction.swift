import PodstackAPI

/// Removes tokens from text.
///
/// Every text that leaves the SDK or the command line passes here once: errors and events when they are created or read,
/// and the streams of the command line when they are written. Only ``APIToken/withSecret(_:)`` and the commands that
/// print a token on purpose bypass it.
package enum TokenRedaction {
    /// Returns the text with every token in the service's format cut to its public prefix.
    ///
    /// A token that was mistyped, cut, lengthened, wrapped to another line or percent-encoded is recognized too.
    ///
    /// - Parameter text: Any text.
    /// - Returns: The redacted text.
    package static func redact(_ text: String) -> String {
        var text = text
        guard text.withUTF8(TokenScanner.mayFindToken) else { return text }
        return String(decoding: redact(Array(text.utf8)), as: UTF8.self)
    }

    /// Returns whether a text contains a token in the service's format, also a damaged one.
    package static func isTokenContained(in text: String) -> Bool {
        var text = text
        guard text.withUTF8(TokenScanner.mayFindToken) else { return false }
        return !TokenScanner(Array(text.utf8)).matches().isEmpty
    }

    static func redact(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        // The text around a removed secret can look like another token, so the search is repeated. It ends, because each
        // round removes letters or digits.
        while bytes.withUnsafeBufferPointer(TokenScanner.mayFindToken) {
            let secrets = TokenScanner(bytes).matches()
            guard !secrets.isEmpty else { break }
            bytes = replace(secrets, in: bytes)
        }
        return bytes
    }

    private static func replace(_ secrets: [Range<Int>], in bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var copied = 0
        for secret in secrets {
            output += bytes[copied..<secret.lowerBound]
            output += "…".utf8
            copied = secret.upperBound
        }
        output += bytes[copied...]
        return output
    }

    /// Returns the text without tokens in the service's format and without one token in any format.
    static func redact(_ token: APIToken, in text: String) -> String {
        // The given token first: part of it may look like another token.
        redact(token.withSecret { replace(Array($0.utf8), by: "\(token)", in: text) })
    }

    /// Replaces bytes, because a `String` search misses a token that a combining mark follows.
    private static func replace(_ secret: [UInt8], by replacement: String, in text: String) -> String {
        // A shorter token is not a secret, and replacing it would garble the text.
        guard secret.count >= 8 else { return text }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == secret[0], bytes[index...].starts(with: secret) {
                output += replacement.utf8
                index += secret.count
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    static func redact(_ token: APIToken, in value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(redact(token, in: text))
        case .array(let values): .array(values.map { redact(token, in: $0) })
        case .object(let fields): .object(redact(token, in: fields))
        default: value
        }
    }

    /// Returns the fields with redacted names and values.
    static func redact(_ token: APIToken, in fields: [String: JSONValue]) -> [String: JSONValue] {
        Dictionary(fields.map { (redact(token, in: $0), redact(token, in: $1)) }, uniquingKeysWith: { $1 })
    }
}

// MARK: - Finding tokens

/// Finds the secret parts of tokens in a text.
///
/// Characters may be percent-encoded or written as escapes of JSON, and a token may be split by a few characters that
/// are not part of it, such as a line end in an email.
private struct TokenScanner {
    private static let scheme = TokenFormat.scheme
    /// The length of a token's secret with its checksum.
    private static let secretLength = TokenFormat.length - TokenFormat.scheme.count - TokenFormat.idLength - 1
    /// A run of so many letters and digits after `podstack_` is a secret or a part of one, and not a word of a name.
    private static let longRun = 16
    /// The most characters between the parts of a split token.
    private static let largestGap = 8

    /// The decoded characters.
    private var values: [UInt8] = []
    /// The offsets at which the characters start in the text, and its length.
    private var offsets: [Int] = []

    init(_ bytes: [UInt8]) {
        values.reserveCapacity(bytes.count)
        offsets.reserveCapacity(bytes.count + 1)
        var index = 0
        while index < bytes.count {
            offsets.append(index)
            let (value, length) = EscapedCharacter.decode(bytes, at: index)
            values.append(value)
            index += length
        }
        offsets.append(bytes.count)
    }

    /// Returns the ranges of the text to remove, in order: each is the part of a token after its public prefix.
    func matches() -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = 0
        while index < values.count {
            guard let secret = secret(at: index) ?? misspelledSecret(at: index) ?? secretWithoutScheme(at: index) else {
                index += 1
                continue
            }
            found.append(offsets[secret.lowerBound]..<offsets[secret.upperBound])
            index = secret.upperBound
        }
        return found
    }

    // MARK: Rules

    /// Returns the secret of a token that starts with `podstack_` at an index.
    private func secret(at index: Int) -> Range<Int>? {
        guard ASCIICase.lower(values[index]) == Self.scheme[0],
            values[index...].prefix(Self.scheme.count).elementsEqual(Self.scheme, by: ASCIICase.areEqual)
        else { return nil }
        let start = index + Self.scheme.count
        let end = wordEnd(from: start)
        let idEnd = start + TokenFormat.idLength
        guard idEnd < end, values[start..<idEnd].allSatisfy(Base62.isDigit), values[idEnd] == UInt8(ascii: "_") else {
            // The ID is damaged or missing, so nothing of the rest is known to be public.
            if longestRun(in: start..<end) >= Self.longRun { return start..<end }
            return splitSecret(after: start).map { start..<$0 }
        }
        let first = runEnd(from: idEnd + 1)
        if isID(start..<idEnd), let end = joinedEnd(from: first, count: first - idEnd - 1),
            isMixed(idEnd + 1..<end)
        {
            return idEnd..<end
        }
        if longestRun(in: idEnd + 1..<end) >= Self.longRun { return idEnd..<end }
        // A short piece of a secret differs from a word by its mix of letters and digits.
        guard isID(start..<idEnd), first - idEnd > 4, isMixed(idEnd + 1..<first) else { return nil }
        return idEnd..<end
    }

    /// Returns the secret of a token whose underscores are missing or are other characters, as in `podstack-ID-SECRET`.
    private func misspelledSecret(at index: Int) -> Range<Int>? {
        let word = Self.scheme.dropLast()
        guard ASCIICase.lower(values[index]) == Self.scheme[0],
            values[index...].prefix(word.count).elementsEqual(word, by: ASCIICase.areEqual)
        else { return nil }
        func afterSeparator(_ index: Int) -> Int {
            // Not whitespace, which separates the public prefix from another word.
            index < values.count && (0x21...0x7E).contains(values[index]) && !Base62.isDigit(values[index])
                ? index + 1 : index
        }
        let start = afterSeparator(index + word.count)
        let idEnd = start + TokenFormat.idLength
        guard idEnd < values.count, isID(start..<idEnd), case let first = afterSeparator(idEnd),
            case let end = runEnd(from: first), end - first >= Self.secretLength - 1, isMixed(first..<end)
        else { return nil }
        return idEnd..<end
    }

    /// Returns the secret of a token without the start of its scheme, such as after copying one word: `ID_SECRET`.
    private func secretWithoutScheme(at index: Int) -> Range<Int>? {
        guard values[index] == UInt8(ascii: "_"), index >= TokenFormat.idLength else { return nil }
        let end = runEnd(from: index + 1)
        guard end - index > Self.secretLength, isID(index - TokenFormat.idLength..<index), isMixed(index + 1..<end)
        else { return nil }
        return index..<end
    }

    /// Returns the end of a secret of which `count` characters were found, and the rest follows after gaps.
    ///
    /// Nil when the parts do not add up to a secret, of which one character may be damaged.
    private func joinedEnd(from start: Int, count: Int) -> Int? {
        var (end, missing) = (start, Self.secretLength - count)
        while missing > 1 {
            guard let next = nextRun(after: end) else { return nil }
            // Shorter runs are words, unless they are exactly what is missing.
            guard next.count >= 8 || next.count == missing || next.count == missing - 1 else { return nil }
            (end, missing) = (next.upperBound, missing - next.count)
        }
        return wordEnd(from: end)
    }

    /// Returns the end of a secret after a `podstack_` whose ID is split.
    private func splitSecret(after start: Int) -> Int? {
        // A whole ID is a public prefix, and the text after it is not a secret.
        guard runEnd(from: start) - start != TokenFormat.idLength, start < values.count, values[start] < 0x80 else {
            return nil
        }
        var index = start
        while index < min(values.count, start + 3 * Self.largestGap) {
            let end = runEnd(from: index)
            if end - index >= 32 { return wordEnd(from: end) }
            guard end < values.count, values[end] == UInt8(ascii: "_") || isGap(values[end]) else { return nil }
            index = end + 1
        }
        return nil
    }

    private func isID(_ range: Range<Int>) -> Bool {
        TokenFormat.isID(String(decoding: values[range].map(ASCIICase.lower), as: UTF8.self))
    }

    // MARK: Runs

    /// Returns the next run of letters and digits, if only a small gap is before it.
    private func nextRun(after index: Int) -> Range<Int>? {
        var start = index
        while start < values.count, isGap(values[start]) { start += 1 }
        // A damaged character, but not the separator of a path.
        if start == index, start < values.count, values[start] != UInt8(ascii: "/") { start += 1 }
        guard start > index, start - index <= Self.largestGap, start < values.count, Base62.isDigit(values[start])
        else { return nil }
        return start..<runEnd(from: start)
    }

    /// Returns whether a character may split a token: whitespace, a quote, or a character that is not ASCII.
    ///
    /// The characters between the words of a path or a name are not among them.
    private func isGap(_ value: UInt8) -> Bool {
        value <= 0x20 || value >= 0x7F || "?\\=\"'".utf8.contains(value)
    }

    private func runEnd(from index: Int) -> Int {
        var end = index
        while end < values.count, Base62.isDigit(values[end]) { end += 1 }
        return end
    }

    private func wordEnd(from index: Int) -> Int {
        var end = index
        while end < values.count, Base62.isDigit(values[end]) || values[end] == UInt8(ascii: "_") { end += 1 }
        return end
    }

    private func longestRun(in range: Range<Int>) -> Int {
        var (longest, length) = (0, 0)
        for index in range {
            length = Base62.isDigit(values[index]) ? length + 1 : 0
            longest = max(longest, length)
        }
        return longest
    }

    /// Returns whether at least two of the kinds lower case, upper case and digit occur.
    private func isMixed(_ range: Range<Int>) -> Bool {
        let kinds = [0x30...0x39, 0x41...0x5A, 0x61...0x7A].map { (kind: ClosedRange<UInt8>) in
            values[range].contains(where: kind.contains)
        }
        return kinds.count { $0 } > 1
    }

    /// Returns whether the text contains anything that ``matches()`` could start with; most texts do not.
    static func mayFindToken(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var run = 0
        for index in bytes.indices {
            let byte = bytes[index]
            if Base62.isDigit(byte) {
                run += 1
                if run >= secretLength { return true }
                continue
            }
            run = 0
            switch byte {
            case UInt8(ascii: "%"), UInt8(ascii: "\\"): return true
            case UInt8(ascii: "_"):
                let start = index + 1 - scheme.count
                if start >= 0, bytes[start...index].elementsEqual(scheme, by: ASCIICase.areEqual) { return true }
            default: break
            }
        }
        return false
    }
}

/// Compares letters without their case: a token that was changed to capitals still tells its secret.
private enum ASCIICase {
    static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 0x20 : byte }
    static func areEqual(_ left: UInt8, _ right: UInt8) -> Bool { lower(left) == lower(right) }
}

/// A character that is written as `%5F`, `%255F`, `\u005f` or `\x5f`.
private enum EscapedCharacter {
    /// Returns the character at an index and its length in bytes; a character that is not escaped is one byte.
    static func decode(_ bytes: [UInt8], at index: Int) -> (value: UInt8, length: Int) {
        let byte = bytes[index]
        var digits = index + 1
        switch byte {
        case UInt8(ascii: "%"):
            // Encoded several times: the percent sign itself is `%25`.
            while digits + 1 < bytes.count, bytes[digits] == UInt8(ascii: "2"), bytes[digits + 1] == UInt8(ascii: "5") {
                digits += 2
            }
        case UInt8(ascii: "\\"):
            let rest = bytes[digits...]
            if rest.starts(with: "u00".utf8) {
                digits += 3
            } else if rest.starts(with: "u{".utf8) {
                return scalar(rest.dropFirst(2)) ?? (byte, 1)
            } else if rest.starts(with: "x".utf8) {
                digits += 1
            } else if let next = rest.first, "nrt".utf8.contains(next) {
                return (gap, 2)
            } else {
                return (byte, 1)
            }
        default: return (byte, 1)
        }
        guard digits + 1 < bytes.count, let high = value(bytes[digits]), let low = value(bytes[digits + 1])
        else { return (byte, 1) }
        let decoded = high << 4 | low
        guard Base62.isDigit(decoded) || decoded == UInt8(ascii: "_") else {
            return byte == UInt8(ascii: "%") ? (byte, 1) : (gap, digits + 2 - index)
        }
        return (decoded, digits + 2 - index)
    }

    /// Stands for a character that is neither a letter, a digit nor an underscore.
    private static let gap: UInt8 = 0x7F

    /// Decodes the rest of an escape such as `\u{200b}`, which paths have in messages; nil if it is not one.
    private static func scalar(_ rest: ArraySlice<UInt8>) -> (value: UInt8, length: Int)? {
        let digits = rest.prefix(6).prefix { value($0) != nil }
        guard !digits.isEmpty, digits.endIndex < rest.endIndex, rest[digits.endIndex] == UInt8(ascii: "}") else {
            return nil
        }
        let number = digits.reduce(UInt32(0)) { $0 << 4 | UInt32(value($1) ?? 0) }
        let decoded = UInt8(exactly: number).flatMap { Base62.isDigit($0) || $0 == UInt8(ascii: "_") ? $0 : nil }
        return (decoded ?? gap, digits.count + 4)
    }

    /// The value of a hexadecimal digit.
    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

// MARK: - Streams

/// Redacts a text that arrives in pieces, and a token that is split between two of them.
///
/// It holds back only the end of a piece that may be the start of a token.
package struct StreamRedactor: Sendable {
    /// The end of what was passed on, in which a token may have started.
    private var seen: [UInt8] = []
    private var held: [UInt8] = []

    /// No token with its damage is longer; text without a space that is longer is passed on.
    private static let mostHeld = 4096
    private static let mostSeen = 16

    package init() {}

    /// Returns the redacted part of the text so far that no later piece can change.
    package mutating func pass(_ text: String) -> String {
        held += text.utf8
        let bytes = seen + held
        let start = held.count > Self.mostHeld ? bytes.count : OpenToken.start(in: bytes)
        return release(upTo: max(start, seen.count), of: bytes)
    }

    /// Returns the rest of the text.
    package mutating func finish() -> String {
        let bytes = seen + held
        return release(upTo: bytes.count, of: bytes)
    }

    private mutating func release(upTo end: Int, of bytes: [UInt8]) -> String {
        // A token that started in the part that was passed on has at most its public prefix there.
        let passed = TokenRedaction.redact(Array(bytes[..<end])).dropFirst(seen.count)
        held = Array(bytes[end...])
        seen = Array((seen + passed).suffix(Self.mostSeen))
        return String(decoding: passed, as: UTF8.self)
    }
}

/// The start of a token at the end of a text whose rest has not arrived.
private enum OpenToken {
    private static let scheme = TokenFormat.scheme
    /// Fewer characters are not held back: most texts that end with them do not continue with a token.
    private static let shortestStart = 3

    /// Returns the offset at which a token may start that continues after the text; the length of the text if none does.
    static func start(in bytes: [UInt8]) -> Int {
        var word = bytes.count
        while word > 0, isPart(bytes[word - 1]) { word -= 1 }
        var index = word
        while index < bytes.count {
            if startsToken(bytes, at: index) { return index }
            index += 1
        }
        return bytes.count
    }

    private static func isPart(_ byte: UInt8) -> Bool {
        Base62.isDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "\\")
    }

    private static func startsToken(_ bytes: [UInt8], at start: Int) -> Bool {
        var index = start
        var matched = 0
        while index < bytes.count, matched < scheme.count {
            let (value, length) = EscapedCharacter.decode(bytes, at: index)
            guard ASCIICase.areEqual(value, scheme[matched]) else {
                // The end may be the first part of an escape.
                let isEscape = value == UInt8(ascii: "%") || value == UInt8(ascii: "\\")
                guard isEscape, bytes.count - index < 8 else { return startsID(bytes[start...]) }
                return true
            }
            (matched, index) = (matched + 1, index + length)
        }
        return matched >= shortestStart || startsID(bytes[start...])
    }

    /// Returns whether a text is an ID, `_` and a part of a secret.
    private static func startsID(_ bytes: ArraySlice<UInt8>) -> Bool {
        let id = bytes.prefix(TokenFormat.idLength)
        let rest = bytes.dropFirst(TokenFormat.idLength)
        return TokenFormat.isID(String(decoding: id.map(ASCIICase.lower), as: UTF8.self))
            && rest.first == UInt8(ascii: "_")
            && rest.dropFirst().allSatisfy(Base62.isDigit)
    }
}

// MARK: - Text on one line

/// Makes text from elsewhere safe to display: one line, without terminal control characters and tokens.
enum OneLine {
    /// Returns the text on one line.
    ///
    /// - Parameters:
    ///   - text: Any text.
    ///   - token: A token to remove whatever its format; tokens in the service's format are always removed.
    ///   - most: The most Unicode scalars to keep.
    /// - Returns: The text, which ends in `…` if it was longer.
    static func of(_ text: String, without token: APIToken? = nil, most: Int = 1000) -> String {
        // Replaced by spaces and not dropped, so that two pieces cannot join to form a token.
        let visible = String(String.UnicodeScalarView(text.unicodeScalars.map { isVisible($0) ? $0 : " " }))
        // Redacted before it is cut, so that no part of a token is left.
        let redacted = token.map { TokenRedaction.redact($0, in: visible) } ?? TokenRedaction.redact(visible)
        let scalars = redacted.unicodeScalars
        let cut = String(scalars.prefix(most)).split { $0.isWhitespace }.joined(separator: " ")
        return scalars.count > most ? cut + "…" : cut
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
