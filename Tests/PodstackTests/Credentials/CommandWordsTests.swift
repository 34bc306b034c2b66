import Testing

@testable import Podstack

@Suite("Words of a command")
struct CommandWordsTests {
    @Test(
        "words are split at white space, and quotes keep them together",
        arguments: [
            ("a b", ["a", "b"]), ("  a\t b \n", ["a", "b"]), ("'a b' c", ["a b", "c"]),
            (#""a 'b'" c"#, ["a 'b'", "c"]),
            (#"a\ b"#, ["a b"]), (#""a\"b\\c\d""#, [#"a"b\c\d"#]), (#"'a\'"#, [#"a\"#]), ("''", [""]), ("a''b", ["ab"]),
            ("", []), ("$HOME `id` ; rm", ["$HOME", "`id`", ";", "rm"]), ("é", ["é"]),
        ])
    func words(command: String, words: [String]) { #expect(CommandWords.split(command) == words) }

    @Test(
        "words that are joined come apart the same",
        arguments: [["a"], ["/my #1 'tools'/x", "get", "a-b"], ["'"], [""], [#"\"#, "\"", "$x"], ["é b", "\t"]])
    func join(words: [String]) { #expect(CommandWords.split(CommandWords.join(words)) == words) }

    @Test("a quote that is not closed is no command", arguments: ["'a", "\"a", "a\\", "\"a\\\""])
    func unclosed(command: String) { #expect(CommandWords.split(command) == nil) }
}
