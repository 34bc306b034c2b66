/// A line of a pod's output.
struct PodLogLine: Sendable, Equatable {
    /// The time that the engine wrote in front of the line, as text that sorts by time; empty if there is none.
    var time: String
    var text: String
}

/// Splits the output of a pod, which arrives in pieces, into lines for a page.
struct PodLogReader {
    /// The bytes after which a line is cut off.
    private static let maxLineBytes = 4 << 10
    /// The bytes of a line without an end that are kept.
    private static let maxPendingBytes = 64 << 10

    /// The time of the last line that the page already displays.
    private var after: String
    private var pending: [EngineStream: [UInt8]] = [:]

    init(after: String = "") { self.after = after }

    /// Adds a piece of output, and returns the lines that it completes.
    mutating func receive(_ stream: EngineStream, _ bytes: UnsafeRawBufferPointer) -> [PodLogLine] {
        var lines: [PodLogLine] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let start = pending.removeValue(forKey: stream) ?? []
            if let line = line(start + rest[..<end]) { lines.append(line) }
            rest = rest[(end + 1)...]
        }
        let room = Self.maxPendingBytes - (pending[stream]?.count ?? 0)
        if !rest.isEmpty { pending[stream, default: []] += rest.prefix(max(0, room)) }
        return lines
    }

    /// Returns the lines that have no end.
    mutating func finish() -> [PodLogLine] {
        defer { pending = [:] }
        return [EngineStream.output, .error].compactMap { pending[$0].flatMap(line) }
    }

    /// Returns a line, or nil if the page displays it already.
    private func line(_ bytes: [UInt8]) -> PodLogLine? {
        var bytes = bytes[...]
        var time = ""
        if let end = bytes.prefix(40).firstIndex(of: UInt8(ascii: " ")), Self.isTime(bytes[..<end]) {
            time = String(decoding: bytes[..<end], as: UTF8.self)
            bytes = bytes[(end + 1)...]
        }
        guard time.isEmpty || time > after else { return nil }
        return PodLogLine(time: time, text: Self.display(bytes))
    }

    /// Returns whether text has the form of the engine's times, such as `2026-11-28T17:44:05.123456789Z`.
    static func isTime(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.count <= 35 && bytes.dropFirst(10).first == UInt8(ascii: "T") && bytes.count >= 20
            && bytes.allSatisfy { (0x30...0x39).contains($0) || "-+:.TZ".utf8.contains($0) }
    }

    /// Returns a line without the sequences by which programs control terminals.
    private static func display(_ line: ArraySlice<UInt8>) -> String {
        var bytes = line
        if bytes.last == UInt8(ascii: "\r") { bytes = bytes.dropLast() }
        // A progress bar overwrites its line.
        if let start = bytes.lastIndex(of: UInt8(ascii: "\r")) { bytes = bytes[(start + 1)...] }
        var kept: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex, kept.count < maxLineBytes {
            if bytes[index] == 0x1B {
                index = endOfSequence(bytes, index)
            } else {
                kept.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: kept, as: UTF8.self) + (kept.count == maxLineBytes ? "…" : "")
    }

    /// Returns the index after an escape sequence.
    ///
    /// Source: ECMA-48, sections 5.3 and 5.4.
    private static func endOfSequence(_ bytes: ArraySlice<UInt8>, _ start: Int) -> Int {
        var index = start + 1
        guard index < bytes.endIndex else { return index }
        let kind = bytes[index]
        index += 1
        switch kind {
        case UInt8(ascii: "["):
            while index < bytes.endIndex, !(0x40...0x7E).contains(bytes[index]) { index += 1 }
            return min(index + 1, bytes.endIndex)
        case UInt8(ascii: "]"):
            while index < bytes.endIndex, bytes[index] != 0x07, bytes[index] != 0x1B { index += 1 }
            return min(index + 1, bytes.endIndex)
        default: return index
        }
    }

    /// Encodes lines as server-sent events.
    ///
    /// Source: HTML, section 9.2.6.
    static func messages(_ lines: [PodLogLine]) -> String {
        lines.map { line in
            // A line has no line feed, and a carriage return would end the field.
            let text = line.text.replacing("\r", with: "")
            return (line.time.isEmpty ? "" : "id: \(line.time)\n") + "data: \(text)\n\n"
        }.joined()
    }
}
