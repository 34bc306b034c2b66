import Podstack
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("podstack against a running server", .blocking, .timeLimit(.minutes(5)))
struct CommandTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: false) }

    func run(_ words: String..., environment: [String: String] = [:], input: String = "") async -> Console.Outcome {
        await console.run(words, environment: environment, input: input)
    }

    @Test("login from a pipe stores the token, and whoami uses it")
    func login() async throws {
        let token = try server.createToken()
        let login = await run("auth", "login", input: token + "\n")
        #expect(login.status == .success)
        #expect(login.output == "Authenticated as: you@example.com\n")
        // With its endpoint, or the next command would send the token to another service.
        #expect(
            home.read(".podstack/credentials") == "[default]\napi_token = \(token)\napi_endpoint = \(server.url)\n")
        let whoami = await run("auth", "whoami")
        #expect(whoami.output == "you@example.com\n")
        let status = await run("auth", "status")
        #expect(status.output.hasPrefix("Authenticated as: you@example.com\nAccount ID: acc_"))
        #expect(status.output.contains("\nToken expires: 20"))
    }

    @Test("login does not store a token that the service rejects, or that a variable would shadow")
    func refusedLogin() async throws {
        let empty = await run("auth", "login", input: "\n")
        #expect(empty.status == .failure)
        #expect(empty.error == "error: no token was entered: type it, or pipe it to standard input\n")
        let wrong = await run("auth", "login", input: TestToken.generate(id: "00000000"))
        #expect(wrong.status == .notAuthenticated)
        #expect(wrong.error.hasPrefix("error: Invalid API token\nhint: "))
        let token = try server.createToken()
        let shadowed = await run("auth", "login", environment: ["PODSTACK_API_TOKEN": "other"], input: token)
        #expect(shadowed.status == .failure)
        #expect(shadowed.error.contains("PODSTACK_API_TOKEN is set"))
        #expect(home.read(".podstack/credentials") == nil)
        let forced = await run("auth", "login", "--force", environment: ["PODSTACK_API_TOKEN": "other"], input: token)
        #expect(forced.status == .success)
    }

    @Test("login sends a token only to the service of its profile")
    func loginOfProfile() async throws {
        let stranger = try ScriptedServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
        let elsewhere = ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(stranger.port)"]
        #expect(await run("config", "set", "api_endpoint", server.url, "--profile", "work").status == .success)
        let login = await run(
            "auth", "login", "--profile", "work", environment: elsewhere, input: try server.createToken())
        #expect(login.status == .success, "\(login.error)")
        #expect(stranger.received.isEmpty)
        #expect(home.read(".podstack/credentials")?.contains("api_endpoint = \(server.url)\n") == true)
    }

    @Test("a misplaced argument that may be a token is not repeated")
    func misplacedTokens() async throws {
        let token = TestToken.generate(id: "00000000")
        for words in [
            ["auth", "login", token], [token], ["--token\(token)"], ["config", "set", token, "x"],
            ["config", "get", token],
        ] {
            let outcome = await Console(environment: [:]).run(words + ["-o", "json"])
            #expect(outcome.status == .usage)
            let isShown = (outcome.output + outcome.error).contains(token.dropFirst(18))
            #expect(!isShown)
        }
    }

    @Test("a token on the command line warns that others can see it")
    func tokenFlag() async throws {
        let whoami = await run("auth", "whoami", "--token", try server.createToken())
        #expect(whoami.output == "you@example.com\n")
        #expect(whoami.error.contains("warning: others on this machine can see"))
        let piped = await run("--token", "-", "auth", "whoami", input: try server.createToken())
        #expect(piped.status == .success)
        #expect(piped.error.isEmpty)
    }

    @Test("a token is created, listed and revoked, and create prints only the token")
    func tokens() async throws {
        let environment = ["PODSTACK_API_TOKEN": try server.createToken()]
        let created = await run(
            "token", "create", "--name", "CI", "--scope", "tokens:read", environment: environment)
        #expect(created.status == .success)
        #expect(created.output.count == 57)
        let secret = String(created.output.dropLast())
        let list = await run("token", "list", "-o", "json", environment: ["PODSTACK_API_TOKEN": secret])
        #expect(list.output.contains("\"tokens:read\""))
        let denied = await run(
            "token", "create", "--name", "x", "--full-access", environment: ["PODSTACK_API_TOKEN": secret])
        #expect(denied.status == .notAllowed)
        #expect(denied.error == "error: Access denied to resource: the token lacks tokens:create\n")
        let id = String(secret.dropFirst(9).prefix(8))
        let revoked = await run("token", "revoke", id, "--yes", environment: environment)
        #expect(revoked.status == .success)
        let refused = await run("auth", "whoami", "-o", "json", environment: ["PODSTACK_API_TOKEN": secret])
        #expect(refused.status == .notAuthenticated)
        #expect(refused.error.contains("\"code\":\"revoked_token\""))
        let unconfirmed = await run("token", "revoke", "00000000", environment: environment)
        #expect(unconfirmed.status == .usage)
        #expect(unconfirmed.error.contains("--yes confirms the change"))
        let unknown = await run("token", "revoke", "00000000", "-y", environment: environment)
        #expect(unknown.status == .notFound)
    }

    @Test("config explain shows the source of the token, and only the prefix of every test vector")
    func explain() async throws {
        for vector in try TokenVectors.load().valid {
            let explained = await run(
                "config", "explain", "-o", "json", environment: ["PODSTACK_API_TOKEN": vector.token])
            #expect(explained.status == .success)
            #expect(explained.output.contains("\"value\":\"\(vector.prefix)…\""))
            #expect(!explained.output.contains(vector.token.dropFirst(18)))
        }
        for vector in try TokenVectors.load().invalid {
            let explained = await run(
                "config", "explain", "-o", "json", environment: ["PODSTACK_API_TOKEN": vector.token])
            let isPlaceholder = vector.token.isEmpty || vector.token == "your_api_token_here"
            #expect(explained.status == (isPlaceholder ? .notAuthenticated : .success), "\(vector.why)")
            if !isPlaceholder { #expect(explained.output.contains("\"value\":\"…\"")) }
        }
        let nothing = await run("config", "explain")
        #expect(nothing.status == .notAuthenticated)
        #expect(nothing.output.contains("api_endpoint"))
        #expect(nothing.error.hasPrefix("error: No API token provided: "))
    }

    @Test("each kind of failure has its exit status")
    func exitStatus() async throws {
        #expect(await run("fly").status == .usage)
        #expect(await run("auth", "whoami", "--fly").status == .usage)
        #expect(await run("token", "create").status == .usage)
        #expect(await run("auth", "whoami").status == .notAuthenticated)
        let closedPort = ["PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"]
        #expect(await run("auth", "whoami", environment: closedPort).status == .unreachable)
        let plain = ["PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "http://example.com"]
        #expect(await run("auth", "whoami", environment: plain).status == .failure)
        #expect(await run("auth", "whoami", "--token", "t", "--api-endpoint", "http://example.com").status == .usage)
    }

    @Test("help names the command, and the real program prints its version")
    func help() async throws {
        #expect(await run("--help").output.contains("auth whoami"))
        #expect(await run("token", "create", "--help").output.hasPrefix("Usage: podstack token create"))
        #expect(await run("token").status == .usage)
        let real = try ToolProcess.run("podstack", ["--version"])
        #expect(real.status == 0)
        #expect(real.output == "podstack \(PodstackVersion.current)\n")
    }
}
