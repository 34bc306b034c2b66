import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

@Suite("An endpoint cannot steal the token", .blocking, .timeLimit(.minutes(2)))
struct VouchingTests {
    let folder: TemporaryDirectory
    /// The server that would receive a stolen token.
    let thief: ScriptedServer

    init() throws {
        folder = try TemporaryDirectory()
        thief = try ScriptedServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
        _ = try folder.write("[default]\napi_token = of_the_profile\n", to: "credentials")
    }

    var endpoint: String { "PODSTACK_API_ENDPOINT=http://127.0.0.1:\(thief.port)\n" }

    func environment(
        _ dotEnv: String, _ variables: [String: String] = [:], override: Bool = false, trust: Bool = false
    ) throws -> PodstackEnvironment {
        var environment = PodstackEnvironment(
            ["PODSTACK_CREDENTIALS_FILE": folder.file("credentials")].merging(variables) { $1 })
        let path = try folder.write(dotEnv, to: ".env")
        try DotEnv.load(path, into: &environment, override: override, trust: trust)
        return environment
    }

    func refuse(
        _ environment: PodstackEnvironment, apiToken: String? = nil, profile: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let error = await #expect(throws: ConfigurationError.self, sourceLocation: sourceLocation) {
            try await Client(apiToken: apiToken, profile: profile, environment: environment).auth.whoami()
        }
        #expect(error?.message.contains(folder.file(".env")) == true, sourceLocation: sourceLocation)
        #expect(error?.hint?.contains("trust: true") == true, sourceLocation: sourceLocation)
        #expect(thief.received.isEmpty, "nothing may be sent", sourceLocation: sourceLocation)
    }

    @Test("an endpoint from a .env file receives no token from another source")
    func foreignToken() async throws {
        try await refuse(try environment(endpoint))
        try await refuse(try environment(endpoint), apiToken: "passed")
        try await refuse(try environment(endpoint), profile: "default")
        try await refuse(try environment(endpoint, ["PODSTACK_API_TOKEN": "of_the_process"]))
        let file = try folder.write("mounted", to: "mounted")
        try await refuse(try environment(endpoint, ["PODSTACK_API_TOKEN_FILE": file]))
        try await refuse(try environment(endpoint + "PODSTACK_API_TOKEN_FILE=\(file)\n"))
    }

    @Test("a token that expands a variable does not count as written in the file")
    func expandedToken() async throws {
        let secret = ["GITHUB_TOKEN": "ghp_secret"]
        try await refuse(try environment(endpoint + "PODSTACK_API_TOKEN=${GITHUB_TOKEN}\n", secret))
        try await refuse(try environment(endpoint + "A=x${GITHUB_TOKEN}\nPODSTACK_API_TOKEN=${A}\n", secret))
        try await refuse(try environment(endpoint + "PODSTACK_API_TOKEN=a\nPODSTACK_PROJECT=${GITHUB_TOKEN}\n", secret))
        let leaking = "PODSTACK_API_ENDPOINT=http://127.0.0.1:\(thief.port)/${GITHUB_TOKEN}\nPODSTACK_API_TOKEN=a\n"
        try await refuse(try environment(leaking, secret))
    }

    @Test("the error says when a token in the file is expanded from other variables")
    func expandedTokenIsExplained() throws {
        let environment = try environment(
            endpoint + "PODSTACK_API_TOKEN=${GITHUB_TOKEN}\n", ["GITHUB_TOKEN": "ghp_secret"])
        let error = try #require(throws: ConfigurationError.self) { try Client(environment: environment) }
        let token = "the token from PODSTACK_API_TOKEN of \(folder.file(".env")):2 is expanded from other variables"
        #expect(error.message.hasSuffix("is used only with a token that is written in the same file, and \(token)"))
    }

    @Test("a token from another .env file does not vouch for the endpoint")
    func otherFile() async throws {
        var environment = try environment(endpoint)
        try DotEnv.load(try folder.write("PODSTACK_API_TOKEN=a\n", to: "other.env"), into: &environment)
        try await refuse(environment)
    }

    @Test("two files loaded from one path count as two files")
    func samePath() async throws {
        var environment = try environment(endpoint)
        let path = try folder.write("PODSTACK_API_TOKEN=a\n", to: ".env")
        try DotEnv.load(path, into: &environment)
        try await refuse(environment)
    }

    @Test(
        "other variables that determine where a token goes are refused from a .env file",
        arguments: [
            "HTTPS_PROXY", "http_proxy", "ALL_PROXY", "NO_PROXY", "PODSTACK_CA_BUNDLE", "SSL_CERT_FILE",
            "PODSTACK_CREDENTIALS_FILE", "PODSTACK_PROFILE", "SSLKEYLOGFILE", "HOME", "LOCALDOMAIN", "RES_OPTIONS",
            "HOSTALIASES",
        ])
    func steering(name: String) async throws {
        let text = "\(name)=http://127.0.0.1:\(thief.port)\nPODSTACK_API_TOKEN=literal\n"
        try await refuse(try environment(text, override: true))
        #expect(throws: ConfigurationError.self) {
            try Client(credentials: .static(APIToken("x")), environment: environment(text, override: true))
        }
    }

    @Test("the endpoint is used with a token from the same file, with apiEndpoint:, or with trust")
    func allowed() throws {
        let whole = endpoint + "PODSTACK_API_TOKEN=literal\nPODSTACK_PROJECT=p\n"
        #expect(try Client(environment: environment(whole)).configuration.apiEndpoint.source.kind == "dotenv")
        let explicit = "http://127.0.0.1:\(thief.port)"
        _ = try Client(apiEndpoint: explicit, environment: environment(endpoint))
        let trusted = try Client(environment: environment(endpoint, trust: true))
        #expect(trusted.configuration.apiEndpoint.value.url == explicit)
        #expect(trusted.configuration.apiToken?.source.kind == "profile")
        _ = try Client(environment: environment("NO_PROXY=x\nPODSTACK_API_TOKEN=a\n", trust: true))
    }

    @Test("a variable that is already set does not count as set by the file")
    func alreadySet() throws {
        let environment = try environment(
            "HTTPS_PROXY=http://evil.example\nPODSTACK_API_TOKEN=a\n", ["HTTPS_PROXY": "http://proxy.example"])
        _ = try Client(environment: environment)
    }

    @Test("a token from a .env file in a parent directory gives a warning that names the file")
    func parentDirectory() throws {
        var environment = PodstackEnvironment([:])
        let path = folder.file(".env")
        environment.set([
            "PODSTACK_API_TOKEN": DotEnvOrigin(
                path: path, line: 1, value: "a", isLiteral: true, isTrusted: false, isInParent: true)
        ])
        let events = RecordedEvents()
        _ = try Client(environment: environment, onEvent: events.append)
        #expect(events.warnings == ["the token comes from \(path), which is not in the working directory"])
    }

    @Test("a PATH from an untrusted .env file is not used to find a program")
    func childPath() async throws {
        let program = try folder.writeProgram("touch '\(folder.file("ran"))'", to: "podstack-test-helper")
        #expect(chmod(program, 0o700) == 0)
        let credentials = try folder.write(
            "[default]\ncredential_process = podstack-test-helper\n", to: "path-credentials")
        #expect(chmod(credentials, 0o600) == 0)
        let variables = ["PODSTACK_CREDENTIALS_FILE": credentials, "PATH": "/usr/bin:/bin"]
        let environment = try environment("PATH=\(folder.path):/usr/bin\n", variables, override: true)
        await #expect(throws: ConfigurationError.self) { try await Client(environment: environment).auth.whoami() }
        #expect(folder.read("ran") == nil)
        let name = "PODSTACK_TEST_\(UInt32.random(in: 0...UInt32.max))"
        setenv("\(name)=\u{301}x", "y", 1)
        setenv("\(name)", "\u{301}:a=b", 1)
        defer { unsetenv(name) }
        #expect(PodstackEnvironment.process.all[name] == "\u{301}:a=b")
    }

    @Test("a credential_process does not inherit variables from an untrusted .env file")
    func childEnvironment() async throws {
        let credentials = try folder.write(
            """
            [default]
            credential_process = sh -c 'printf "{\\"version\\": 1, \\"api_token\\": \\"x%s\\"}" "$INJECTED"'
            """, to: "process-credentials")
        #expect(chmod(credentials, 0o600) == 0)
        let variables = ["PODSTACK_CREDENTIALS_FILE": credentials, "PATH": "/usr/bin:/bin"]
        let transport = RecordingTransport(.user(email: "you@example.com"))
        for (trust, expected) in [(false, "x"), (true, "xyes")] {
            let environment = try environment("INJECTED=yes\n", variables, trust: trust)
            let client = try Client(timeout: .seconds(600), environment: environment, transport: transport)
            _ = try await client.auth.whoami()
            #expect(transport.requests.last?.token == APIToken(expected))
        }
    }
}

#if canImport(Glibc)
    import Glibc
#endif
