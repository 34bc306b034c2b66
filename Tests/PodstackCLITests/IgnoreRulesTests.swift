import Foundation
import PodstackCommandLine
import PodstackTestSupport
import Testing

@testable import PodstackCLI

@Suite("--exclude means what .gitignore means", .blocking, .timeLimit(.perTest))
struct IgnoreRulesTests {
    /// Files whose names contain the characters that patterns use.
    static let files = [
        "a", "b", "ab", "a.lock", "A", "keep", "a b", "a ", "#a", "!a", "[a]", "a*b", "a?b", "\\a", "é", "a\u{301}",
        "build/a", "build/b/a", "build/keep/a", "build/.env", "sub/build/a", "sub/build/keep", "sub/a/b", "a1/b",
        "a1/c/b",
        "a1/c/d/b", "x/a/b", "x/y/z/a", "x/.env", ".env", ".hidden/a", "-", "9", "z-a", "a]b", "dir/a.lock",
        "dir/b.lock/c", "node_modules/p/i.js", "sub/node_modules/p", "ë/ü", "x y/z",
    ]

    @Test(
        "known patterns",
        arguments: [
            (["build/"], ["build/a"], ["build", "a"]), (["build/*"], ["build/a", "build/b/a"], ["sub/build/a"]),
            (["a/b"], ["a/b", "a/b/c"], ["x/a/b"]), (["/a"], ["a", "a/x"], ["x/a"]),
            (["a"], ["a", "x/a", "a/x"], ["ab"]),
            (["**/b"], ["b", "x/b", "x/y/b"], ["ab"]), (["a/**"], ["a/b", "a/b/c"], ["a"]),
            (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b"], ["x/a/b"]),
            (["*.lock", "!keep.lock"], ["a.lock"], ["keep.lock"]),
            // A file cannot be included again when its directory is excluded.
            (["d/", "!d/keep"], ["d/keep"], []), (["d/*", "!d/keep"], ["d/x"], ["d/keep"]),
            (["A"], ["A"], ["a"]), (["#a"], [], ["#a"]), (["\\#a"], ["#a"], []), (["\\!a"], ["!a"], ["a"]),
            (["a "], ["a"], ["a "]), (["a\\ "], ["a "], ["a"]), (["a,b"], ["a,b"], ["a", "b"]),
            (["[[:digit:]-]"], ["1", "-"], ["a"]), (["[!a]"], ["b"], ["a"]), (["[]-]"], ["]", "-"], ["a"]),
            (["a**/b"], ["ab", "ax/b"], ["xab"]), (["?a**/b"], ["xay/b"], ["xab"]),
            (["[a"], [], ["[a"]),
        ] as [([String], [String], [String])])
    func known(patterns: [String], excluded: [String], included: [String]) throws {
        let rules = try IgnoreRules(patterns)
        for path in excluded { #expect(rules.excludesFile(Array(path.utf8)), "\(path)") }
        for path in included { #expect(!rules.excludesFile(Array(path.utf8)), "\(path)") }
    }

    @Test("a pattern without text is a usage error")
    func empty() {
        #expect(throws: UsageError.self) { try IgnoreRules(["a", ""]) }
        #expect(throws: UsageError.self) { try IgnoreRules(["  "]) }
    }

    @Test("long patterns take time in proportion")
    func hostile() throws {
        let rules = try IgnoreRules([String(repeating: "*a", count: 100) + "b", String(repeating: "**/a", count: 100)])
        let name = [UInt8](repeating: UInt8(ascii: "a"), count: 255)
        #expect(!rules.excludes(name, isDirectory: false))
    }

    @Test("generated patterns exclude the files that git check-ignore names", arguments: TestSeed.selected)
    func oracle(seed: UInt64) throws {
        let home = try TemporaryDirectory()
        for file in Self.files {
            let folder = URL(filePath: home.file(file)).deletingLastPathComponent().path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            _ = try home.write("", to: file)
        }
        let list = try TemporaryDirectory()
        let names = try list.write(Self.files.joined(separator: "\0") + "\0", to: "names")
        let rules = list.file("rules")
        let command = "git init -q; exec git -c core.excludesFile=\"$1\" check-ignore --no-index -z --stdin <\"$2\""
        var generator = SeededGenerator(seed: seed)
        var excluded = 0
        for _ in 0..<150 {
            let patterns = (0..<Int.random(in: 1...4, using: &generator)).map { _ in pattern(&generator) }
            _ = try list.write(patterns.map { $0 + "\n" }.joined(), to: "rules")
            let git = try ToolProcess.run(
                "/bin/sh", ["-c", "cd \"$0\" && " + command, home.path, rules, names],
                environment: ["HOME": list.path, "PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"])
            #expect(git.status <= 1, "\(git.error)")
            let expected = Set(git.output.split(separator: "\0").map { Array($0.utf8) })
            let ours = try IgnoreRules(patterns.filter { !$0.allSatisfy { $0 == " " } })
            let actual = Set(Self.files.map { Array($0.utf8) }.filter(ours.excludesFile))
            #expect(
                actual == expected,
                "\(patterns): \(actual.symmetricDifference(expected).map { String(decoding: $0, as: UTF8.self) })")
            excluded += expected.count
        }
        // Patterns that match nothing would compare nothing.
        #expect(excluded > 50)
    }

    func pattern(_ generator: inout SeededGenerator) -> String {
        let pieces = [
            "a", "b", "build", "keep", "sub", "x", "y", "a1", "c", ".env", ".lock", "*", "*", "**", "**/", "/**", "/",
            "/", "/",
            "?", "[ab]", "[!a]", "[^b]", "[a-c]", "[[:alpha:]]", "[[:digit:]x]", "[]]", "[", "]", "\\", "\\*", "\\a",
            " ", "#",
            "!", "-", "é", "[z-a]", "[[:nope:]]", "[a\\]b]", "node_modules", "dir",
        ]
        let start = ["", "", "", "", "!", "/", "**/"].randomElement(using: &generator) ?? ""
        let body = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
            pieces.randomElement(using: &generator) ?? ""
        }
        let end = ["", "", "", "/", "/*", " "].randomElement(using: &generator) ?? ""
        return start + body.joined() + end
    }
}
