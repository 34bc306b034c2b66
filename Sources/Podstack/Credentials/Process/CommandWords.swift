/// Splits a command into its words, without a shell: nothing in it is expanded or run. Pure.
package enum CommandWords {
    /// Nil when a quote is not closed.
    ///
    /// Words end at white space. `'…'` keeps everything, `"…"` everything but `\"` and `\\`; outside of quotes `\` takes the
    /// next character as it is.
    package static func split(_ command: String) -> [String]? {
        var words: [String] = []
        var word: [UInt8]?
        var quote: UInt8?
        var bytes = Array(command.utf8)[...]
        while let byte = bytes.popFirst() {
            switch (byte, quote) {
            case (_, UInt8(ascii: "'")) where byte != UInt8(ascii: "'"): word?.append(byte)
            case (UInt8(ascii: "\\"), UInt8(ascii: "\"")):
                let next = bytes.first
                if next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") { bytes.removeFirst() }
                word?.append(next == UInt8(ascii: "\"") ? UInt8(ascii: "\"") : byte)
            case (let byte, let open?) where byte == open: quote = nil
            case (_, .some): word?.append(byte)
            case (UInt8(ascii: "'"), nil), (UInt8(ascii: "\""), nil):
                quote = byte
                word = word ?? []
            case (UInt8(ascii: "\\"), nil):
                guard let next = bytes.popFirst() else { return nil }
                word = (word ?? []) + [next]
            case (0x20, nil), (0x09...0x0D, nil):
                if let complete = word { words.append(String(decoding: complete, as: UTF8.self)) }
                word = nil
            default: word = (word ?? []) + [byte]
            }
        }
        guard quote == nil else { return nil }
        if let word { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }

    /// The command whose words they are.
    package static func join(_ words: [String]) -> String {
        words.map { word in
            let isPlain = word.utf8.allSatisfy {
                Base62.isDigit($0) || $0 >= 0x80 || "/._-+:@".utf8.contains($0)
            }
            return isPlain && !word.isEmpty
                ? word
                : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
        }.joined(separator: " ")
    }
}
