import Foundation
import Podstack
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("podstack token scan and Git", .blocking, .timeLimit(.minutes(5)))
struct TokenScanGitTests {
    let home: TemporaryDirectory
    let token = TestToken.generate(id: "abc12345")

    init() throws {
        home = try TemporaryDirectory()
        try git("init -q && git config user.name you && git config user.email you@example.com")
    }

    /// Runs a command line in the repository, with `podstack` in PATH.
    @discardableResult
    func git(_ words: String) throws -> (status: Int32, output: String, error: String) {
        let folder = URL(filePath: try ToolProcess.path(of: "podstack")).deletingLastPathComponent().path
        return try ToolProcess.run(
            "/bin/sh", ["-c", "cd \"$HOME\" && git \(words)"],
            environment: ["HOME": home.path, "PATH": "\(folder):/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1"])
    }

    /// Installs the hook of the guide.
    func installHook() throws {
        let guide = URL(filePath: #filePath).appending(
            path: "../../../Sources/Podstack/Podstack.docc/Authentication.md")
        let text = try String(contentsOf: guide.standardized, encoding: .utf8)
        let start = try #require(text.range(of: "#!/bin/sh\n"))
        let end = try #require(text.range(of: "```", range: start.upperBound..<text.endIndex))
        _ = try home.writeProgram(String(text[start.upperBound..<end.lowerBound]), to: ".git/hooks/pre-commit")
    }

    @Test("a deleted token is found only in the history, and a message says how to search it")
    func history() async throws {
        _ = try home.write("token = \(token)\n", to: "file")
        try git("add file && git commit -qm add && git rm -q file && git commit -qm remove")
        let tree = await Console(environment: [:]).run("token", "scan", home.path)
        #expect(tree.status == .success)
        #expect(
            tree.error.hasPrefix(
                "The history in \(home.path)/.git was not searched: it is compressed. This command searches it:\n"))
        let command = try #require(tree.error.split(separator: "\n").dropFirst().first?.dropFirst(2))
        #expect(command.hasPrefix("git "))
        let piped = try git(String(command.dropFirst(4)))
        #expect(piped.status == 1)
        #expect(piped.output.components(separatedBy: "podstack_abc12345…\n").count == 3)
    }

    @Test("the configuration of a repository is searched, its objects are not")
    func objects() async throws {
        try git("remote add origin https://you:\(token)@example.com/")
        _ = try home.write(token, to: ".git/objects/file")
        let outcome = await Console(environment: [:]).run("token", "scan", home.path, "-q")
        #expect(outcome.output.hasPrefix("\(home.path)/.git/config:"))
        #expect(outcome.output.hasSuffix(": podstack_abc12345…\n"))
        #expect(outcome.output.split(separator: "\n").count == 1)
    }

    @Test("the hook of the guide rejects a commit that adds a token, and accepts one that removes it")
    func hook() throws {
        _ = try home.write("nothing\n", to: "file")
        #expect(try git("add file && git commit -qm none").status == 0)
        _ = try home.write("token = \(token)\n", to: "file")
        try git("add file")
        try git("commit -qm leaked --no-verify")
        try installHook()
        _ = try home.write("nothing\n", to: "file")
        #expect(try git("commit -qam removed").status == 0)
        for encoding in [String.Encoding.utf8, .utf16LittleEndian] {
            let bytes = try #require("a\ntoken = \(token)\n".data(using: encoding))
            try bytes.write(to: URL(filePath: home.file("file")))
            try git("add file")
            // Only the staged version is committed.
            _ = try home.write("nothing\n", to: "file")
            let refused = try git("commit -qm add")
            #expect(refused.status == 1)
            #expect(refused.error.hasSuffix("This commit adds a Podstack token\n"))
            #expect(refused.output.contains("podstack_abc12345…") || refused.error.contains("podstack_abc12345…"))
        }
        try git("add file")
        #expect(try git("status --porcelain").output.isEmpty)
    }
}
