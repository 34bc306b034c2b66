import Foundation
import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The guide cannot be wrong: what it shows is compiled and run.
@Suite("The guide", .blocking)
struct GuideTests {
    static let root = URL(filePath: #filePath).appending(path: "../../..").standardized

    static func files(_ folder: String, _ ending: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: root.appending(path: folder), includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasSuffix(ending) }
    }

    /// The lines without the indentation that all of them share.
    static func plain(_ lines: ArraySlice<Substring>) -> String {
        let filled = lines.filter { !$0.allSatisfy(\.isWhitespace) }
        let indentation = filled.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { String($0.dropFirst(indentation)) }.joined(separator: "\n")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// What stands between two lines, again and again.
    static func regions(_ text: String, from start: String, to end: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var regions: [String] = []
        var first: Int?
        for (index, line) in lines.enumerated() {
            let content = line.trimmingCharacters(in: .whitespaces)
            if let open = first {
                guard content == end else { continue }
                regions.append(plain(lines[open..<index]))
                first = nil
            } else if content == start {
                first = index + 1
            }
        }
        return regions
    }

    @Test("every snippet of the guide and the README is one that is compiled, and none is left over")
    func snippets() throws {
        var compiled: Set<String> = []
        for file in try Self.files("Tests/GuideSnippets", ".swift") {
            compiled.formUnion(
                Self.regions(try String(contentsOf: file, encoding: .utf8), from: "// snippet", to: "// end"))
        }
        var shown: Set<String> = []
        let readme = Self.root.appending(path: "README.md")
        for file in try Self.files("Sources/Podstack/Podstack.docc", ".md") + [readme] {
            for snippet in Self.regions(try String(contentsOf: file, encoding: .utf8), from: "```swift", to: "```") {
                let body = snippet.hasPrefix("import Podstack\n") ? String(snippet.dropFirst(17)) : snippet
                // How the package is named in a manifest depends on where it lies.
                if body.hasPrefix(".package(") { continue }
                shown.insert(body)
                #expect(compiled.contains(body), "\(file.lastPathComponent) shows what no file compiles:\n\(body)")
            }
        }
        #expect(compiled.subtracting(shown).isEmpty)
    }

    @Test(
        "every snippet runs, in a process of its own, against a real service",
        arguments: [
            ("overview", "Authenticated as: you@example.com"), ("create", "Made podstack_"), ("create", "\n56"),
            ("environment", "you@example.com"),
            ("direct", "failed: Invalid API token: apiToken: holds the documentation's placeholder"),
            ("profiles", "you@example.com you@example.com"), ("configuration", "hides "), ("project", "my-project-id"),
            ("endpoint", "https://api.custom.podstack.ai"), ("verify", "Authenticated as: you@example.com"),
            ("rotate", "2"), ("can", ""), ("revoke", "revoked"), ("dotenv", "you@example.com"), ("first", "training"),
            ("profile", "production"), ("save", #"["default", "production"]"#), ("vault", "you@example.com"),
            ("parse", "hello value"), ("trust", "https://deploy.example"), ("timeout", "you@example.com"),
            ("errors", ""), ("retry", "you@example.com"), ("events", "you@example.com"),
            ("recording", #"you@example.com ["GET"]"#),
            ("failures", "Invalid API token\nyou@example.com"),
            ("clock", "3"), ("offline", "No answer from https://api.podstack.ai: this machine is offline"),
        ])
    func run(name: String, expected: String) throws {
        let server = try RunningServer()
        let home = try TemporaryDirectory()
        let token = try server.makeToken()
        #expect(mkdir(home.file(".podstack"), 0o700) == 0)
        // As the documentation shows the file.
        let path = try home.write(
            "[default]\napi_token = \(token)\n\n[production]\napi_token = \(token)\n", to: ".podstack/credentials")
        #expect(chmod(path, 0o600) == 0)
        _ = try home.write("PODSTACK_API_TOKEN=\(token)\nPODSTACK_API_ENDPOINT=\(server.url)\n", to: ".env")
        _ = try home.write("PODSTACK_API_ENDPOINT=https://deploy.example\n", to: "deploy.env")
        var environment = server.environment(home: home)
        environment["VAULT_SECRET"] = token
        if name == "environment" || name == "configuration" { environment["PODSTACK_API_TOKEN"] = token }
        if name == "endpoint" || name == "dotenv" || name == "trust" { environment["PODSTACK_API_ENDPOINT"] = nil }
        let run = try ToolProcess.run(
            "/bin/sh",
            ["-c", "cd \"$1\" && exec \"$2\" \"$3\"", "sh", home.path, ToolProcess.path(of: "GuideSnippets"), name],
            environment: environment)
        #expect(expected.isEmpty || run.output.contains(expected), "\(name): \(run.output) \(run.error)")
        #expect(run.status == (expected.hasPrefix("failed: ") ? 1 : 0))
        #expect(!run.output.contains(token.dropFirst(18)))
    }

    @Test("the snippet that asks for a token gets one when somebody approves")
    func device() throws {
        let server = try RunningServer()
        let visitor = try TestClient(signedUpAt: server)
        // On a terminal of its own, where each line is written at once.
        let program = try ToolProcess.path(of: "GuideSnippets")
        let run = try ToolProcess(
            installed: "script",
            ["-qefc", "HOME=/nowhere PODSTACK_API_ENDPOINT=\(server.url) '\(program)' device", "/dev/null"])
        defer { run.signal(15) }
        try run.waitForOutput { $0.contains("and check that it shows") && $0.last?.isNewline == true }
        let code = String(run.standardOutput.split { $0.isWhitespace }.last ?? "")
        #expect(try visitor.get("/device?code=\(code)").body.contains("training on host-7"))
        #expect(try visitor.post("/device/approve", ["code": code]).status == 303)
        #expect(run.wait() == 0, "\(run.standardOutput)")
        #expect(run.standardOutput.contains("training on host-7: you@example.com"))
    }
}
