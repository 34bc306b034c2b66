import PodstackCommandLine

/// JSON texts in their compact and their readable form.
///
/// Only whitespace changes: the order of keys, the numbers and the escapes of strings stay as they are.
enum JSONText {
    /// Returns a JSON text on one line.
    static func compact(_ json: [UInt8]) -> String {
        var bytes: [UInt8] = []
        forEachToken(in: json) { token, _ in bytes += token }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Returns a JSON text with one value per line, indented by two spaces.
    ///
    /// - Parameters:
    ///   - json: A valid JSON text.
    ///   - isStyled: Whether keys and strings are styled, for a terminal.
    /// - Returns: The readable text, without a newline at its end.
    static func pretty(_ json: [UInt8], isStyled: Bool = false) -> String {
        var text: [UInt8] = []
        var depth = 0
        var wasOpened = false
        func newLine() { text += Array("\n".utf8) + [UInt8](repeating: UInt8(ascii: " "), count: max(0, depth) * 2) }
        forEachToken(in: json) { token, next in
            let first = token.first ?? 0
            let isClosing = first == UInt8(ascii: "}") || first == UInt8(ascii: "]")
            if isClosing { depth -= 1 }
            if wasOpened != isClosing, wasOpened || isClosing { newLine() }
            wasOpened = false
            switch first {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                text.append(first)
                depth += 1
                wasOpened = true
            case UInt8(ascii: ","):
                text.append(first)
                newLine()
            case UInt8(ascii: ":"): text += Array(": ".utf8)
            case UInt8(ascii: "\"") where isStyled:
                let style = next == UInt8(ascii: ":") ? TextStyle.blue : .green
                text += Array(style.applied(to: String(decoding: token, as: UTF8.self)).utf8)
            default: text += token
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Calls a closure with each token of a JSON text, and the first byte of the token after it.
    private static func forEachToken(in json: [UInt8], _ body: (ArraySlice<UInt8>, _ next: UInt8?) -> Void) {
        var token = nextToken(in: json, from: 0)
        while let current = token {
            let following = nextToken(in: json, from: current.endIndex)
            body(current, following?.first)
            token = following
        }
    }

    private static func nextToken(in json: [UInt8], from index: Int) -> ArraySlice<UInt8>? {
        guard let start = json[index...].firstIndex(where: { !isSpace($0) }) else { return nil }
        var end = start + 1
        if json[start] == UInt8(ascii: "\"") {
            while end < json.count, json[end] != UInt8(ascii: "\"") {
                end += json[end] == UInt8(ascii: "\\") ? 2 : 1
            }
            return json[start..<min(end + 1, json.count)]
        }
        guard !isPunctuation(json[start]) else { return json[start..<end] }
        while end < json.count, !isPunctuation(json[end]), !isSpace(json[end]) { end += 1 }
        return json[start..<end]
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D: true
        default: false
        }
    }

    private static func isPunctuation(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ","),
            UInt8(ascii: ":"), UInt8(ascii: "\""):
            true
        default: false
        }
    }
}
