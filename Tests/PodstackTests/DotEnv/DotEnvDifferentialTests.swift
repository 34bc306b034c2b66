import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("DotEnv compared with python-dotenv", .blocking, .timeLimit(.minutes(5)))
struct DotEnvDifferentialTests {
    struct Case: Encodable {
        var hex: String
        var environment: [String: String]
    }

    struct Expected: Decodable {
        /// The offset of the first byte that is not UTF-8; nil for valid UTF-8.
        var offset: Int?
        var plain: [[String?]]
        var override: [[String?]]
        var errors: [Int]
    }

    /// Elements of the grammar, so that many texts are valid, and bytes that parsers often mishandle.
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
        "10,000 random texts are parsed like python-dotenv parses them",
        .enabled(if: PythonOracle.isThere, "scripts/test installs python-dotenv"),
        arguments: TestSeed.selected)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let environment = ["A": "of the process", "KEY": "", "PATH": "/bin"]
        let texts = (0..<5_000).map { _ in Self.text(&generator) }
        let expectations: [Expected] = try PythonOracle.ask(
            "dotenv_oracle.py", texts.map { Case(hex: $0.hexadecimal, environment: environment) })
        try #require(expectations.count == texts.count)
        var parsed = 0
        for (text, expected) in zip(texts, expectations) {
            let displayed = Comment(rawValue: "seed \(seed): \(String(decoding: text, as: UTF8.self).debugDescription)")
            for (override, variables) in [(false, expected.plain), (true, expected.override)] {
                do {
                    let file = try DotEnv(
                        text, path: nil, environment: PodstackEnvironment(environment), override: override)
                    #expect(expected.offset == nil, displayed)
                    #expect(file.variables.map { [$0.name, $0.value] } == variables, displayed)
                    #expect(file.errorLines == expected.errors, displayed)
                    parsed += file.variables.count
                } catch let error as ConfigurationError {
                    #expect(error.message.contains("at offset \(expected.offset ?? -1) "), displayed)
                }
            }
        }
        #expect(parsed > 1_000)
    }
}

extension [UInt8] {
    fileprivate var hexadecimal: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
