/// What one line of a credentials file means. Works on bytes: `\r\n` is one `Character`.
enum INILine {
    struct Failure: Error {
        var reason: String
    }

    static func meaning(of line: ArraySlice<UInt8>) throws(Failure) -> INIDocument.Meaning {
        if line.contains(0) { throw Failure(reason: "there is a NUL character; is this a text file?") }
        let content = trim(line)
        guard let first = content.first, !startsComment(first) else { return .nothing }
        if first == UInt8(ascii: "[") { return .section(try sectionName(content)) }
        guard let equals = content.firstIndex(of: UInt8(ascii: "=")) else {
            throw Failure(reason: "expected [profile] or key = value")
        }
        let key = trim(content[..<equals])
        guard !key.isEmpty else { throw Failure(reason: "there is no key before =") }
        return .entry(key: try text(key).lowercased(), value: try value(content[(equals + 1)...]))
    }

    private static func sectionName(_ content: ArraySlice<UInt8>) throws(Failure) -> String {
        guard let close = content.firstIndex(of: UInt8(ascii: "]")) else {
            throw Failure(reason: "expected ] after the name of the profile")
        }
        guard isNothing(content[(close + 1)...]) else {
            throw Failure(reason: "only a comment may follow ]")
        }
        let name = trim(content[(content.startIndex + 1)..<close])
        guard !name.isEmpty else { throw Failure(reason: "the profile has no name") }
        return try text(name)
    }

    private static func value(_ raw: ArraySlice<UInt8>) throws(Failure) -> String {
        let trimmed = trim(raw)
        if let quote = trimmed.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
            let close = trimmed.dropFirst().firstIndex(of: quote), isNothing(trimmed[(close + 1)...])
        {
            return try text(trimmed[(trimmed.startIndex + 1)..<close])
        }
        let comment = raw.indices.dropFirst().first { isSpace(raw[$0 - 1]) && startsComment(raw[$0]) }
        return try text(trim(raw[..<(comment ?? raw.endIndex)]))
    }

    /// White space, then perhaps a comment.
    private static func isNothing(_ rest: ArraySlice<UInt8>) -> Bool {
        guard let first = trim(rest).first else { return true }
        return startsComment(first)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) throws(Failure) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(reason: "this is not UTF-8")
        }
        return text
    }

    private static func startsComment(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";")
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return bytes[first...last]
    }
}
