/// Takes the bytes of a credentials file apart: to a `Character`, `\r\n` is one. Pure.
enum INIParser {
    typealias Failure = INIDocument.Failure

    static func lines(of bytes: [UInt8]) throws(Failure) -> [INILine] {
        try checkEncoding(bytes)
        var reader = Reader(bytes)
        var lines: [INILine] = []
        var names = Names()
        var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        // The mark belongs to the first line, which may be empty.
        var lineStart = 0
        while lineStart < bytes.count {
            let (end, next) = reader.lineEnd(from: start)
            let number = lines.count + 1
            let meaning: INILine.Meaning
            do {
                meaning = try reader.meaning(of: start..<end)
                try names.note(meaning, bytes, line: number)
            } catch {
                throw Failure(line: number, reason: error.reason)
            }
            lines.append(INILine(range: lineStart..<next, meaning: meaning))
            (start, lineStart) = (next, next)
        }
        return lines
    }

    private static func checkEncoding(_ bytes: [UInt8]) throws(Failure) {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw Failure(line: nil, reason: "the file is UTF-16; save it as UTF-8")
        }
        if let nul = bytes.firstIndex(of: 0) {
            throw Failure(line: line(of: nul, bytes), reason: "there is a NUL character; is this a text file?")
        }
        guard String(validating: bytes, as: UTF8.self) == nil else { return }
        let valid = UTF8Prefix.length(of: bytes)
        throw Failure(line: line(of: valid, bytes), reason: "this is not UTF-8")
    }

    private static func line(of offset: Int, _ bytes: [UInt8]) -> Int {
        var reader = Reader(bytes)
        var number = 1
        var start = 0
        while true {
            let next = reader.lineEnd(from: start).next
            guard next <= offset, next < bytes.count else { return number }
            (number, start) = (number + 1, next)
        }
    }

    struct Mistake: Error { var reason: String }
}

/// Sees that no profile, and no key of a profile, is given twice.
private struct Names {
    private var sections: [ExactName: Int] = [:]
    private var keys: [String: Int] = [:]

    mutating func note(_ meaning: INILine.Meaning, _ bytes: [UInt8], line: Int) throws(INIParser.Mistake) {
        switch meaning {
        case .nothing: return
        case .section(let name):
            let text = ExactName(String(decoding: bytes[name], as: UTF8.self))
            if let first = sections.updateValue(line, forKey: text) {
                throw INIParser.Mistake(reason: "this profile is given twice, first on line \(first)")
            }
            keys.removeAll(keepingCapacity: keys.count < 16)
        case .entry(let key, _):
            guard !sections.isEmpty else {
                throw INIParser.Mistake(reason: "a key stands before the first [profile]")
            }
            let text = lowercased(bytes[key])
            if let first = keys.updateValue(line, forKey: text) {
                throw INIParser.Mistake(reason: "this key is given twice, first on line \(first)")
            }
        }
    }

    private func lowercased(_ key: ArraySlice<UInt8>) -> String {
        let isPlain = key.allSatisfy { $0 < 0x80 && !(0x41...0x5A).contains($0) }
        let text = String(decoding: key, as: UTF8.self)
        return isPlain ? text : text.lowercased()
    }
}

/// Finds what the bytes mean, by their places.
private struct Reader {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Where the line ends, and where the next begins.
    mutating func lineEnd(from start: Int) -> (end: Int, next: Int) {
        var index = start
        while index < bytes.count, bytes[index] != 0x0A, bytes[index] != 0x0D { index += 1 }
        guard index < bytes.count else { return (index, index) }
        let isPair = bytes[index] == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A
        return (index, index + (isPair ? 2 : 1))
    }

    func meaning(of line: Range<Int>) throws(INIParser.Mistake) -> INILine.Meaning {
        let content = trim(line)
        guard !content.isEmpty, !startsComment(bytes[content.lowerBound]) else { return .nothing }
        if bytes[content.lowerBound] == UInt8(ascii: "[") { return .section(try sectionName(content)) }
        guard let equals = first(UInt8(ascii: "="), in: content) else {
            throw INIParser.Mistake(reason: "expected [profile] or key = value")
        }
        let key = trim(content.lowerBound..<equals)
        guard !key.isEmpty else { throw INIParser.Mistake(reason: "there is no key before =") }
        return .entry(key: key, value: value(equals + 1..<content.upperBound))
    }

    private func sectionName(_ content: Range<Int>) throws(INIParser.Mistake) -> Range<Int> {
        guard let close = first(UInt8(ascii: "]"), in: content) else {
            throw INIParser.Mistake(reason: "expected ] after the name of the profile")
        }
        guard isNothing(close + 1..<content.upperBound) else {
            throw INIParser.Mistake(reason: "only a comment may follow ]")
        }
        let name = trim(content.lowerBound + 1..<close)
        guard !name.isEmpty else { throw INIParser.Mistake(reason: "the profile has no name") }
        return name
    }

    private func value(_ raw: Range<Int>) -> Range<Int> {
        let trimmed = trim(raw)
        if !trimmed.isEmpty,
            bytes[trimmed.lowerBound] == UInt8(ascii: "\"") || bytes[trimmed.lowerBound] == UInt8(ascii: "'"),
            let close = first(bytes[trimmed.lowerBound], in: trimmed.lowerBound + 1..<trimmed.upperBound),
            isNothing(close + 1..<trimmed.upperBound)
        {
            return trimmed.lowerBound + 1..<close
        }
        var index = raw.lowerBound + 1
        while index < raw.upperBound {
            if startsComment(bytes[index]), isSpace(bytes[index - 1]) { return trim(raw.lowerBound..<index) }
            index += 1
        }
        return trimmed
    }

    /// White space, then perhaps a comment.
    private func isNothing(_ range: Range<Int>) -> Bool {
        let rest = trim(range)
        return rest.isEmpty || startsComment(bytes[rest.lowerBound])
    }

    private func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        var index = range.lowerBound
        while index < range.upperBound {
            if bytes[index] == byte { return index }
            index += 1
        }
        return nil
    }

    private func startsComment(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private func trim(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isSpace(bytes[start]) { start += 1 }
        while end > start, isSpace(bytes[end - 1]) { end -= 1 }
        return start..<end
    }
}
