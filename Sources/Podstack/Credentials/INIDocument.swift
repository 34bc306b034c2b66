/// The text of a credentials file: its sections and entries, with every byte preserved.
struct INIDocument: Sendable {
    /// The reason why a text is not a credentials file, which never contains the text itself.
    struct Failure: Error, Equatable {
        /// The number of the line, from 1; nil when the failure is not about one line.
        var line: Int?
        var reason: String
    }

    struct Entry: Equatable {
        /// The key in lower case.
        var key: String
        var value: String
        /// The number of the line, from 1.
        var line: Int
    }

    private(set) var bytes: [UInt8]
    private var lines: [INILine]

    init(_ bytes: [UInt8]) throws(Failure) {
        self.bytes = bytes
        lines = try INIParser.lines(of: bytes)
    }

    var sectionNames: [String] {
        lines.compactMap { if case .section(let name) = $0.meaning { text(name) } else { nil } }
    }

    /// Returns the entries of a section in their order; nil when the section does not exist.
    func entries(of section: String) -> [Entry]? {
        guard let range = range(of: section) else { return nil }
        return range.compactMap { index in
            guard case .entry(let key, let value) = lines[index].meaning else { return nil }
            return Entry(key: text(key).lowercased(), value: text(value), line: index + 1)
        }
    }

    // MARK: - Changing

    /// Sets a key and preserves all other bytes; throws when the value or the name could not be read back.
    mutating func set(_ key: String, to value: String, section: String) throws(Failure) {
        let entry = try written(key, value)
        guard let range = range(of: section) else { return try append(section: section, entry + lineEnd) }
        if let index = index(of: key, in: range) {
            return try replace(lines[index].range, with: entry + lineEnd(of: lines[index]))
        }
        // After the last line with a meaning, before the blank lines that separate the section from the next.
        let last = range.last { lines[$0].meaning != .nothing } ?? range.lowerBound - 1
        let end = lines[last].range.upperBound
        let gap = isTerminated(lines[last]) ? [] : lineEnd
        try replace(end..<end, with: gap + entry + lineEnd(of: lines[last]))
    }

    /// Removes a key, and returns whether it existed.
    mutating func remove(_ key: String, section: String) throws(Failure) -> Bool {
        guard let range = range(of: section), let index = index(of: key, in: range) else { return false }
        try replace(lines[index].range, with: [])
        return true
    }

    /// Removes a section with its comments, and returns whether it existed.
    mutating func remove(section: String) throws(Failure) -> Bool {
        guard let range = range(of: section) else { return false }
        let start = lines[range.lowerBound - 1].range.lowerBound
        try replace(
            start..<(range.isEmpty ? lines[range.lowerBound - 1] : lines[range.upperBound - 1]).range.upperBound,
            with: [])
        return true
    }

    private mutating func append(section: String, _ entry: [UInt8]) throws(Failure) {
        let header = Array("[\(section)]".utf8)
        guard let line = try? INIParser.lines(of: header), line.count == 1, case .section(let name) = line[0].meaning,
            String(decoding: header[name], as: UTF8.self).utf8.elementsEqual(section.utf8)
        else { throw Failure(line: nil, reason: "\"\(section)\" cannot be the name of a profile") }
        let end = bytes.count..<bytes.count
        let gap = lines.last.map { isTerminated($0) ? lineEnd : lineEnd + lineEnd } ?? []
        try replace(end, with: gap + header + lineEnd + entry)
    }

    private mutating func replace(_ range: Range<Int>, with new: [UInt8]) throws(Failure) {
        var changed = bytes
        changed.replaceSubrange(range, with: new)
        self = try INIDocument(changed)
    }

    /// Returns an entry that reads back as the value: plain if possible, else in quotes.
    private func written(_ key: String, _ value: String) throws(Failure) -> [UInt8] {
        for line in ["\(key) = \(value)", "\(key) = \"\(value)\"", "\(key) = '\(value)'"] {
            guard let read = try? INIDocument(Array("[x]\n\(line)\n".utf8)).entries(of: "x"), read.count == 1,
                read[0].key == key, read[0].value.utf8.elementsEqual(value.utf8)
            else { continue }
            return Array(line.utf8)
        }
        throw Failure(line: nil, reason: "the value for \(key) cannot be written in this file")
    }

    // MARK: - Lines

    /// Returns the lines of a section, without its header.
    private func range(of section: String) -> Range<Int>? {
        let start = lines.firstIndex { line in
            guard case .section(let name) = line.meaning else { return false }
            return bytes[name].elementsEqual(section.utf8)
        }
        guard let start else { return nil }
        let end = lines[(start + 1)...].firstIndex { if case .section = $0.meaning { true } else { false } }
        return start + 1..<(end ?? lines.count)
    }

    private func index(of key: String, in range: Range<Int>) -> Int? {
        range.first {
            guard case .entry(let name, _) = lines[$0].meaning else { return false }
            return text(name).lowercased() == key
        }
    }

    private func isTerminated(_ line: INILine) -> Bool {
        guard let last = bytes[line.range].last else { return true }
        return last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r")
    }

    /// The line end of the file's first line.
    private var lineEnd: [UInt8] { lines.first.flatMap(ownLineEnd) ?? [0x0A] }

