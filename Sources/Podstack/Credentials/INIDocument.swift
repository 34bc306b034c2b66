/// The text of a credentials file: what it says, and every byte of how it says it. Pure.
struct INIDocument: Sendable {
    /// Why a text is no credentials file. Never holds the text itself.
    struct Failure: Error, Equatable {
        var line: Int?
        var reason: String
    }

    struct Entry: Equatable {
        /// In lower case.
        var key: String
        var value: String
        /// From 1.
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

    /// The entries of a section in their order; nil when it is not there.
    func entries(of section: String) -> [Entry]? {
        guard let range = range(of: section) else { return nil }
        return range.compactMap { index in
            guard case .entry(let key, let value) = lines[index].meaning else { return nil }
            return Entry(key: text(key).lowercased(), value: text(value), line: index + 1)
        }
    }

    /// Everything else stays byte for byte. Throws when the value, or the name, could not be read back.
    mutating func set(_ key: String, to value: String, section: String) throws(Failure) {
        let entry = try written(key, value)
        guard let range = range(of: section) else { return try append(section: section, entry + lineEnd) }
        if let index = index(of: key, in: range) {
            return try replace(lines[index].range, with: entry + lineEnd(of: lines[index]))
        }
        // Behind the last thing that the section says, before the blank lines that part it from the next.
        let last = range.last { lines[$0].meaning != .nothing } ?? range.lowerBound - 1
        let end = lines[last].range.upperBound
        let gap = isTerminated(lines[last]) ? [] : lineEnd
        try replace(end..<end, with: gap + entry + lineEnd(of: lines[last]))
    }

    /// Whether it was there.
    mutating func remove(_ key: String, section: String) throws(Failure) -> Bool {
        guard let range = range(of: section), let index = index(of: key, in: range) else { return false }
        try replace(lines[index].range, with: [])
        return true
    }

    /// Removes a whole section with its comments. Whether it was there.
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

    /// Plain if that can be read back, else in quotes.
    private func written(_ key: String, _ value: String) throws(Failure) -> [UInt8] {
        for line in ["\(key) = \(value)", "\(key) = \"\(value)\"", "\(key) = '\(value)'"] {
            guard let read = try? INIDocument(Array("[x]\n\(line)\n".utf8)).entries(of: "x"), read.count == 1,
                read[0].key == key, read[0].value.utf8.elementsEqual(value.utf8)
            else { continue }
            return Array(line.utf8)
        }
        throw Failure(line: nil, reason: "the value for \(key) cannot be written in this file")
    }

    /// The lines that belong to a section, without its own.
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

    /// As the file's first line has it.
    private var lineEnd: [UInt8] { lines.first.flatMap(ownLineEnd) ?? [0x0A] }

    /// The line's own: a CR of ours before an LF that follows would be one end of two.
    private func lineEnd(of line: INILine) -> [UInt8] { ownLineEnd(of: line) ?? lineEnd }

    private func ownLineEnd(of line: INILine) -> [UInt8]? {
        guard isTerminated(line) else { return nil }
        let text = bytes[line.range]
        return text.suffix(2) == [0x0D, 0x0A] ? [0x0D, 0x0A] : text.suffix(1).map(\.self)
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
