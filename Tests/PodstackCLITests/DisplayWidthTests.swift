import Testing

@testable import PodstackCLI

@Suite("Columns of a terminal")
struct DisplayWidthTests {
    @Test(
        "a text takes as many as a terminal gives it",
        arguments: [
            ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("\u{301}", 0), ("日本語", 6), ("ｱ", 1), ("Ａ", 2),
            ("한국", 4), ("\u{1112}\u{1161}\u{11AB}", 2), ("👍", 2), ("👍🏽", 2), ("👩‍💻", 2), ("🇨🇭", 2), ("❤️", 2),
            ("1️⃣", 2), ("Привет", 6), ("नमस्ते", 4), ("…–", 2), ("𠀀", 2),
        ])
    func width(text: String, columns: Int) {
        #expect(DisplayWidth.of(text) == columns, "\(text.unicodeScalars.map { String($0.value, radix: 16) })")
    }

    @Test("the columns of a table stand below each other, and joined emoji stay joined")
    func table() {
        let text = Table.text(["NAME", "ID"], [["日本", "1"], ["👩‍💻 x", "2"], ["a\u{202E}b", "3"]])
        #expect(text == "NAME  ID\n日本  1\n👩‍💻 x  2\na?b   3")
    }
}
