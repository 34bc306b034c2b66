@testable import Podstack

/// The words of a `credential_process` command.
enum CommandWordsTarget {
    static func run(_ input: [UInt8]) {
        let text = FuzzInput.text(input)
        guard let words = CommandWords.split(text) else {
            require(text.utf8.contains { "'\"\\".utf8.contains($0) }, "only a quote can be left open")
            return
        }
        require(isSubsequence(words.flatMap(\.utf8), of: Array(text.utf8)), "words are made of the command's bytes")
        require(same(CommandWords.split(words.map(inSingleQuotes).joined(separator: " ")), words), "in '…' they stay")
        require(same(CommandWords.split(words.map(inDoubleQuotes).joined(separator: "\t")), words), "in \"…\" too")
        require(same(CommandWords.split(words.map(escaped).joined(separator: "\n")), words), "and behind backslashes")
    }

    private static func inSingleQuotes(_ word: String) -> String {
        "'" + replacing(word) { $0 == UInt8(ascii: "'") ? Array(#"'\''"#.utf8) : [$0] } + "'"
    }

    private static func inDoubleQuotes(_ word: String) -> String {
        "\"" + replacing(word) { "\"\\".utf8.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] } + "\""
    }

    /// Quotes a word; an empty word has no character to escape.
    private static func escaped(_ word: String) -> String {
        word.isEmpty ? "''" : replacing(word) { $0 < 0x80 ? [UInt8(ascii: "\\"), $0] : [$0] }
    }

    private static func replacing(_ word: String, _ replace: (UInt8) -> [UInt8]) -> String {
        FuzzInput.text(word.utf8.flatMap(replace))
    }

    private static func same(_ left: [String]?, _ right: [String]) -> Bool {
        left?.map { Array($0.utf8) } == right.map { Array($0.utf8) }
    }

    private static func isSubsequence(_ piece: [UInt8], of bytes: [UInt8]) -> Bool {
        var rest = piece[...]
        for byte in bytes where byte == rest.first { rest.removeFirst() }
        return rest.isEmpty
    }
}
