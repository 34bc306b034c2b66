import Testing

@testable import Podstack

@Suite("CommandWords", .timeLimit(.minutes(1)))
struct CommandWordsTests {
    @Test(
        "a command is split at whitespace, and quotes keep words together",
        arguments: [
            ("a b", ["a", "b"]), ("  a\t b \n", ["a", "b"]), ("'a b' c", ["a b", "c"]),
            (#""a 'b'" c"#, ["a 'b'", "c"]),
            (#"a\ b"#, ["a b"]), (#""a\"b\\c\d""#, [#"a"b\c\d"#]), (#"'a\'"#, [#"a\"#]), ("''", [""]), ("a''b", ["ab"]),
            ("", []), ("$HOME `id` ; rm", ["$HOME", "`id`", ";", "rm"]), ("é", ["é"]),
        ])
    func words(command: String, words: [String]) { #expect(CommandWords.split(command) == words) }

    @Test(
        "splitting a joined command returns the same words",
        arguments: [["a"], ["/my #1 'tools'/x", "get", "a-b"], ["'"], [""], [#"\"#, "\"", "$x"], ["é b", "\t"]])
    func join(words: [String]) { #expect(CommandWords.split(CommandWords.join(words)) == words) }

    @Test("a command with an unclosed quote is invalid", arguments: ["'a", "\"a", "a\\", "\"a\\\""])
    func unclosed(command: String) { #expect(CommandWords.split(command) == nil) }
}
