/// A second reader of credentials files, as simple as possible.
struct NaiveINI {
    struct Line {
        var number: Int
        var section: String
        var key: String
        var value: String
    }

    /// Parses a file; nil if it is invalid.
    private(set) var lines: [Line]? = []
    private(set) var sections: [String] = []
    /// Returns every line with its end.
    private(set) var ranges: [Range<Int>] = []
    let isTerminated: Bool
    var lineCount: Int { max(1, ranges.count) }

    init(_ bytes: [UInt8]) {
        isTerminated = bytes.isEmpty || bytes.last == 0x0A || bytes.last == 0x0D
        var start = 0
        for index in bytes.indices {
            let isPair = bytes[index] == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A
            guard bytes[index] == 0x0A || bytes[index] == 0x0D, !isPair else { continue }
            ranges.append(start..<index + 1)
            start = index + 1
        }
        if start < bytes.count { ranges.append(start..<bytes.count) }
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else {
            lines = nil
            return
        }
        for (index, range) in ranges.enumerated() {
            var line = bytes[range]
            if index == 0, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
            guard read(line, number: index + 1) else {
                lines = nil
                return
            }
        }
    }

    func entries(of section: String) -> [Line] {
        (lines ?? []).filter { $0.section.utf8.elementsEqual(section.utf8) }
    }

    private mutating func read(_ line: ArraySlice<UInt8>, number: Int) -> Bool {
        let content = trim(line)
        guard !isNothing(content) else { return true }
        if content.first == UInt8(ascii: "[") {
            guard let close = content.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let name = FuzzInput.text(trim(content[(content.startIndex + 1)..<close]))
            let isNew = !sections.contains { $0.utf8.elementsEqual(name.utf8) }
            guard isNothing(trim(content[(close + 1)...])), !name.isEmpty, isNew else { return false }
            sections.append(name)
            return true
        }
        guard let equals = content.firstIndex(of: UInt8(ascii: "=")), let section = sections.last else { return false }
        let key = FuzzInput.text(trim(content[..<equals])).lowercased()
        guard !key.isEmpty, !entries(of: section).contains(where: { $0.key == key }) else { return false }
        let value = FuzzInput.text(value(content[(equals + 1)...]))
        lines?.append(Line(number: number, section: section, key: key, value: value))
        return true
    }

    private func value(_ raw: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let content = trim(raw)
        if let quote = content.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") {
            let inner = content.dropFirst()
            if let close = inner.firstIndex(of: quote), isNothing(trim(inner[(close + 1)...])) {
                return inner[..<close]
            }
        }
        let comment = raw.indices.dropFirst().first { isNothing(raw[$0...]) && isSpace(raw[$0 - 1]) && raw[$0] > 0x20 }
        return trim(raw[..<(comment ?? raw.endIndex)])
    }

    /// Parses a text that has no white space at its start.
    private func isNothing(_ text: ArraySlice<UInt8>) -> Bool {
        text.isEmpty || text.first == UInt8(ascii: "#") || text.first == UInt8(ascii: ";")
    }

    private func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D].contains(byte) }

    private func trim(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let first = text.first, isSpace(first) { text.removeFirst() }
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }
}
