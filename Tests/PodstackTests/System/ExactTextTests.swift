import PodstackSystem
import PodstackTestSupport
import PodstackTesting
import PodstackTransport
import Testing

@testable import Podstack

/// Text in which a character of a syntax and the scalar after it are one Character, or equal another character.
private let merging = ["\u{301}", "\u{200D}", "\u{FE0F}", "\u{20DD}"]

@Suite("Text whose syntax consists of bytes", .blocking, .timeLimit(.perTest))
struct ExactTextTests {
    @Test("bytes are replaced, found and split whatever follows them", arguments: merging)
    func bytes(mark: String) {
        let text = "a,\(mark)b,c"
        #expect(text.replacing(bytes: ",", with: ";").hasBytes(of: "a;\(mark)b;c"))
        #expect(text.split(byte: ",").count == 3)
        #expect(text.split(byte: ",", maxSplits: 1).map(String.init).last?.hasBytes(of: "\(mark)b,c") == true)
        #expect("://\(mark)".contains(bytes: "://"))
        #expect("--\(mark)".hasPrefix(bytes: "--"))
        #expect("é".hasBytes(of: "e\u{301}") == false)
        #expect("a;b".contains(bytes: "\u{37E}") == false)
        #expect("aXXbX".replacing(bytes: "XX", with: "") == "abX")
        #expect(",a,,".split(byte: ",", omittingEmptySubsequences: false) == ["", "a", "", ""])
    }

    @Test("a shell reads a quoted word as it was", arguments: merging + ["", "'", "$x `y` \\", "\n"])
    func quotes(mark: String) throws {
        for word in ["'\(mark)", "\\\(mark)'\(mark); exit 9 #", "a'\(mark)'\(mark)b"] {
            let result = try ToolProcess.run("/bin/sh", ["-c", "printf %s \(ShellQuotes.posix(word))"])
            #expect(result.status == 0)
            #expect(result.output.hasBytes(of: word), "\(word.debugDescription)")
            #expect(CommandWords.split(CommandWords.join([word, "b"]))?.first?.hasBytes(of: word) == true)
        }
        // In fish, a backslash is special in quotes, so that each must be written as two.
        guard merging.contains(mark) else { return }
        #expect(ShellQuotes.fish("\\\(mark)'\(mark)").hasBytes(of: "'\\\\\(mark)\\'\(mark)'"))
    }

    @Test("a program without a slash is found only in the absolute directories of PATH")
    func programs() throws {
        let folder = try TemporaryDirectory()
        let program = try folder.writeProgram("exit 0", to: "helper")
        #expect(ProgramSearch.find("helper", in: "/usr/bin:\(folder.path)") == program)
        #expect(ProgramSearch.find("helper", in: "/usr/bin") == nil)
        #expect(ProgramSearch.find("./helper", in: "") == "./helper")
        #expect(ProgramSearch.absolute(":.:bin:/a::/b:") == "/a:/b")
        #expect(ProgramSearch.absolute(".") == ProgramSearch.absolute(nil))
        // A directory is not a program.
        let parent = FilePath(folder.path).parent.text
        let name = String(FilePath(folder.path).description.split(byte: "/").last ?? "")
        #expect(ProgramSearch.find(name, in: parent) == nil)
    }

    @Test("no part of an address shows the password of a proxy", arguments: ["@\u{301}h:1", "/@h:1", "#x@h:1", "?@h"])
    func proxies(end: String) {
        let shown = ConnectionOptions(proxiesFrom: { $0 == "https_proxy" ? "http://user:pass\(end)" : nil }).secureProxy
            .map(ProxyAddress.displayed)
        #expect(shown?.contains("pass") == false)
        #expect(shown?.hasPrefix(bytes: "http://…@") == true)
    }
}
