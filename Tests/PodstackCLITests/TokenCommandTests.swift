import Podstack
import PodstackAPI
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("podstack token: states, names and scopes", .blocking, .timeLimit(.minutes(5)))
struct TokenCommandTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: false) }

    /// Logs in, which stores a token in the credentials file, and returns the token.
    @discardableResult
    func logIn() async throws -> String {
        let token = try server.createToken()
        #expect(await console.run("auth", "login", input: token).status == .success)
        return token
    }

    // MARK: - Rotation

    @Test("rotating the token in use warns, or asks on a terminal, and names auth refresh")
    func rotateInUse() async throws {
        let prefix = String(try await logIn().prefix(17))
        var terminal = console
        terminal.reply = "n"
        let refused = await terminal.run("token", "rotate", prefix)
        #expect(refused.status == .failure && refused.output.isEmpty)
        #expect(refused.error.hasPrefix("\(prefix) is the token in use, from \(home.path)/.podstack/credentials:2"))
        #expect(refused.error.contains("podstack auth refresh replaces it where it is stored. Rotate it here? [y/N] "))
        #expect(await console.run("auth", "whoami").status == .success)
        let rotated = await console.run("token", "rotate", prefix)
        #expect(rotated.status == .success && rotated.output.hasPrefix(prefix))
        #expect(rotated.error.hasPrefix("warning: \(prefix) is the token in use"), "\(rotated.error)")
        // Another token is rotated without a question.
        _ = await console.run("token", "create", "--name", "CI", "--scope", "projects:*")
        let other = await terminal.run("token", "rotate", "CI")
        #expect(other.status == .success && !other.error.contains("in use"))
    }

    @Test("a rotation says how long the old secret works")
    func grace() async throws {
        try await logIn()
        _ = await console.run("token", "create", "--name", "CI", "--scope", "projects:*")
        for (words, end) in [
            ([], "works for 1 hour after the first use of the new one."),
            (["--grace", "90s"], "works for 90 seconds after the first use of the new one."),
            (["--grace", "12h"], "works for 12 hours after the first use of the new one."),
            (["--grace", "0"], "stops at the first use of the new one."),
        ] as [([String], String)] {
            let rotated = await console.run(["token", "rotate", "CI"] + words)
            #expect(rotated.error.hasSuffix("The old one \(end)\n"), "\(rotated.error)")
        }
        #expect(await console.run("auth", "refresh").error.contains("The old secret stays valid for 1 hour."))
        #expect(
            await console.run("auth", "refresh", "--grace", "0s").error.contains("The old secret is no longer valid."))
    }

    @Test("auth refresh replaces the token in the file of --token-file, and not in a pipe")
    func refreshFile() async throws {
        let old = try server.createToken()
        let file = try home.write(old + "\n", to: "token")
        #expect(try ToolProcess.run("/bin/chmod", ["600", file]).status == 0)
        let refreshed = await console.run("auth", "refresh", "--grace", "0s", "--token-file", file)
        #expect(refreshed.status == .success, "\(refreshed.error)")
        #expect(refreshed.output == "Rotated \(old.prefix(17)) in \(file)\n")
        #expect(home.read("token")?.hasPrefix(String(old.prefix(17))) == true && home.read("token") != old + "\n")
        #expect(await console.run("auth", "whoami", "--token-file", file).status == .success)
        let piped = try ToolProcess.run(
            "/bin/bash", ["-c", "\(try ToolProcess.path(of: "podstack")) auth refresh --token-file <(cat \(file))"],
            environment: server.environment(home: home).merging(["PATH": "/usr/bin:/bin"]) { $1 })
        #expect(piped.output.hasPrefix(String(old.prefix(17))) && piped.output.count == 57, "\(piped.error)")
    }

    // MARK: - Revocation

    @Test("auth revoke names the token and its place, and removes it from the profile")
    func revokeCurrent() async throws {
        let prefix = String(try await logIn().prefix(17))
        var terminal = console
        terminal.reply = "y"
        let revoked = await terminal.run("auth", "revoke")
        #expect(revoked.status == .success)
        let path = "\(home.path)/.podstack/credentials"
        #expect(revoked.error.hasPrefix("Revoke \(prefix) \""), "\(revoked.error)")
        #expect(
            revoked.error.contains("\", from \(path):2 [default]? This cannot be undone. [y/N] Revoked \(prefix) \""))
        #expect(revoked.error.hasSuffix("Removed it from \(path) [default]\n"), "\(revoked.error)")
        #expect(home.read(".podstack/credentials") == "[default]\napi_endpoint = \(server.url)\n")
        let variable = await console.run(
            "auth", "revoke", "--yes", environment: ["PODSTACK_API_TOKEN": try server.createToken()])
        #expect(variable.error.hasSuffix("The revoked token is still in PODSTACK_API_TOKEN: remove it there\n"))
    }

    @Test("a revoked token shows its revocation, and is revoked only once")
    func revoked() async throws {
        try await logIn()
        _ = await console.run("token", "create", "CI", "--scope", "projects:*")
        #expect(await console.run("token", "revoke", "CI", "--yes").status == .success)
        let again = await console.run("token", "revoke", "CI", "--yes")
        #expect(again.status == .success)
        #expect(again.error.contains(" was revoked already, at 20"), "\(again.error)")
        let list = await console.run("token", "list").output.split(separator: "\n")
        #expect(list.first { $0.contains("CI") }?.contains("revoked  revoked 20") == true, "\(list)")
        let details = await console.run("token", "get", "CI").output
        #expect(details.contains("Revoked:    20") && !details.contains("Expires:") && !details.contains("Rotate by:"))
        #expect(await !console.run("token", "list", "--status", "active").output.contains("CI"))
        #expect(await console.run("token", "list", "--status", "revoked").output.contains("CI"))
        #expect(await console.run("token", "list", "--status", "gone").status == .usage)
        var terminal = console
        terminal.isTerminal = true
        #expect(await terminal.run("token", "list", "--status", "expired").output == "No expired tokens\n")
        #expect(await console.run("token", "list", "--status", "expired").output.hasPrefix("ID  NAME"))
        #expect(await console.run("token", "list", "--status", "expired", "-o", "json").output == "{\"tokens\":[]}\n")
    }

    // MARK: - Names and scopes

    @Test("the name of a token or a project is an argument or an option")
    func names() async throws {
        try await logIn()
        for words in [["x"], ["--name", "x"]] {
            #expect(await console.run(["token", "create", "--scope", "projects:read"] + words).status == .success)
            #expect(await console.run(["project", "create"] + words).status == .success)
        }
        for command in ["token", "project"] {
            let twice = await console.run(command, "create", "x", "--name", "y")
            #expect(twice.status == .usage)
            #expect(twice.error == "error: the name is given twice: give NAME or --name\n")
            let none = await console.run(command, "create")
            #expect(none.status == .usage)
            #expect(none.error.hasPrefix("error: the name is missing: podstack \(command) create NAME\n"))
        }
    }

    @Test(
        "an unknown scope is a usage error that suggests the nearest",
        arguments: [
            ("project:read", "--scope: unknown scope \"project:read\"; did you mean \"projects:read\"?"),
            ("pods:raed", "--scope: unknown action in \"pods:raed\": use create, read, update, delete or *"),
            ("bad", "--scope: \"bad\" is not a scope, such as projects:read"),
            ("projects", "--scope: \"projects\" is not a scope, such as projects:read; did you mean \"projects:*\"?"),
            ("", "--scope is empty"), (",", "--scope is empty"),
            ("elephants:ride", "--scope "),
        ])
    func unknownScope(scope: String, message: String) async throws {
        try await logIn()
        let created = await console.run("token", "create", "x", "--scope", scope)
        #expect(created.status == .usage)
        #expect(created.error.hasPrefix("error: \(message)"), "\(created.error)")
        if !scope.isEmpty {
            #expect(created.error.contains("hint: A scope is * or RESOURCE:ACTION. Resources: projects, "))
        }
        let updated = await console.run("token", "update", "x", "--scope", scope)
        #expect(updated.status == (scope == "elephants:ride" ? .notFound : .usage))
    }

    @Test("the question for scopes shows a resource in each row, and is asked again after a wrong answer")
    func scopeQuestion() async throws {
        try await logIn()
        var terminal = console
        terminal.replies = ["project:read", "pods", " projects:read,pods:* "]
        let created = await terminal.run("token", "create", "x", "-o", "json")
        #expect(created.status == .success, "\(created.error)")
        #expect(created.output.contains("\"scopes\":[\"projects:read\",\"pods:*\"]"))
        #expect(created.error.contains("\n  audit-logs  create, read, update, delete\n"))
        #expect(created.error.contains("unknown scope \"project:read\"; did you mean \"projects:read\"?\n"))
        #expect(!created.error.contains("--scope"))
        terminal.replies = ["bad"]
        let ended = await terminal.run("token", "create", "y")
        #expect(ended.status == .failure)
        #expect(ended.error.hasSuffix("error: no token was created: no scope was entered\n"), "\(ended.error)")
    }
}
