import PodstackCommandLine
import Testing

@testable import PodstackCLI

@Suite("Tables", .timeLimit(.minutes(1)))
struct TableTests {
    @Test("columns are aligned by their width on a terminal, and control characters are replaced")
    func alignment() {
        let text = Table.text(["NAME", "ID"], [["日本", "1"], ["👩‍💻 x", "2"], ["a\u{202E}b", "3"]])
        #expect(text == "NAME  ID\n日本  1\n👩‍💻 x  2\na?b   3")
    }

    @Test("a later page has no header, and keeps the widths of the pages before")
    func pages() {
        var pages = Table.Pages(["NAME", "ID"])
        #expect(pages.text([["longest", "1"]]) == "NAME     ID\nlongest  1")
        #expect(pages.text([["x", "2"]]) == "x        2")
    }
}
