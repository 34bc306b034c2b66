import PodstackSystem
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("credential_process, with real programs", .blocking, .timeLimit(.minutes(5)))
struct CredentialProcessTests {
    let folder: TemporaryDirectory
    let transport = RecordingTransport(.user(email: "you@example.com"))

    init() throws { folder = try TemporaryDirectory() }

    /// Returns an environment with a profile whose command runs a script in a shell.
    func environment(_ script: String, mode: mode_t = 0o600) throws -> PodstackEnvironment {
        let program = try folder.writeProgram("\(script)", to: "helper")
        #expect(chmod(program, 0o700) == 0)
        let path = try folder.write("[default]\ncredential_process = /bin/sh '\(program)' arg\n", to: "credentials")
        #expect(chmod(path, mode) == 0)
        return PodstackEnvironment([
            "PODSTACK_CREDENTIALS_FILE": path, "PATH": "/usr/bin:/bin", "COUNT": folder.file("count"),
        ])
    }

    static let token = #"printf '{"version": 1, "api_token": "of_the_process"}'"#

    func client(_ script: String, clock: TestClock = TestClock()) throws -> Client {
        try Client(
            timeout: .seconds(600), environment: environment(script), transport: transport, time: clock.time)
    }

    var runs: Int { folder.read("count")?.utf8.count ?? 0 }