    /// Returns the line's own end: a new CR before an existing LF would merge into one line end.
    private func lineEnd(of line: INILine) -> [UInt8] { ownLineEnd(of: line) ?? lineEnd }

    private func ownLineEnd(of line: INILine) -> [UInt8]? {
        guard isTerminated(line) else { return nil }
        let text = bytes[line.range]
        return text.suffix(2) == [0x0D, 0x0A] ? [0x0D, 0x0A] : text.suffix(1).map(\.self)
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

// MARK: - Parsing

/// One line of a credentials file, as ranges of its bytes.
private struct INILine: Sendable {
    enum Meaning: Sendable, Equatable {
        /// A blank line or a comment.
        case nothing
        case section(Range<Int>)
        case entry(key: Range<Int>, value: Range<Int>)
    }

    /// The line with its end: LF, CRLF or CR.
    var range: Range<Int>
    var meaning: Meaning
}

/// Parses the bytes of a credentials file.
///
/// Works on bytes because `\r\n` is one `Character`.
private enum INIParser {
    typealias Failure = INIDocument.Failure

    static func lines(of bytes: [UInt8]) throws(Failure) -> [INILine] {
        try checkEncoding(bytes)
        var reader = INIReader(bytes)
        var lines: [INILine] = []
        var names = ININames()
        var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        // The byte order mark belongs to the first line, even when that line is empty.
        var lineStart = 0
        while lineStart < bytes.count {
            let (end, next) = reader.lineEnd(from: start)
            let number = lines.count + 1
            let meaning: INILine.Meaning
            do {
                meaning = try reader.meaning(of: start..<end)
                try names.record(meaning, bytes, line: number)
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
        throw Failure(line: line(of: valid, bytes), reason: "the line is not valid UTF-8")
    }

    private static func line(of offset: Int, _ bytes: [UInt8]) -> Int {
        var reader = INIReader(bytes)
        var number = 1
        var start = 0
        while true {
            let next = reader.lineEnd(from: start).next
            guard next <= offset, next < bytes.count else { return number }
            (number, start) = (number + 1, next)
        }
    }
}

/// A problem with one line, without its number.
private struct INISyntaxError: Error { var reason: String }

/// Rejects duplicate profiles and duplicate keys of a profile.
private struct ININames {
    private var sections: [ExactName: Int] = [:]
    private var keys: [String: Int] = [:]

    mutating func record(_ meaning: INILine.Meaning, _ bytes: [UInt8], line: Int) throws(INISyntaxError) {
        switch meaning {
        case .nothing: return
        case .section(let name):
            let text = ExactName(String(decoding: bytes[name], as: UTF8.self))
            if let first = sections.updateValue(line, forKey: text) {
                throw INISyntaxError(reason: "duplicate profile; the first is on line \(first)")
            }
            keys.removeAll(keepingCapacity: keys.count < 16)
        case .entry(let key, _):
            guard !sections.isEmpty else { throw INISyntaxError(reason: "a key before the first [profile]") }
            let text = lowercased(bytes[key])
            if let first = keys.updateValue(line, forKey: text) {
                throw INISyntaxError(reason: "duplicate key; the first is on line \(first)")
            }
        }
    }

    private func lowercased(_ key: ArraySlice<UInt8>) -> String {
        let isPlain = key.allSatisfy { $0 < 0x80 && !(0x41...0x5A).contains($0) }
        let text = String(decoding: key, as: UTF8.self)
        return isPlain ? text : text.lowercased()
    }
}

/// Finds the lines of a file and the ranges of their parts.
private struct INIReader {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Returns the end of the line, and the start of the next one.
    mutating func lineEnd(from start: Int) -> (end: Int, next: Int) {
        var index = start
        while index < bytes.count, bytes[index] != 0x0A, bytes[index] != 0x0D { index += 1 }
        guard index < bytes.count else { return (index, index) }
        let isPair = bytes[index] == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A
        return (index, index + (isPair ? 2 : 1))
    }

    func meaning(of line: Range<Int>) throws(INISyntaxError) -> INILine.Meaning {
        let content = trim(line)
        guard !content.isEmpty, !startsComment(bytes[content.lowerBound]) else { return .nothing }
        if bytes[content.lowerBound] == UInt8(ascii: "[") { return .section(try sectionName(content)) }
        guard let equals = first(UInt8(ascii: "="), in: content) else {
            throw INISyntaxError(reason: "expected [profile] or key = value")
        }
        let key = trim(content.lowerBound..<equals)
        guard !key.isEmpty else { throw INISyntaxError(reason: "there is no key before =") }
        return .entry(key: key, value: value(equals + 1..<content.upperBound))
    }

    private func sectionName(_ content: Range<Int>) throws(INISyntaxError) -> Range<Int> {
        guard let close = first(UInt8(ascii: "]"), in: content) else {
            throw INISyntaxError(reason: "expected ] after the name of the profile")
        }
        guard isNothing(close + 1..<content.upperBound) else {
            throw INISyntaxError(reason: "only a comment may follow ]")
        }
        let name = trim(content.lowerBound + 1..<close)
        guard !name.isEmpty else { throw INISyntaxError(reason: "the profile has no name") }
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

    /// Returns whether the range contains only whitespace and perhaps a comment.
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
