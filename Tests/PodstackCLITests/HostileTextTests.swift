import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import PodstackCLI

@Suite("Text of the service on a terminal", .timeLimit(.perTest))
struct HostileTextTests {
    /// A C1 control sequence, an override of the direction, DEL, a line separator, an escape, a tag beyond U+FFFF, a
    /// noncharacter and a quotation mark with a combining mark.
    static let text = "x\u{9B}31m\u{202E}\u{7F}\u{2028}\u{1B}]0;t\u{7}\u{E0041}\u{FFFE}\r\n\"\u{301}"
    static let forbidden: [Unicode.Scalar] = [
        "\u{9B}", "\u{202E}", "\u{7F}", "\u{2028}", "\u{1B}", "\u{7}", "\u{E0041}",
    ]

    func run(_ words: [String], _ json: JSONValue, status: Int = 200, isTerminal: Bool = true) async throws
        -> Console.Outcome
    {
        var console = Console(environment: ["PODSTACK_API_TOKEN": "t", "NO_COLOR": "1"])
        console.isTerminal = isTerminal
        let body = String(decoding: try APICoding.encode(json), as: UTF8.self)
        console.transport = RecordingTransport(.text(body, status: status))
        return await console.run(words)
    }

    @Test(
        "no character of it changes the terminal, in any format",
        arguments: [
            ["api", "x"], ["api", "x", "-o", "json"], ["api", "x", "-o", "yaml"], ["api", "x", "--jq", "."],
            ["api", "x", "--jq", ".value"], ["api", "x", "--jq", "keys"], ["auth", "whoami", "-o", "json"],
            ["auth", "whoami", "-o", "yaml"], ["api", "x", "-i"],
        ])
    func terminal(words: [String]) async throws {
        let object: JSONValue = .object([
            Self.text: .object([Self.text: .array([.string(Self.text)])]), "value": .string(Self.text),
            "email": .string(Self.text), "id": "u", "name": .string(Self.text), "created_at": "2026-01-01T00:00:00Z",
        ])
        let outcome = try await run(words, object)
        #expect(outcome.status == .success, "\(outcome.error)")
        #expect(!outcome.output.isEmpty)
        for text in [outcome.output, outcome.error] {
            #expect(!text.unicodeScalars.contains(where: Self.forbidden.contains), "\(text.debugDescription)")
        }
        guard words.contains("json") || words.last == "x" else { return }
        let value = try APICoding.decode(JSONValue.self, from: Array(outcome.output.utf8))
        if case .object(let fields) = value, let name = fields["name"]?.stringValue {
            #expect(name.utf8.elementsEqual(Self.text.utf8))
        }
    }

    @Test("an error in JSON has no such character either, even where standard error is no terminal")
    func errors() async throws {
        let body: JSONValue = [
            "error": ["code": "x", "message": .string(Self.text), "details": .object([Self.text: .string(Self.text)])]
        ]
        for words in [["auth", "whoami"], ["auth", "whoami", "-o", "json"]] {
            let outcome = try await run(words, body, status: 400, isTerminal: false)
            #expect(!outcome.error.isEmpty)
            #expect(!outcome.error.unicodeScalars.contains(where: Self.forbidden.contains))
        }
    }

    @Test("keys that are not plain words are quoted in YAML, in which no character is forbidden")
    func yaml() throws {
        let keys = ["a_b", "no", "Null", "1", "", "a: b", "- x", "#", "a\nb", "~", "é", "x-y", "0x1", "y"]
        let value = JSONValue.object(Dictionary(keys.map { ($0, .integer(1)) }) { $1 })
        let lines = Set(YAML.text(of: value).split(separator: "\n").map(String.init))
        #expect(
            lines == [
                "a_b: 1", "\"no\": 1", "\"Null\": 1", "\"1\": 1", "\"\": 1", "\"a: b\": 1", "\"- x\": 1", "\"#\": 1",
                "\"a\\nb\": 1", "\"~\": 1", "\"é\": 1", "x-y: 1", "\"0x1\": 1", "\"y\": 1",
            ])
        #expect(YAML.text(of: ["a": .string("\u{7F}\u{E0041}\u{9B}")]) == #"a: "\u007f\U000e0041\u009b""#)
    }

    @Test("arguments are split at the first equals sign, whatever follows it")
    func arguments() throws {
        let outcome = try RequestFields(raw: ["a=\u{301}b", "c[d]=\u{301}"], typed: ["e=\u{301}"]) { _ in [] }
        #expect(outcome.object == ["a": "\u{301}b", "c": ["d": "\u{301}"], "e": "\u{301}"])
        #expect(RequestFields.replacing("cursor", with: "x", in: "/a?\u{301}b=1&\u{301}c").hasSuffix("&cursor=x"))
        // The value may be a secret.
        #expect(Arguments.displayed("--tokem=\u{301}secret-secret") == "--tokem")
    }
}
