import Foundation
import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Compiles and runs every snippet of the guide and the README.
@Suite("The guide", .blocking, .timeLimit(.minutes(5)))
struct GuideTests {
    static let root = URL(filePath: #filePath).appending(path: "../../..").standardized

    static func files(_ folder: String, _ ending: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: root.appending(path: folder), includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent.hasSuffix(ending) }
    }

    /// Returns the lines without their common indentation.
    static func plain(_ lines: ArraySlice<Substring>) -> String {
        let filled = lines.filter { !$0.allSatisfy(\.isWhitespace) }
        let indentation = filled.map { $0.prefix { $0 == " " }.count }.min() ?? 0
        return lines.map { String($0.dropFirst(indentation)) }.joined(separator: "\n")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Returns the regions between a start line and an end line.
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

    @Test("every snippet of the guide and the README is compiled, and every compiled snippet is shown")
    func snippets() throws {
        var compiled: Set<String> = []
        let example = Self.root.appending(path: "Tests/PodstackTests/QuickStartExampleTests.swift")
        for file in try Self.files("Tests/GuideSnippets", ".swift") + Self.files("Tests/Bridges", ".swift") + [example]
        {
            compiled.formUnion(
                Self.regions(try String(contentsOf: file, encoding: .utf8), from: "// snippet", to: "// end"))
        }
        var displayed: Set<String> = []
        let readme = Self.root.appending(path: "README.md")
        for file in try Self.files("Sources/Podstack/Podstack.docc", ".md") + [readme] {
            for snippet in Self.regions(try String(contentsOf: file, encoding: .utf8), from: "```swift", to: "```") {
                let isWhole = compiled.contains(snippet) || !snippet.hasPrefix("import Podstack\n")
                let body = isWhole ? snippet : String(snippet.dropFirst(17))
                // A manifest depends on the location of the package. QuickStartTests reads that of the guide.
                if body.hasPrefix(".package(") || body.hasPrefix("// swift-tools-version") { continue }
                displayed.insert(body)
                let isCompiled = compiled.contains(body)
                #expect(isCompiled, "\(file.lastPathComponent) shows a snippet that no file compiles:\n\(body)")
            }
        }
        #expect(compiled.subtracting(displayed).isEmpty)
    }

    @Test(
        "every snippet runs in its own process against a real service",
        arguments: [
            ("overview", "Authenticated as: you@example.com"), ("create", "Created podstack_"), ("create", "\n56"),
            ("environment", "you@example.com"),
            ("direct", "failed: Invalid API token: apiToken: contains the placeholder from the documentation"),
            ("profiles", "you@example.com you@example.com"), ("configuration", "shadows "),
            ("project", "my-project-id"),
            ("endpoint", "https://api.custom.podstack.ai"), ("verify", "Authenticated as: you@example.com"),
            ("rotate", "2"), ("can", ""), ("revoke", "revoked"), ("dotenv", "you@example.com"), ("first", "training"),
            ("profile", "production"), ("save", #"["default", "production"]"#), ("vault", "you@example.com"),
            ("parse", "hello value"), ("trust", "https://deploy.example"), ("timeout", "you@example.com"),
            ("errors", ""), ("retry", "you@example.com"), ("events", "you@example.com"),
            ("recording", #"you@example.com ["GET"]"#), ("logger", "HTTP 200 after"),
            ("service", #"["training", "default"]"#), ("time", "Invalid API token"), ("faults", "4"),
            ("samples", "CI Access denied to resource"), ("firstPod", #"["hello"]"#),
            ("createPod", "trainer costs 5.00 per hour"), ("waitForPod", "the image does not exist"),
            ("listPods", "trainer 0.00"), ("execInPod", "0 nvidia-smi -L"), ("podLimits", "7200"),
            ("money", "A100 4 2.50\n100.00"), ("podErrors", #"available: ["A100"]"#), ("testPods", "2.50 epoch 1"),
            ("failures", "Invalid API token\nyou@example.com"),
            ("clock", "3"), ("offline", "No response from https://api.podstack.ai: this machine is offline"),
        ])
    func run(name: String, expected: String) throws {
        let server = try RunningServer()
        let home = try TemporaryDirectory()
        let token = try server.createToken()
        #expect(mkdir(home.file(".podstack"), 0o700) == 0)
        // The file as the documentation shows it.
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

    @Test("the device login snippet receives a token when the user approves")
    func device() throws {
        let server = try RunningServer()
        let client = try TestClient(signedUpAt: server)
        // On its own terminal, because output to a terminal is flushed after each line.
        let program = try ToolProcess.path(of: "GuideSnippets")
        let run = try ToolProcess(
            installed: "script",
            ["-qefc", "HOME=/nowhere PODSTACK_API_ENDPOINT=\(server.url) '\(program)' device", "/dev/null"])
        defer { run.signal(15) }
        try run.waitForOutput { $0.contains("and check that it shows") && $0.last?.isNewline == true }
        let code = String(run.standardOutput.split { $0.isWhitespace }.last ?? "")
        #expect(try client.get("/device?code=\(code)").body.contains("training on host-7"))
        #expect(try client.post("/device/approve", ["code": code]).status == 303)
        #expect(run.wait() == 0, "\(run.standardOutput)")
        #expect(run.standardOutput.contains("training on host-7: you@example.com"))
    }
}
