import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("DotEnv beside the real python-dotenv", .blocking)
struct DotEnvDifferentialTests {
    struct Question: Encodable {
        var hex: String
        var environment: [String: String]
    }

    struct Answer: Decodable {
        /// Of the first byte that is not UTF-8.
        var offset: Int?
        var plain: [[String?]]
        var override: [[String?]]
        var errors: [Int]
    }

    /// Whole pieces of the grammar, so that many texts mean something, and what tends to break a parser.
    static let pieces: [[UInt8]] =
        [
            "A", "B", "KEY", "=", "=", "=", " = ", "'", "'", "\"", "\"", "\n", "\n", "\n", "\r\n", "\r", " ", "\t", "#",
            " #", "\\", "\\n", "\\'", "\\\"", "\\\\", "\\x", "export ", "export", "${A}", "${B}", "${KEY:-d}", "${",
            "}", "${A:", "$A", "${}", ":-", "value", "a b", "'b c'", "\"d e\"", ".", "-", "\u{0B}", "\u{0C}", "\u{1C}",
            "\u{1F}", "\u{85}", "\u{A0}", "\u{1680}", "\u{2003}", "\u{2028}", "\u{2029}", "\u{202F}", "\u{205F}",
            "\u{3000}", "\u{200B}", "\u{180E}", "\u{301}", "=\u{301}", "'\u{301}", "e\u{301}", "é", "日本", "🇦🇶", "\u{0}",
            "\u{7}", "\u{1B}", "\u{7F}", "\u{FEFF}", "`", "A=1\n", "B='x'\n", "export C=\"y\" # z\n",
        ].map { Array($0.utf8) }
    static let brokenBytes: [[UInt8]] = [
        [0x80], [0xC3], [0xE2, 0x82], [0xF5], [0xED, 0xA0, 0x80], [0xFF], [0xC0, 0xAF],
    ]

    static func text(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...24, using: &generator) {
            bytes += pieces[Int.random(in: pieces.indices, using: &generator)]
        }
        if Int.random(in: 0..<20, using: &generator) == 0 {
            bytes += brokenBytes[Int.random(in: brokenBytes.indices, using: &generator)]
            bytes += pieces[Int.random(in: pieces.indices, using: &generator)]
        }
        return bytes
    }

    @Test(
        "ten thousand random texts mean the same to both",
        .enabled(if: PythonOracle.isThere, "scripts/test installs python-dotenv"),
        arguments: TestSeed.selected)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let environment = ["A": "of the process", "KEY": "", "PATH": "/bin"]
        let texts = (0..<5_000).map { _ in Self.text(&generator) }
        let answers: [Answer] = try PythonOracle.ask(
            "dotenv_oracle.py", texts.map { Question(hex: $0.hexadecimal, environment: environment) })
        try #require(answers.count == texts.count)
        var understood = 0
        for (text, answer) in zip(texts, answers) {
            let shown = Comment(rawValue: "seed \(seed): \(String(decoding: text, as: UTF8.self).debugDescription)")
            for (override, expected) in [(false, answer.plain), (true, answer.override)] {
                do {
                    let file = try DotEnv(text, path: nil, environment: Environment(environment), override: override)
                    #expect(answer.offset == nil, shown)
                    #expect(file.variables.map { [$0.name, $0.value] } == expected, shown)
                    #expect(file.errorLines == answer.errors, shown)
                    understood += file.variables.count
                } catch let error as ConfigurationError {
                    #expect(error.message.contains("at offset \(answer.offset ?? -1) "), shown)
                }
            }
        }
        #expect(understood > 1_000)
    }
}

extension [UInt8] {
    fileprivate var hexadecimal: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
