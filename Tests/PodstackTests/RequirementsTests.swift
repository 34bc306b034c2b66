import Podstack
import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Tests the rows of the authentication page that concern the SDK against a running service.
@Suite("The authentication page, row by row", .blocking, .timeLimit(.minutes(5)))
struct RequirementsTests {
    let server: RunningServer
    let home: TemporaryDirectory

    init() throws {
        server = try RunningServer()
        home = try TemporaryDirectory()
    }

    func environment(_ variables: [String: String] = [:]) -> PodstackEnvironment {
        PodstackEnvironment(server.environment(home: home).merging(variables) { $1 })
    }

    /// Runs a snippet of the guide in its own process, with a real environment and a real home directory.
    func run(_ snippet: String, _ variables: [String: String] = [:]) throws -> (
        status: Int32, output: String, error: String
    ) {
        let all = server.environment(home: home).merging(variables) { $1 }
        return try ToolProcess.run("GuideSnippets", [snippet], environment: all.filter { !$0.value.isEmpty })
    }

    /// Writes the file as the documentation shows it, except for the tokens.
    func writeCredentials(_ defaultToken: String, _ productionToken: String) throws {
        #expect(mkdir(home.file(".podstack"), 0o700) == 0)
        let path = try home.write(
            """
            [default]
            api_token = \(defaultToken)

            [production]
            api_token = \(productionToken)
            """, to: ".podstack/credentials")
        #expect(chmod(path, 0o600) == 0)
    }

    @Test("R2: Client() reads PODSTACK_API_TOKEN")
    func environmentVariable() throws {
        let run = try run("environment", ["PODSTACK_API_TOKEN": server.createToken()])
        #expect(run.output == "you@example.com\n", "\(run.error)")
    }

    @Test("R3: Client(apiToken:) uses its argument, not the environment")
    func directToken() async throws {
        let client = try Client(
            apiToken: try server.createToken(), environment: environment(["PODSTACK_API_TOKEN": "another"]))
        #expect(try await client.auth.whoami().email == "you@example.com")
    }

    @Test("R4, R5: the credentials file as documented, with its default profile and a named one")
    func credentialsFile() async throws {
        let production = try server.createToken()
        try writeCredentials(try server.createToken(), production)
        #expect(try run("profiles").output == "you@example.com you@example.com\n")
        let client = try Client(profile: "production", environment: environment())
        #expect(try await client.auth.whoami().token?.prefix == String(production.prefix(17)))
        let ambient = try Client(environment: environment(["PODSTACK_PROFILE": "production"]))
        #expect(try await ambient.auth.whoami().token?.prefix == String(production.prefix(17)))
    }

    @Test("R6: the project, as an argument or in PODSTACK_PROJECT, is sent with the request and scopes it")
    func project() async throws {
        let token = try server.createToken()
        let created = try await Client(apiToken: token, environment: environment()).projects.create(name: "mine")
        let passed = try Client(apiToken: token, projectID: created.id, environment: environment())
        #expect(try await passed.projects.current().name == "mine")
        let variable = try Client(apiToken: token, environment: environment(["PODSTACK_PROJECT": created.id]))
        #expect(try await variable.projects.current().name == "mine")
        // The service checks the project: a missing one stops the operation.
        let wrong = try Client(apiToken: token, projectID: "prj_nowhere", environment: environment())
        let error = await #expect(throws: ResourceNotFoundError.self) { try await wrong.projects.list().all() }
        #expect(error?.hint == "The project prj_nowhere came from projectID:")
    }

    @Test("R7: Client(apiEndpoint:) sends requests to that service")
    func endpoint() async throws {
        let client = try Client(
            apiToken: try server.createToken(), apiEndpoint: server.url,
            environment: environment(["PODSTACK_API_ENDPOINT": "https://elsewhere.example"]))
        #expect(try await client.auth.whoami().email == "you@example.com")
        #expect(client.configuration.apiEndpoint.shadows.map(\.source) == [.environment("PODSTACK_API_ENDPOINT")])
    }

    @Test("R8: whoami returns a user with an email address")
    func whoami() async throws {
        let client = try Client(apiToken: try server.createToken(), environment: environment())
        let user: User = try await client.auth.whoami()
        #expect(user.email == "you@example.com")
    }

    @Test("R9: printing an error gives the reason in one sentence, without a secret")
    func printedErrors() throws {
        let good = try run("verify", ["PODSTACK_API_TOKEN": server.createToken()])
        #expect(good.output == "Authenticated as: you@example.com\n")
        let token = TestToken.generate(id: "00000000")
        let wrong = try run("verify", ["PODSTACK_API_TOKEN": token])
        #expect(wrong.output == "Authentication failed: Invalid API token\n")
        let unreachable = try run(
            "verify", ["PODSTACK_API_TOKEN": token, "PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"])
        #expect(unreachable.output.hasPrefix("Authentication failed: No response from http://127.0.0.1:1: "))
        #expect(!(wrong.output + wrong.error + unreachable.output).contains(token.dropFirst(18)))
    }

    @Test("R14: DotEnv.load() and then Client()")
    func dotEnv() throws {
        _ = try home.write(
            "PODSTACK_API_TOKEN=\(try server.createToken())\nPODSTACK_API_ENDPOINT=\(server.url)\n", to: ".env")
        let run = try ToolProcess.run(
            "/bin/sh",
            ["-c", "cd \"$HOME\" && exec \"$1\" dotenv", "sh", ToolProcess.path(of: "GuideSnippets")],
            environment: ["HOME": home.path])
        #expect(run.output == "you@example.com\n", "\(run.error)")
    }

    @Test("R15: Invalid API token, with a code for unknown, expired, revoked and malformed tokens")
    func invalidToken() async throws {
        let revoked = try server.createToken()
        try await Client(apiToken: revoked, environment: environment()).auth.revoke()
        let past = try server.createToken(expiresAt: 1)
        for (token, code) in [
            (TestToken.generate(id: "00000000"), ErrorCode.invalidToken), (past, .expiredToken),
            (revoked, .revokedToken),
            ("another-shape", .malformedToken),
        ] {
            let error = await #expect(throws: AuthenticationError.self) {
                try await Client(apiToken: token, environment: environment()).auth.whoami()
            }
            #expect(error?.message == "Invalid API token")
            #expect(error?.code == code)
        }
    }

    @Test("R16: No API token provided, with the places that were searched")
    func noToken() throws {
        let error = try #require(throws: AuthenticationError.self) { try Client(environment: environment()) }
        #expect(
            error.message == "No API token provided: looked in apiToken:, PODSTACK_API_TOKEN, PODSTACK_API_TOKEN_FILE, "
                + "\(home.path)/.podstack/credentials [default]")
        let published = environment(["PODSTACK_API_KEY": "of the published client"])
        let hinted = try #require(throws: AuthenticationError.self) { try Client(environment: published) }
        #expect(hinted.hint == "PODSTACK_API_KEY is set, but the variable that is read is PODSTACK_API_TOKEN")
    }

    @Test("R17: Access denied to resource, with the missing scope")
    func permissionDenied() async throws {
        let admin = try Client(apiToken: try server.createToken(), environment: environment())
        let created = try await admin.tokens.create(name: "reader", scopes: ["projects:read"])
        let reader = try created.secret.withSecret { try Client(apiToken: $0, environment: environment()) }
        let error = await #expect(throws: PermissionError.self) { try await reader.projects.create(name: "x") }
        #expect(error.map { "\($0)" } == "Access denied to resource: the token lacks projects:create")
    }
}
