import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("Credentials file", .blocking, .timeLimit(.minutes(2)))
struct CredentialsFileTests {
    func value(_ line: String) throws -> String? {
        try INIDocument(Array("[p]\napi_token = \(line)\n".utf8)).entries(of: "p")?.first?.value
    }

    @Test(
        "quotes and comments in a value are read by the rules",
        arguments: [
            ("plain", "plain"), ("se#cret", "se#cret"), ("a # note", "a"), ("a ; note", "a"), ("a\t#n", "a"),
            ("\"a # b\"", "a # b"), ("'a;b' # note", "a;b"), ("\"open", "\"open"), ("a = b", "a = b"), ("# note", ""),
            ("a;b", "a;b"), ("\"a\"b", "\"a\"b"),
        ])
    func values(written: String, read: String) throws { #expect(try value(written) == read) }

    @Test("the documented example is parsed with every line end", arguments: ["\n", "\r\n", "\r"])
    func documentedExample(lineEnd: String) throws {
        let text = ["[default]", "api_token = one", "", "[production]", "API_Token = two"].joined(separator: lineEnd)
        let document = try INIDocument([0xEF, 0xBB, 0xBF] + Array(text.utf8))
        #expect(document.sectionNames == ["default", "production"])
        #expect(document.entries(of: "production") == [INIDocument.Entry(key: "api_token", value: "two", line: 5)])
        #expect(document.bytes == [0xEF, 0xBB, 0xBF] + Array(text.utf8))
    }

    @Test(
        "an invalid file is rejected with the number of the line",
        arguments: [
            ("key = 1", 1), ("[a]\nnonsense", 2), ("[a]\n[a]", 2), ("[a]\nk = 1\nk = 2", 3), ("[a]\nk = 1\nK = 2", 3),
            ("[a", 1), ("[]", 1), ("[a] b", 1),
            ("[a]\n\n= b", 3), ("[a]\nk = \u{0}", 2),
        ])
    func refused(text: String, line: Int) {
        let failure = #expect(throws: INIDocument.Failure.self) { try INIDocument(Array(text.utf8)) }
        #expect(failure?.line == line)
    }

    @Test("the error for UTF-16 names the encoding")
    func utf16() {
        let failure = #expect(throws: INIDocument.Failure.self) { try INIDocument([0xFF, 0xFE, 0x5B, 0]) }
        #expect(failure?.reason.contains("UTF-16") == true)
    }

    @Test("setting a value preserves all other bytes")
    func setKeepsTheRest() throws {
        let text = "# mine\r\n[a]\r\n  api_token = old ; note\r\nodd = 1\r\n\r\n[b]\r\nx=1"
        var document = try INIDocument(Array(text.utf8))
        try document.set("api_token", to: "new", section: "a")
        try document.set("api_token", to: "has # hash", section: "b")
        try document.set("api_token", to: "c", section: "c")
        #expect(
            String(decoding: document.bytes, as: UTF8.self)
                == "# mine\r\n[a]\r\napi_token = new\r\nodd = 1\r\n\r\n[b]\r\nx=1\r\napi_token = \"has # hash\"\r\n\r\n[c]\r\napi_token = c\r\n"
        )
    }

    @Test(
        "a new line ends like the line before it, so that no blank line is lost",
        arguments: [("k", "x=1\nk = 2\n\n"), ("x", "x = 2\n\n")])
    func mixedLineEnds(key: String, written: String) throws {
        var document = try INIDocument(Array("[b]\r[a]\nx=1\n\n[c]\n".utf8))
        try document.set(key, to: "2", section: "a")
        #expect(String(decoding: document.bytes, as: UTF8.self) == "[b]\r[a]\n\(written)[c]\n")
    }

    @Test("a value or a name that could not be read back is rejected")
    func unwritable() throws {
        var document = try INIDocument([])
        #expect(throws: INIDocument.Failure.self) { try document.set("k", to: "a\nb", section: "s") }
        #expect(throws: INIDocument.Failure.self) { try document.set("k", to: "a", section: "s]") }
        #expect(throws: INIDocument.Failure.self) { try document.set("k", to: "a", section: "s\n[t]") }
    }

    @Test(
        "random documents are preserved, and a value that was set is read back",
        arguments: TestSeed.selected)
    func randomDocuments(seed: UInt64) throws {
        let pieces = ["[a]", "[b]", "\n", "\r\n", "\r", "k = v", "x=\"y\"", "# c", "  ", "=", "'", "\"", "é", ";", "k"]
        var generator = SeededGenerator(seed: seed)
        func piece(_ pieces: [String]) -> String { pieces.randomElement(using: &generator) ?? "" }
        let inline = pieces.filter { !$0.contains("\n") && $0 != "\r" }
        var parsed = 0
        for _ in 0..<10_000 {
            let text = (0..<Int.random(in: 0...8, using: &generator)).map { _ in piece(pieces) }.joined()
            guard var document = try? INIDocument(Array(text.utf8)) else { continue }
            parsed += 1
            #expect(document.bytes == Array(text.utf8), "seed \(seed)")
            let value = (0..<3).map { _ in piece(inline) }.joined()
            guard (try? document.set("token", to: value, section: "a")) != nil else { continue }
            #expect(try INIDocument(document.bytes).entries(of: "a")?.first { $0.key == "token" }?.value == value)
        }
        #expect(parsed > 500)
    }

    @Test("a new file is readable only by its owner, and eight concurrent writers lose nothing")
    func concurrentWriters() async throws {
        let home = try TemporaryDirectory()
        let path = home.file("deep/.podstack/credentials")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    for round in 0..<5 {
                        var file = try CredentialsFile(path: path)
                        try file.set(.apiToken, to: "t\(writer)", profile: "p\(writer)-\(round)")
                        try file.save()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try CredentialsFile(path: path).profileNames.count == 40)
        #expect(try CredentialsFile(path: path).isReadableByOthers == false)
    }

    @Test("a file that cannot be parsed is never overwritten")
    func brokenFileIsKept() throws {
        let home = try TemporaryDirectory()
        let path = try home.write("what is this", to: "credentials")
        #expect(throws: ConfigurationError.self) {
            var file = try CredentialsFile(path: path)
            try file.set(.apiToken, to: "t", profile: "p")
            try file.save()
        }
        #expect(home.read("credentials") == "what is this")
    }
}
