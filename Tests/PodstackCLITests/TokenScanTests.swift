import Foundation
import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackCLI

#if canImport(Glibc)
    import Glibc
#endif

@Suite("podstack token scan", .blocking, .timeLimit(.minutes(5)))
struct TokenScanTests {
    let home: TemporaryDirectory
    let token = TestToken.generate(id: "abc12345")

    init() throws { home = try TemporaryDirectory() }

    func folder(_ name: String) { #expect(mkdir(home.file(name), 0o700) == 0) }

    func scan(_ words: String...) async -> Console.Outcome {
        await Console(environment: [:]).run(["token", "scan"] + words)
    }

    /// Returns lines that start with the path of the temporary directory.
    func lines(_ lines: String...) -> String { lines.map { "\(home.path)/\($0)\n" }.joined() }

    @Test("every token below a directory is reported by position and prefix, in the order of the names")
    func tree() async throws {
        folder("b")
        folder("b/deep")
        _ = try home.write("one\r\ntoken = \(token)!\n\(token)", to: "b/deep/x.env")
        _ = try home.write("\0\u{1}\0\(token)\0", to: "a.bin")
        _ = try home.write(token + token, to: "c")
        _ = try home.write("\u{FEFF}" + token, to: "Ω")
        _ = try home.write(String(token.dropLast()) + "!", to: "wrong")
        let outcome = await scan(home.path)
        #expect(outcome.status == .failure)
        #expect(
            outcome.output
                == lines(
                    "a.bin:1:4: podstack_abc12345…", "b/deep/x.env:2:9: podstack_abc12345…",
                    "b/deep/x.env:3:1: podstack_abc12345…", "c:1:1: podstack_abc12345…",
                    "c:1:57: podstack_abc12345…", "Ω:1:4: podstack_abc12345…"))
        #expect(outcome.error.hasPrefix("Found 6 tokens in 5 files, "))
        #expect(
            outcome.error.hasSuffix("\nRevoke each token now: podstack token revoke abc12345, or scan with --report\n"))
        let isShown = (outcome.output + outcome.error).contains(token.dropFirst(18).prefix(8))
        #expect(!isShown)
    }

    @Test("UTF-16 is searched in both byte orders")
    func utf16() async throws {
        let text = Array("a\n\(token)".utf16)
        for (name, isBig) in [("big", true), ("little", false)] {
            let bytes = text.flatMap { [UInt8(isBig ? 0 : $0), UInt8(isBig ? $0 : 0)] }
            let file = open(home.file(name), O_CREAT | O_WRONLY, 0o600)
            #expect(write(file, bytes, bytes.count) == bytes.count)
            close(file)
        }
        let outcome = await scan(home.path, "-q")
        #expect(outcome.output == lines("big:2:2: podstack_abc12345…", "little:2:2: podstack_abc12345…"))
        #expect(outcome.error.isEmpty)
    }

    @Test("a scan without findings succeeds and reports how much it read")
    func nothing() async throws {
        _ = try home.write("nothing here\n", to: "file")
        let outcome = await scan(home.path)
        #expect(outcome.status == .success)
        #expect(outcome.output.isEmpty)
        #expect(outcome.error == "Found 0 tokens in 1 file, 13 bytes\n")
    }

    @Test("a named link is followed, links and pipes below a directory are skipped")
    func specialFiles() async throws {
        folder("outside")
        _ = try home.write(token, to: "outside/file")
        folder("tree")
        #expect(symlink(home.file("outside"), home.file("tree/folder")) == 0)
        #expect(symlink(home.file("outside/file"), home.file("tree/file")) == 0)
        #expect(symlink("tree", home.file("tree/gone")) == 0)
        #expect(mkfifo(home.file("tree/pipe"), 0o600) == 0)
        let tree = await scan(home.file("tree"))
        #expect(tree.status == .success)
        #expect(tree.error == "Found 0 tokens in 0 files, 0 bytes\n")
        let named = await scan(home.file("tree/file"), home.file("tree/folder"))
        #expect(
            named.output
                == lines("tree/file:1:1: podstack_abc12345…", "tree/folder/file:1:1: podstack_abc12345…"))
    }

    @Test("an unreadable file is reported, the others are searched, and without findings the status is 2")
    func unreadable() async throws {
        _ = try home.write(token, to: "file")
        // Even root cannot open a loop of links.
        #expect(symlink("loop", home.file("loop")) == 0)
        let found = await scan(home.file("gone"), home.file("loop"), home.file("file"))
        #expect(found.status == .failure)
        #expect(found.output == lines("file:1:1: podstack_abc12345…"))
        let warnings = """
            warning: \(home.file("gone")) cannot be read: No such file or directory
            warning: \(home.file("loop")) cannot be read: Too many levels of symbolic links

            """
        #expect(found.error.hasPrefix(warnings))
        let alone = await scan(home.file("gone"), home.file("loop"), "-q")
        #expect(alone.status == .usage)
        #expect(alone.error == warnings)
    }

    @Test("a file and a directory without read access are reported")
    func rights() async throws {
        _ = try home.write(token, to: "a")
        _ = try home.write(token, to: "b")
        folder("c")
        _ = chmod(home.path, 0o755)
        #expect(chmod(home.file("a"), 0) == 0 && chmod(home.file("b"), 0o644) == 0 && chmod(home.file("c"), 0) == 0)
        let tool = try ToolProcess.path(of: "podstack")
        let asOtherUser = geteuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--clear-groups"] : []
        let words = asOtherUser + [tool, "token", "scan", home.path]
        let outcome = try ToolProcess.run(words[0], Array(words.dropFirst()))
        // The program may be in a directory that other users cannot read.
        guard !outcome.error.contains(tool) else { return }
        #expect(outcome.status == 1)
        #expect(outcome.output == lines("b:1:1: podstack_abc12345…"))
        for name in ["a", "c"] {
            #expect(outcome.error.contains("warning: \(home.file(name)) cannot be read: Permission denied\n"))
        }
    }

    @Test("a path of - is standard input")
    func standardInput() throws {
        let file = try home.write("\n\n  \(token)\n", to: "file")
        let tool = try ToolProcess.path(of: "podstack")
        let outcome = try ToolProcess.run(
            "/bin/sh", ["-c", "cat '\(file)' '\(file)' | \(tool) token scan - '\(file)'"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(outcome.status == 1)
        #expect(
            outcome.output == "-:3:3: podstack_abc12345…\n-:6:3: podstack_abc12345…\n"
                + lines("file:3:3: podstack_abc12345…"))
    }

    @Test(
        "a large file is searched in little memory",
        .disabled(
            if: ProcessInfo.processInfo.environment["TSAN_OPTIONS"] != nil,
            "the thread sanitizer takes more for itself"))
    func memory() throws {
        let tool = try ToolProcess.path(of: "podstack")
        let words = "yes | head -c 120M >big; printf %s '\(token)' >>big; ulimit -v 150000; \(tool) token scan big"
        let outcome = try ToolProcess.run(
            "/bin/bash", ["-c", words.replacing("big", with: home.file("big"))], environment: ["PATH": "/usr/bin:/bin"])
        #expect(outcome.output == lines("big:62914561:1: podstack_abc12345…"), "\(outcome.error)")
    }

    @Test("--exclude skips names and paths, relative to the searched directory")
    func excluded() async throws {
        for name in ["node_modules", "sub", "sub/build", "build"] { folder(name) }
        for name in ["node_modules/a", "sub/.env", "sub/b", "sub/build/c", "build/d"] {
            _ = try home.write(token, to: name)
        }
        let names = await scan(home.path, "--exclude", "node_modules/", "--exclude", ".e*", "--exclude", "build", "-q")
        #expect(names.output == lines("sub/b:1:1: podstack_abc12345…"))
        let paths = await scan(
            home.path, "--exclude", "/build", "--exclude", "sub/*", "--exclude", "!sub/b", "--exclude=**/a", "-q")
        #expect(paths.output == lines("sub/b:1:1: podstack_abc12345…"))
        // A comma is a part of the pattern.
        #expect(await scan(home.file("sub"), "--exclude", "b,build", "-q").output.split(separator: "\n").count == 3)
        #expect(await scan(home.path, "--exclude", "").status == .usage)
    }

    @Test("a token in the name of a file, a directory or a link is found, and not printed")
    func tokenInName() async throws {
        _ = try home.write(token, to: "a \(token)")
        #expect(symlink("loop", home.file("loop")) == 0)
        folder(token)
        #expect(symlink("gone", home.file("link \(token)")) == 0)
        let outcome = await scan(home.path, home.file("gone \(token)"))
        #expect(
            outcome.output
                == lines(
                    "a podstack_abc12345…:1:3: podstack_abc12345… (name of a file)",
                    "link podstack_abc12345…:1:6: podstack_abc12345… (name of a file)",
                    "podstack_abc12345…:1:1: podstack_abc12345… (name of a file)",
                    "a podstack_abc12345…:1:1: podstack_abc12345…"))
        #expect(outcome.error.contains("warning: \(home.file("gone podstack_abc12345…")) cannot be read"))
        #expect(!outcome.error.contains(token))
    }

    @Test("JSON and YAML contain every detail except the secret")
    func formats() async throws {
        _ = try home.write(token, to: "file")
        let json = await scan(home.path, "-o", "json")
        #expect(json.status == .failure)
        let value = try APICoding.decode(JSONValue.self, from: Array(json.output.utf8))
        #expect(
            value
                == .object([
                    "bytes": .integer(56), "files": .integer(1), "unreadable": .array([]), "unsearched": .array([]),
                    "findings": .array([
                        .object([
                            "path": .string(home.file("file")), "line": .integer(1), "column": .integer(1),
                            "id": .string("abc12345"), "token": .string("podstack_abc12345…"),
                        ])
                    ]),
                ]))
        let yaml = await scan(home.path, "-o", "yaml")
        #expect(yaml.output.contains("    token: \"podstack_abc12345…\"\n"))
    }

    @Test("a missing path or an unknown flag is a usage error")
    func usage() async {
        #expect(await scan().status == .usage)
        #expect(
            await scan().error.hasPrefix("error: missing argument PATH: a file, a directory, or - for standard input\n")
        )
        #expect(await scan("--all", ".").status == .usage)
    }

    @Test("control characters in a name do not reach the terminal")
    func names() async throws {
        _ = try home.write(token, to: "a\n\u{1B}[2Jb")
        #expect(await scan(home.path, "-q").output == lines("a??[2Jb:1:1: podstack_abc12345…"))
    }

    @Test("progress is shown on a terminal, and cleared for findings")
    func progress() async throws {
        let path = try home.write(token, to: "file")
        let written = Mutex("")
        var context = Context(
            environment: PodstackEnvironment([:]), standardOutput: { text in written.withLock { $0 += text } },
            standardError: { text in written.withLock { $0 += text } }, readInput: { "" })
        context.showsProgress = true
        context.time.sleep = { duration in if duration < .seconds(1) { try await Task.sleep(for: duration) } }
        // The pipe is closed, and the scan ends, only after the progress is shown.
        #expect(mkfifo(home.file("pipe"), 0o600) == 0)
        let pipe = home.file("pipe")
        async let writer: Void = {
            let end = open(pipe, O_WRONLY)
            defer { close(end) }
            try await eventually("the progress is shown") {
                written.withLock { $0.contains("\r\u{1B}[KSearched 0 files, 0 bytes") }
            }
        }()
        #expect(await PodstackTool.run(["token", "scan", pipe, path], context: context) == .failure)
        try await writer
        #expect(written.withLock { $0 }.contains("\r\u{1B}[K\(path):1:1: podstack_abc12345…\n"))
        #expect(written.withLock { $0 }.contains("\nFound 1 token in 2 files, 56 bytes\n"))
    }
}
