import PodstackCommandLine
import Testing

@Suite("Text on a terminal", .timeLimit(.minutes(1)))
struct TerminalTextTests {
    @Test(
        "a text needs as many columns as a terminal uses",
        arguments: [
            ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("\u{301}", 0), ("日本語", 6), ("ｱ", 1), ("Ａ", 2),
            ("한국", 4), ("\u{1112}\u{1161}\u{11AB}", 2), ("👍", 2), ("👍🏽", 2), ("👩‍💻", 2), ("🇨🇭", 2), ("❤️", 2),
            ("1️⃣", 2), ("Привет", 6), ("नमस्ते", 4), ("…–", 2), ("𠀀", 2),
        ])
    func width(text: String, columns: Int) {
        #expect(TerminalText.width(of: text) == columns, "\(text.unicodeScalars.map { String($0.value, radix: 16) })")
    }

    @Test("control characters are replaced, and joined emoji stay joined")
    func printable() {
        #expect(TerminalText.printable("a\u{1B}[2J\u{202E}b\n👩‍💻") == "a?[2J?b?👩‍💻")
    }
}
