import Foundation
import Podstack
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("podstack auth login --use-keyring, with a real keyring", .blocking, .timeLimit(.minutes(10)))
struct KeyringTests {
    let server: RunningServer
    let session: KeyringSession
    var home: TemporaryDirectory { session.home }

    init() throws {
        server = try RunningServer()
        session = try KeyringSession()
        try writeProgram(in: session)
    }

    /// Writes a program that records how it is started, and starts the real one.
    ///
    /// Its path needs quotes.
    func writeProgram(in session: KeyringSession) throws {
        let home = session.home
        try FileManager.default.createDirectory(atPath: home.file("my #1 'tools'"), withIntermediateDirectories: true)
        let real = try ToolProcess.path(of: "podstack-keyring")
        let script = """
            #!/bin/sh
            { echo "$@"; /usr/bin/env; } >>"$HOME/started"
            exec '\(real)' "$@"
            """
        let written = try home.write(script, to: "script")
        // Copied by another process: a child of another test may hold a file of this process open for writing, and
        // such a file cannot be run.
        let copied = try ToolProcess.run(
            "/usr/bin/install", ["-m", "700", written, home.file("my #1 'tools'/podstack-keyring")])
        #expect(copied.status == 0, "\(copied.error)")
    }

    func run(
        _ words: String..., environment: [String: String] = [:], input: String = "", in other: KeyringSession? = nil
    ) async -> Console.Outcome {
        let session = other ?? session
        let own = session.environment.merging(["PODSTACK_API_ENDPOINT": server.url]) { $1 }
        var console = Console(environment: own)
        console.keyringProgram = session.home.file("my #1 'tools'/podstack-keyring")
        return await console.run(words, environment: environment, input: input)
    }

    var credentials: String { home.read(".podstack/credentials") ?? "" }

