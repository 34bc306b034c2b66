/// The text of a credentials file: what it says, and every byte of how it says it. Pure.
struct INIDocument: Sendable {
    /// Why a text is no credentials file. Never holds the text itself.
    struct Failure: Error, Equatable {
        var line: Int?
        var reason: String
    }

    struct Entry: Equatable {
        var value: String
        var line: Int
    }

    enum Meaning: Equatable {
        case nothing
        case section(String)
        case entry(key: String, value: String)
    }

    struct Line {
        /// With its line end.
        var bytes: [UInt8]
        var meaning: Meaning
    }

    private var lines: [Line] = []
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    init(_ bytes: [UInt8]) throws(Failure) {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw Failure(line: nil, reason: "the file is UTF-16; save it as UTF-8")
        }
        var sections: [String: Int] = [:]
        var keys: [String: Int] = [:]
        var inSection = false
        for (index, raw) in Self.split(bytes).enumerated() {
            let number = index + 1
            let content = number == 1 && raw.starts(with: Self.byteOrderMark) ? raw.dropFirst(3) : raw[...]
            let meaning: Meaning
            do { meaning = try INILine.meaning(of: content) } catch {
                throw Failure(line: number, reason: error.reason)
            }
            switch meaning {
            case .nothing: break
            case .section(let name):
                if let first = sections.updateValue(number, forKey: name) {
                    throw Failure(line: number, reason: "this profile is given twice, first on line \(first)")
                }
                inSection = true
                keys = [:]
            case .entry(let key, _):
                guard inSection else {
                    throw Failure(line: number, reason: "a key stands before the first [profile]")
                }
                if let first = keys.updateValue(number, forKey: key) {
                    throw Failure(line: number, reason: "this key is given twice, first on line \(first)")
                }
            }
            lines.append(Line(bytes: raw, meaning: meaning))
        }
    }

    var bytes: [UInt8] { lines.flatMap(\.bytes) }

    var sectionNames: [String] {
        lines.compactMap { if case .section(let name) = $0.meaning { name } else { nil } }
    }

    /// The keys, in lower case, of a section; nil when it is not there.
    func entries(of section: String) -> [String: Entry]? {
        guard let range = range(of: section) else { return nil }
        var entries: [String: Entry] = [:]
        for index in range {
            if case .entry(let key, let value) = lines[index].meaning {
                entries[key] = Entry(value: value, line: index + 1)
            }
        }
        return entries
    }

    mutating func set(_ key: String, to value: String, section: String) throws(Failure) {
        let line = try Line(entry: key, value: value, lineEnd: lineEnd)
        guard let range = range(of: section) else {
            try append(section: section, line)
            return
        }
        if let index = index(of: key, in: range) {
            lines[index] = line
            return
        }
        // Behind the last thing that the section says, before the blank lines that part it from the next.
        let last = range.last { lines[$0].meaning != .nothing } ?? range.lowerBound - 1
        terminate(last)
        lines.insert(line, at: last + 1)
    }

    mutating func remove(_ key: String, section: String) -> Bool {
        guard let range = range(of: section), let index = index(of: key, in: range) else { return false }
        lines.remove(at: index)
        return true
    }

    private mutating func append(section: String, _ line: Line) throws(Failure) {
        let header = Array("[\(section)]".utf8)
        guard (try? INILine.meaning(of: header[...])) == .section(section) else {
            throw Failure(line: nil, reason: "\"\(section)\" cannot be the name of a profile")
        }
        if !lines.isEmpty {
            terminate(lines.count - 1)
            lines.append(Line(bytes: lineEnd, meaning: .nothing))
        }
        lines.append(Line(bytes: header + lineEnd, meaning: .section(section)))
        lines.append(line)
    }

    /// The lines that belong to a section, without its own.
    private func range(of section: String) -> Range<Int>? {
        guard let start = lines.firstIndex(where: { $0.meaning == .section(section) }) else { return nil }
        let end = lines[(start + 1)...].firstIndex { if case .section = $0.meaning { true } else { false } }
        return start + 1..<(end ?? lines.count)
    }

    private func index(of key: String, in range: Range<Int>) -> Int? {
        range.first { if case .entry(key, _) = lines[$0].meaning { true } else { false } }
    }

    /// The last line of a file may lack its end.
    private mutating func terminate(_ index: Int) {
        guard lines.indices.contains(index), let last = lines[index].bytes.last else { return }
        if last != UInt8(ascii: "\n") && last != UInt8(ascii: "\r") { lines[index].bytes += lineEnd }
    }

    /// As the file has them.
    private var lineEnd: [UInt8] {
        guard let first = lines.first?.bytes else { return [UInt8(ascii: "\n")] }
        if first.suffix(2) == [0x0D, 0x0A] { return [0x0D, 0x0A] }
        return first.last == 0x0D ? [0x0D] : [0x0A]
    }

    /// Each with its end: LF, CRLF or CR.
    private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte == 0x0A || byte == 0x0D else { continue }
            if byte == 0x0D, index < bytes.count, bytes[index] == 0x0A { index += 1 }
            lines.append(Array(bytes[start..<index]))
            start = index
        }
        if start < bytes.count { lines.append(Array(bytes[start...])) }
        return lines
    }
}

extension INIDocument.Line {
    fileprivate init(entry key: String, value: String, lineEnd: [UInt8]) throws(INIDocument.Failure) {
        let meaning = INIDocument.Meaning.entry(key: key, value: value)
        for written in ["\(key) = \(value)", "\(key) = \"\(value)\"", "\(key) = '\(value)'"] {
            let content = Array(written.utf8)
            guard !content.contains(0x0A), !content.contains(0x0D) else { continue }
            if (try? INILine.meaning(of: content[...])) == meaning {
                self.init(bytes: content + lineEnd, meaning: meaning)
                return
            }
        }
        throw INIDocument.Failure(line: nil, reason: "the value for \(key) cannot be written in this file")
    }
}