    @Test("the command runs once for many calls, and its token is used")
    func once() async throws {
        let client = try client("printf x >> \"$COUNT\"; sleep 0.1; \(Self.token)")
        #expect(client.configuration.tokenSource?.kind == "process")
        #expect(client.configuration.apiToken == nil)
        #expect(runs == 0, "the command does not run before the first call")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = try await client.auth.whoami() } }
            try await group.waitForAll()
        }
        #expect(runs == 1)
        #expect(transport.requests.allSatisfy { $0.token == APIToken("of_the_process") })
    }

    @Test("a program without a slash is not searched for in the working directory")
    func workingDirectory() async throws {
        let name = "podstack-helper-\(UInt32.random(in: 0...UInt32.max))"
        let here = try #require(FilePath.workingDirectory).appending(name)
        try TemporaryDirectory.replace(here.text, with: "#!/bin/sh\n\(Self.token)\n")
        defer { unlink(here.text) }
        #expect(chmod(here.text, 0o700) == 0)
        let path = try folder.write("[default]\ncredential_process = \(name)\n", to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        for search in ["", ".", ":/usr/bin", "/usr/bin:", "./:/usr/bin", "/usr/bin"] {
            let client = try Client(
                environment: PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": path, "PATH": search]),
                transport: transport)
            let error = await #expect(throws: ConfigurationError.self) { try await client.auth.whoami() }
            #expect(error?.message.hasSuffix("cannot run \(name): No such file or directory") == true, "\(search)")
        }
        #expect(transport.requests.isEmpty)
    }

    @Test("the client waits for a program that closes its streams before it ends")
    func earlyClose() async throws {
        let client = try client("\(Self.token); exec 1>&- 2>&-; sleep 0.1; exit 0")
        #expect(try await client.auth.whoami().email == "you@example.com")
    }

    @Test("the command runs again shortly before its token expires")
    func expiry() async throws {
        let clock = TestClock()
        let end = Timestamp.format(clock.date.addingTimeInterval(3600))
        let client = try client(
            "printf x >> \"$COUNT\"; printf '{\"version\": 1, \"api_token\": \"t\", \"expires_at\": \"\(end)\"}'",
            clock: clock)
        _ = try await client.auth.whoami()
        clock.advance(by: .seconds(3500))
        _ = try await client.auth.whoami()
        #expect(runs == 1)
        clock.advance(by: .seconds(60))
        _ = try await client.auth.whoami()
        #expect(runs == 2)
    }

    @Test("after a 401 the command runs again, and the call is repeated with a new token")
    func refused() async throws {
        let responses = RecordingTransport(.failure(.expiredToken()), .user(email: "you@example.com"))
        let script = """
            printf x >> "$COUNT"
            printf '{"version": 1, "api_token": "t%s"}' "$(cat "$COUNT")"
            """
        let client = try Client(timeout: .seconds(600), environment: environment(script), transport: responses)
        #expect(try await client.auth.whoami().email == "you@example.com")
        #expect(responses.requests.map(\.token) == [APIToken("tx"), APIToken("txx")])
    }

    @Test(
        "a failure is one sentence with the standard error of the command",
        arguments: [
            ("echo 'vault is sealed' >&2; exit 3", "failed with status 3: vault is sealed"),
            ("kill -9 $$", "failed with status 137"),
            ("echo hello", "did not print the expected JSON object"),
            (#"echo '{"version": 2, "api_token": "t"}'"#, "printed version 2"),
            (#"echo '{"version": 1}'"#, "did not print the expected JSON object"),
            ("yes", "printed more than 64 KiB"),
            ("cat; \(token); exit 9", "failed with status 9"),
        ])
    func failures(script: String, message: String) async throws {
        let error = await #expect(throws: ConfigurationError.self) { try await client(script).auth.whoami() }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("credential_process of \(folder.file("credentials")):2 [default]") == true)
        #expect(transport.requests.isEmpty)
    }

    @Test("after a failure the next call runs the command again")
    func recovery() async throws {
        let client = try client("[ -e \"$COUNT\" ] && { \(Self.token); exit 0; }; touch \"$COUNT\"; exit 1")
        await #expect(throws: ConfigurationError.self) { try await client.auth.whoami() }
        #expect(try await client.auth.whoami().email == "you@example.com")
    }

    @Test("a token on standard error is redacted")
    func redaction() async throws {
        let token = TestToken.generate(id: "zab5rrb1")
        let error = await #expect(throws: ConfigurationError.self) {
            try await client("echo 'got=\"\(token)\"' >&2; exit 1").auth.whoami()
        }
        #expect(error?.message.contains("got=\"podstack_zab5rrb1…\"") == true)
    }

    @Test("the parts of a token around an invisible character are both removed")
    func brokenUpToken() {
        let token = TestToken.generate(id: "zab5rrb1")
        let reply = "\(token.prefix(30))\u{200B}\(token.dropFirst(30))"
        let result = ChildProcess.Result(status: 1, output: [], error: Array(reply.utf8))
        let error = #expect(throws: ConfigurationError.self) {
            try CredentialProcessOutput.credential(in: result, from: .argument("test"))
        }
        #expect(error?.message == "test failed with status 1: podstack_zab5rrb1…")
    }

    @Test("the command has no input, its own session, and a time limit")
    func isolation() async throws {
        let client = try client(
            """
            [ "$(cat)" = "" ] && [ "$(ps -o sid= -p $$ | tr -d ' ')" = "$$" ] && \(Self.token)
            """)
        #expect(try await client.auth.whoami().email == "you@example.com")
        let source = ClientConfiguration.Source.argument("test")
        let error = await #expect(throws: ConfigurationError.self) {
            try await ChildProcess.run(
                ["/bin/sh", "-c", "sleep 100 & sleep 100"], environment: [:], of: source, within: .milliseconds(200))
        }
        #expect(error?.message == "test did not end within 0 seconds")
    }

    @Test(
        "the end of the program counts, not that of a process which keeps its output open",
        arguments: [
            "sleep 1000 &", "setsid sleep 1000 &", "setsid sh -c 'sleep 1000 & exec sleep 1000' 2>&1 &",
            "(sleep 1000; true) 2>&1 &",
        ])
    func agent(background: String) async throws {
        let client = try client("\(background) echo $! > \"$COUNT\"; \(Self.token)")
        let start = ContinuousClock.now
        #expect(try await client.auth.whoami().email == "you@example.com")
        #expect(ContinuousClock.now - start < .seconds(25))
        let id = try #require(folder.read("count").flatMap { pid_t($0.dropLast()) })
        // The agent that the program left running is not ended; the test ends it and its children.
        #expect(kill(-getpgid(id), SIGKILL) == 0)
    }

    @Test("everything that a program wrote before its end is read, whatever still writes")
    func lastOutput() async throws {
        let source = ClientConfiguration.Source.argument("test")
        for _ in 0..<20 {
            let result = try await ChildProcess.run(
                ["/bin/sh", "-c", "setsid sleep 5 & head -c 60000 /dev/zero; echo end >&2; kill $!; exit 7"],
                environment: ["PATH": "/usr/bin:/bin"], of: source)
            #expect((result.status, result.output.count, result.errorText) == (7, 60_000, "end"))
        }
        let error = await #expect(throws: ConfigurationError.self) {
            try await ChildProcess.run(
                ["/bin/sh", "-c", "yes & sleep 1; exit 0"], environment: ["PATH": "/usr/bin:/bin"], of: source)
        }
        #expect(error?.message == "test printed more than 64 KiB")
    }

    @Test(
        "the path of a program with spaces works in the credentials file",
        arguments: [
            #""{}""#, "'{}'", "{}", #""{}" get"#, "'{}' 'get'", #"'{}' "get it""#, #""'{}' get""#, #"  "{}"  "#,
        ])
    func pathWithSpaces(written: String) async throws {
        #expect(mkdir(folder.file("my tools"), 0o700) == 0)
        let program = try folder.writeProgram("\(Self.token)", to: "my tools/get it")
        #expect(chmod(program, 0o700) == 0)
        let path = try folder.write(
            "[default]\ncredential_process = \(written.replacing("{}", with: program))\n", to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        let client = try Client(
            environment: PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": path, "PATH": "/usr/bin:/bin"]),
            transport: transport)
        #expect(try await client.auth.whoami().email == "you@example.com")
        let direct = try Client(
            credentials: .process(command: written.replacing("{}", with: program)),
            environment: PodstackEnvironment([:]), transport: transport)
        if !written.hasPrefix("\"'") { #expect(try await direct.auth.whoami().email == "you@example.com") }
    }

    @Test("~/ at the start of the program is the home directory")
    func home() async throws {
        #expect(mkdir(folder.file("bin"), 0o700) == 0)
        let program = try folder.writeProgram("\(Self.token)", to: "bin/get-token")
        #expect(chmod(program, 0o700) == 0)
        for command in ["~/bin/get-token", "~/bin/get-token now", "\"~/bin/get-token\""] {
            let client = try Client(
                credentials: .process(command: command, environment: PodstackEnvironment(["HOME": folder.path])),
                environment: PodstackEnvironment([:]), transport: transport)
            #expect(try await client.auth.whoami().email == "you@example.com")
        }
    }

    @Test("an unquoted path with spaces gets a hint")
    func unquoted() async throws {
        let client = try Client(
            credentials: .process(command: "/opt/my tools/get-token now"), environment: PodstackEnvironment([:]),
            transport: transport)
        let error = await #expect(throws: ConfigurationError.self) { try await client.auth.whoami() }
        #expect(error?.message == "credentials: cannot run /opt/my: No such file or directory")
        #expect(error?.hint == "A path that contains spaces must be in quotes")
    }

    @Test("canceling the only waiting call ends the program and the processes that it started")
    func cancellation() async throws {
        let client = try client("echo $$ > \"$COUNT\"; sleep 1000 & sleep 1000")
        let task = Task { try await client.auth.whoami() }
        var id: pid_t?
        try await eventually(within: .seconds(60), "the program writes its ID") {
            id = folder.read("count").flatMap { pid_t($0.dropLast()) }
            return id != nil
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let group = try #require(id)
        try await eventually(within: .seconds(60), "the program and its children end") { kill(-group, 0) != 0 }
    }

    @Test("a command in a file that others can write to does not run", arguments: [mode_t(0o620), 0o602, 0o666])
    func writableByOthers(mode: mode_t) async throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Client(environment: environment("touch \"$COUNT\"", mode: mode))
        }
        #expect(error?.message.contains("is not run") == true)
        #expect(folder.read("count") == nil)
    }

    @Test("a command in a file of another user does not run, not even for root", .enabled(if: geteuid() == 0))
    func foreignFile() async throws {
        let environment = try environment("touch \"$COUNT\"; \(Self.token)")
        let path = folder.file("credentials")
        #expect(chown(path, 65_534, 65_534) == 0)
        let error = await #expect(throws: ConfigurationError.self) {
            try await Client(environment: environment, transport: transport).auth.whoami()
        }
        #expect(error?.message.contains("is not run: \(path) must belong to you") == true)
        #expect(folder.read("count") == nil)
    }

    @Test("20 calls that are rejected one after another run the command once")
    func rejectedInTurn() async throws {
        let script = "printf x >> \"$COUNT\"; printf '{\"version\": 1, \"api_token\": \"new\"}'"
        let configuration = try ClientConfiguration(environment: environment(script))
        let provider = configuration.token.provider(try environment(script))
        let cache = TokenCache(provider, first: APIToken("old"), time: .system)
        for _ in 0..<20 { #expect(try await cache.replacement(for: APIToken("old")) == APIToken("new")) }
        #expect(runs == 1)
    }

    @Test("a written token takes precedence over the command")
    func both() throws {
        let path = try folder.write("[default]\ncredential_process = false\napi_token = written\n", to: "both")
        let configuration = try ClientConfiguration(
            environment: PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": path]))
        #expect(configuration.apiToken?.source == .profile("default", path: path, line: 3))
        #expect(configuration.apiToken?.shadows.map(\.source) == [.process("default", path: path, line: 2)])
    }
}