    /// The entry of the profile; nil when it has none.
    var entry: String? { credentials.firstMatch(of: /podstack-keyring' get ([0-9a-f]+-[ab])/).map { String($0.1) } }

    /// Returns the tokens of the profile in the keyring.
    func tokens(of entry: String) throws -> [String] {
        let name = entry.dropLast()
        return try ["a", "b"].compactMap { letter in
            let result = try session.tool(["get", name + letter])
            return result.output.firstMatch(of: /"api_token": "(\S+)"/).map { String($0.1) }
        }
    }

    /// Returns the secret part of a token.
    func secret(_ token: String) -> Substring { token.dropFirst(18) }

    @Test("the token is only in the keyring, all commands find it there, and no file or output contains its secret")
    func login() async throws {
        let token = try server.createToken()
        let login = await run("auth", "login", "--use-keyring", input: token + "\n")
        #expect(login.status == .success, "\(login.error)")
        #expect(login.output == "Authenticated as: you@example.com\n")
        let path = home.file(".podstack/credentials")
        #expect(login.error == "Stored in the keyring, for \(path) [default], for \(server.url)\n")
        #expect(try tokens(of: #require(entry)) == [token])
        let status = await run("auth", "status")
        #expect(status.output.contains("keyring, by credential_process of \(path):2 [default]"), "\(status.output)")
        let explained = await run("config", "explain", "-o", "json")
        #expect(explained.output.contains("\"origin\":\"keyring, by credential_process of \(path):2 [default]\""))
        #expect(explained.status == .success)
        #expect(await run("config", "check").status == .success)
        // The SDK finds the token without the CLI.
        let client = try Client(
            environment: PodstackEnvironment(session.environment.merging(["PODSTACK_API_ENDPOINT": server.url]) { $1 }))
        #expect(try await client.auth.whoami().email == RunningServer.email)
        let displayed = [login, status, explained].map { $0.output + $0.error }.joined()
        let started = home.read("started") ?? ""
        #expect(started.contains("store ") && started.contains("get "))
        for text in [displayed, started, credentials, server.log] { #expect(!text.contains(secret(token))) }
        for name in try FileManager.default.subpathsOfDirectory(atPath: home.path) where name != "bus" {
            let bytes = FileManager.default.contents(atPath: home.file(name)) ?? Data()
            #expect(bytes.firstRange(of: Data(secret(token).utf8)) == nil, "\(name)")
        }
    }

    @Test("podstack-keyring is started without the variables of podstack")
    func environment() async throws {
        let token = try server.createToken()
        let login = await run(
            "auth", "login", "--use-keyring", "--force", environment: ["PODSTACK_API_TOKEN": token], input: token)
        #expect(login.status == .success, "\(login.error)")
        #expect(home.read("started")?.contains("PODSTACK_") == false)
    }

    @Test("a profile that moves between the file and the keyring leaves no token behind")
    func moving() async throws {
        let tokens = try (0..<3).map { _ in try server.createToken() }
        #expect(await run("auth", "login", input: tokens[0]).status == .success)
        #expect(await run("config", "set", "project_id", "p").status == .success)
        #expect(await run("auth", "login", "--use-keyring", input: tokens[1]).status == .success)
        #expect(!credentials.contains("api_token"))
        #expect(credentials.contains("project_id = p"))
        let entry = try #require(entry)
        #expect(try self.tokens(of: entry) == [tokens[1]])
        let back = await run("auth", "login", input: tokens[2])
        #expect(back.status == .success)
        #expect(!back.error.contains("warning"))
        #expect(credentials.contains("api_token = \(tokens[2])"))
        #expect(!credentials.contains("process"))
        #expect(try self.tokens(of: entry).isEmpty)
        #expect(await run("auth", "whoami").output == "you@example.com\n")
    }

    @Test(
        "logout removes the token from the file and the keyring, and a token that is missing in the keyring is reported"
    )
    func logout() async throws {
        #expect(await run("auth", "login", "--use-keyring", input: try server.createToken()).status == .success)
        let entry = try #require(entry)
        let logout = await run("auth", "logout")
        #expect(logout.status == .success, "\(logout.error)")
        #expect(logout.error.contains("from the keyring and \(home.path)"))
        #expect(try tokens(of: entry).isEmpty)
        #expect(!credentials.contains("process"))
        #expect(await run("auth", "logout").status == .failure)
        #expect(await run("auth", "whoami").status == .notAuthenticated)
        #expect(await run("auth", "login", "--use-keyring", input: try server.createToken()).status == .success)
        #expect(try session.tool(["erase", entry]).status == 0)
        let gone = await run("auth", "whoami")
        #expect(gone.status == .failure)
        #expect(gone.error.contains("the keyring does not have this token any more: \"podstack auth login"))
        #expect(await run("auth", "logout").status == .success)
        #expect(await run("auth", "login", "--use-keyring", input: try server.createToken()).status == .success)
        #expect(await run("auth", "whoami").status == .success)
    }

    @Test("refresh stores the new secret in the keyring, and a running client continues with it")
    func refresh() async throws {
        let token = try server.createToken()
        #expect(await run("auth", "login", "--use-keyring", input: token).status == .success)
        let before = credentials
        let running = try Client(
            environment: PodstackEnvironment(session.environment.merging(["PODSTACK_API_ENDPOINT": server.url]) { $1 }))
        _ = try await running.auth.whoami()
        let refresh = await run("auth", "refresh", "--grace", "0s")
        #expect(refresh.status == .success, "\(refresh.error)")
        #expect(refresh.output.contains(" in the keyring, for \(home.path)/.podstack/credentials [default]\n"))
        #expect(credentials == before)
        let new = try tokens(of: #require(entry))
        #expect(new.count == 1 && new != [token])
        #expect(!(refresh.output + refresh.error + (home.read("started") ?? "")).contains(secret(new[0])))
        #expect(try await running.auth.whoami().token?.generation == 2)
        let stale = await run("auth", "whoami", environment: ["PODSTACK_API_TOKEN": token])
        #expect(stale.status == .notAuthenticated)
    }

    @Test("config reset keeps the token, and reset --all removes it from the keyring")
    func reset() async throws {
        #expect(await run("auth", "login", "--use-keyring", input: try server.createToken()).status == .success)
        let before = credentials
        #expect(await run("config", "set", "project_id", "p").status == .success)
        #expect(await run("config", "reset", "--yes").status == .success)
        #expect(credentials == before)
        #expect(await run("config", "show").output.contains("credential_store_process"))
        let entry = try #require(entry)
        let all = await run("config", "reset", "--all", "--yes")
        #expect(all.error.contains("its token stays valid until it is revoked"), "\(all.error)")
        #expect(try tokens(of: entry).isEmpty)
        #expect(!credentials.contains("[default]"))
    }

    @Test("two concurrent refreshes leave a valid token in the keyring")
    func twoAtOnce() async throws {
        #expect(await run("auth", "login", "--use-keyring", input: try server.createToken()).status == .success)
        for _ in 0..<3 {
            async let first = run("auth", "refresh", "--grace", "0s")
            async let second = run("auth", "refresh", "--grace", "0s")
            for outcome in await [first, second] { #expect(outcome.status == .success, "\(outcome.error)") }
            #expect(await run("auth", "whoami").status == .success)
        }
        #expect(try tokens(of: #require(entry)).count == 1)
    }

    @Test("a .env cannot send the token to the keyring of another session")
    func dotEnv() async throws {
        let other = try KeyringSession()
        let address = try #require(other.environment["DBUS_SESSION_BUS_ADDRESS"])
        let file = try home.write("DBUS_SESSION_BUS_ADDRESS=\(address)\n", to: ".env")
        let token = try server.createToken()
        var console = Console(environment: ["HOME": home.path, "XDG_RUNTIME_DIR": home.path])
        console.keyringProgram = home.file("my #1 'tools'/podstack-keyring")
        let words = ["auth", "login", "--use-keyring", "--env-file", file, "--api-endpoint", server.url]
        let login = await console.run(words, input: token)
        #expect(login.status == .success, "\(login.error)")
        let entry = try #require(entry)
        #expect(try tokens(of: entry) == [token])
        #expect(try other.tool(["get", entry]).status == 1)
    }

    @Test("a login removes the access of others from a file, which names programs to run")
    func open() async throws {
        try FileManager.default.createDirectory(atPath: home.file(".podstack"), withIntermediateDirectories: true)
        let path = try home.write("[default]\nproject_id = p\n", to: ".podstack/credentials")
        #expect(chmod(path, 0o666) == 0)
        #expect(await run("auth", "login", "--use-keyring", input: try server.createToken()).status == .success)
        let whoami = await run("auth", "whoami")
        #expect(whoami.status == .success, "\(whoami.error)")
    }

    @Test("a login to another service whose file cannot be written keeps the former login")
    func unwritableFile() async throws {
        let token = try server.createToken()
        #expect(await run("auth", "login", "--use-keyring", input: token).status == .success)
        let before = credentials
        try FileManager.default.createDirectory(
            atPath: home.file(".podstack/credentials.tmp"), withIntermediateDirectories: true)
        let other = try RunningServer()
        let failed = await run(
            "auth", "login", "--use-keyring", "--api-endpoint", other.url, input: try other.createToken())
        #expect(failed.status == .failure, "\(failed.error)")
        #expect(credentials == before)
        #expect(try tokens(of: #require(entry)) == [token])
        try FileManager.default.removeItem(atPath: home.file(".podstack/credentials.tmp"))
        let moved = try other.createToken()
        let done = await run("auth", "login", "--use-keyring", "--api-endpoint", other.url, input: moved)
        #expect(done.status == .success, "\(done.error)")
        #expect(try tokens(of: #require(entry)) == [moved])
    }

    @Test("a locked keyring is reported, and no token is stored, moved or removed")
    func locked() async throws {
        let token = try server.createToken()
        #expect(await run("auth", "login", "--use-keyring", input: token).status == .success)
        let before = credentials
        try session.lock()
        for words in [
            ["auth", "whoami"], ["auth", "refresh"], ["auth", "logout"], ["auth", "login", "--use-keyring"],
        ] {
            var console = Console(environment: session.environment)
            console.keyringProgram = home.file("my #1 'tools'/podstack-keyring")
            let outcome = await console.run(words, input: try server.createToken())
            #expect(outcome.status == .failure)
            #expect(outcome.error.contains("the keyring is locked, and was not unlocked"), "\(outcome.error)")
            #expect(credentials == before)
        }
        // A user who cannot unlock it can still log in, with a warning about the former token.
        let login = await run("auth", "login", input: token)
        #expect(login.status == .success)
        #expect(login.error.contains("warning: the former token is still in the keyring: the keyring is locked"))
        #expect(await run("auth", "whoami").status == .success)
    }

    @Test("without a keyring the error says what to do, before any question, and the file is never used instead")
    func missing() async throws {
        let token = try server.createToken()
        let alone = try KeyringSession(hasKeyring: false)
        try writeProgram(in: alone)
        let noKeyring = await run("auth", "login", "--use-keyring", input: token, in: alone)
        #expect(noKeyring.error.hasPrefix("error: no keyring responds in this session: install and start one"))
        let noBus = await run(
            "auth", "login", "--use-keyring",
            environment: ["DBUS_SESSION_BUS_ADDRESS": "unix:path=\(home.file("none"))"], input: token, in: alone)
        #expect(noBus.error.hasPrefix("error: there is no desktop session, and so no keyring"))
        #expect(noBus.error.contains("hint: Without --use-keyring the token is stored in the credentials file\n"))
        let noProgram = await Console(environment: session.environment).run("auth", "login", "--use-keyring")
        #expect(
            noProgram.error.hasPrefix(
                "error: podstack-keyring, which accesses the keyring, is not in the directory of podstack"))
        let web = await run("auth", "login", "--use-keyring", "--web", in: alone)
        #expect(web.error.hasPrefix("error: no keyring responds"))
        for outcome in [noKeyring, noBus, noProgram, web] { #expect(outcome.status == .failure) }
        #expect(alone.home.read(".podstack/credentials") == nil)
        #expect(home.read(".podstack/credentials") == nil)
    }

    @Test("a command of the user is not replaced, and the commands of the keyring cannot be changed")
    func commands() async throws {
        #expect(await run("config", "set", "credential_process", "/bin/mine").status == .success)
        let login = await run("auth", "login", "--use-keyring", input: try server.createToken())
        #expect(login.status == .failure)
        #expect(login.error.contains("[default] has its own credential_process\nhint: podstack config unset"))
        #expect(await run("config", "unset", "credential_process").status == .success)
        #expect(await run("auth", "login", "--use-keyring", input: try server.createToken()).status == .success)
        for words in [["unset", "credential_process"], ["set", "credential_store_process", "x"]] {
            let outcome = await Console(environment: session.environment).run(["config"] + words)
            #expect(outcome.status == .failure)
            #expect(outcome.error.contains("podstack auth logout removes the token and the key"))
        }
    }

    @Test(
        "podstack-keyring rejects unknown commands and arguments",
        arguments: [[], ["get"], ["get", ""], ["get", "a", "b"], ["store"], ["erase"], ["check", "x"], ["fly"]])
    func usage(words: [String]) throws {
        let outcome = try session.tool(words)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.error.hasPrefix("Usage: podstack-keyring COMMAND"))
    }

    @Test("podstack-keyring stores no empty token, fails to get a missing token, and erases it without an error")
    func empty() throws {
        #expect(try session.tool(["store", "x"]).error == "standard input does not contain a token\n")
        #expect(try session.tool(["get", "x"]).status == 1)
        #expect(try session.tool(["erase", "x"]).status == 0)
        #expect(try session.tool(["--help"]).output.hasPrefix("Usage: podstack-keyring COMMAND"))
    }

    @Test("the real program finds podstack-keyring in its directory, and loads none of its libraries")
    func realProgram() async throws {
        let token = try server.createToken()
        let file = try home.write(token, to: "token")
        let environment = session.environment.merging(["PODSTACK_API_ENDPOINT": server.url]) { $1 }
        let login = try ToolProcess.run(
            "podstack", ["auth", "login", "--use-keyring", "--token-file", file], environment: environment)
        #expect(login.status == 0, "\(login.error)")
        #expect(!credentials.contains("api_token"))
        #expect(try ToolProcess.run("podstack", ["auth", "whoami"], environment: environment).status == 0)
        let refresh = try ToolProcess.run("podstack", ["auth", "refresh"], environment: environment)
        #expect(refresh.status == 0, "\(refresh.error)")
        #expect(try ToolProcess.run("podstack", ["auth", "logout"], environment: environment).status == 0)
        let libraries = try ToolProcess.run("/usr/bin/ldd", [ToolProcess.path(of: "podstack")])
        #expect(libraries.output.contains("libcurl"))
        #expect(!libraries.output.contains("libsecret") && !libraries.output.contains("libglib"))
    }
}
