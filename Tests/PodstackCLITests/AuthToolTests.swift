import Foundation
import Podstack
import PodstackAPI
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Synchronization
import Testing

@Suite("podstack auth: choices, token, switch and status", .blocking, .timeLimit(.minutes(5)))
struct AuthToolTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: false) }

    // MARK: - Login on a terminal

    @Test("login offers browser and token, opens the page of tokens for the second, and echoes nothing")
    func choice() async throws {
        let opened = Mutex<[String]>([])
        var console = console
        console.openPage = { page in opened.withLock { $0.append(page) } }
        let token = try server.createToken()
        console.secrets = ["2", token]
        let login = await console.run("auth", "login")
        #expect(login.status == .success, "\(login.error)")
        #expect(
            login.error.hasPrefix("How do you want to log in to \(server.url)?\n  1  approve the login in a browser\n"))
        #expect(login.error.contains("\(server.url)/account/tokens/new\n"))
        #expect(opened.withLock { $0 } == ["\(server.url)/account/tokens/new"])
        #expect(!login.error.contains(token))
        // The page exists.
        #expect(try TestClient(signedUpAt: server).get("/account/tokens/new").status == 200)
    }

    @Test("a token that is pasted instead of a choice is used at once")
    func pastedAtOnce() async throws {
        var console = console
        console.secrets = [try server.createToken()]
        console.openPage = { _ in Issue.record("no page is needed") }
        let login = await console.run("auth", "login")
        #expect(login.status == .success, "\(login.error)")
        #expect(home.read(".podstack/credentials")?.contains("api_token = podstack_") == true)
        console.secrets = [""]
        let empty = await console.run("auth", "login")
        #expect(empty.status == .failure)
        #expect(empty.error.hasSuffix("error: no token was entered: type it, or pipe it to standard input\n"))
    }

    @Test("a wrong choice is asked again, and never sent")
    func wrongChoice() async throws {
        var console = console
        let token = try server.createToken()
        console.secrets = ["3", "yes", token]
        let login = await console.run("auth", "login")
        #expect(login.status == .success, "\(login.error)")
        #expect(login.error.contains("That is not one of the choices. Type 1 or 2, or paste an API token: "))
        console.secrets = ["3", "3", "3", "3", "3", token]
        #expect(await console.run("auth", "login").status == .failure)
    }

    @Test(
        "login does not send a token of another service, or a text that is too short",
        arguments: [
            ("ghp_" + String(repeating: "b", count: 36), "It looks like a token from GitHub"),
            ("hf_" + String(repeating: "b", count: 34), "It looks like a token from Hugging Face"),
            ("podstack_abc", "It has only 12 characters, and was copied incompletely"),
        ])
    func foreignToken(text: String, reason: String) async throws {
        let stranger = try ScriptedServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
        let login = await console.run(
            "auth", "login", environment: ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(stranger.port)"], input: text)
        #expect(login.status == .notAuthenticated)
        #expect(
            login.error.hasPrefix("error: Invalid API token: \(reason). It came from standard input, and was not sent"))
        #expect(stranger.received.isEmpty)
        #expect(!login.error.contains(text.suffix(8)) && home.read(".podstack/credentials") == nil)
    }

    @Test("the first choice is the login in a browser")
    func browser() async throws {
        let code =
            #"{"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "http://localhost/device", "verification_uri_complete": "http://localhost/device?code=WDJB-MJHT", "expires_in": 600, "interval": 5}"#
        let denied = #"{"error": {"code": "access_denied", "message": "m"}}"#
        let stranger = try ScriptedServer { request in
            let isStart = request.hasPrefix("POST /v1/device/code ")
            let body = isStart ? code : denied
            return
                "HTTP/1.1 \(isStart ? 200 : 400) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        var console = console
        console.time.sleep = { _ in }
        for word in ["1", " 1 ", "b", "Browser", "web"] {
            console.secrets = [word]
            let login = await console.run(
                "auth", "login", environment: ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(stranger.port)"])
            #expect(login.status == .notAllowed, "\(login.error)")
            #expect(login.error.contains("It must show this code:         WDJB-MJHT"))
        }
    }

    // MARK: - Token and status

    @Test("auth token prints the current token from each source, without a request")
    func token() async throws {
        let offline = ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"]
        let token = TestToken.generate(id: "00000000")
        let variable = await console.run(
            "auth", "token", environment: offline.merging(["PODSTACK_API_TOKEN": token]) { $1 })
        #expect(variable.output == token + "\n")
        #expect(variable.error.isEmpty)
        let file = try home.write(
            "[work]\napi_token = \(token)\n[other]\ncredential_process = \(home.file("vault"))\n", to: "f")
        #expect(try ToolProcess.run("/bin/chmod", ["600", file]).status == 0)
        _ = try home.writeProgram(#"echo '{"version": 1, "api_token": "from_vault"}'"#, to: "vault")
        let named = offline.merging(["PODSTACK_CREDENTIALS_FILE": file]) { $1 }
        #expect(await console.run("auth", "token", "--profile", "work", environment: named).output == token + "\n")
        #expect(await console.run("auth", "token", "--profile", "other", environment: named).output == "from_vault\n")
        let json = await console.run("auth", "token", "--profile", "work", "-o", "json", environment: named)
        #expect(json.output == "{\"token\":\"\(token)\"}\n")
        let none = await console.run("auth", "token", environment: offline)
        #expect(none.status == .notAuthenticated)
        #expect(none.output.isEmpty)
    }

    @Test("auth status fails if the token expires within a time, and not otherwise")
    func expiry() async throws {
        let now = Int64(Date().timeIntervalSince1970)
        let soon = ["PODSTACK_API_TOKEN": try server.createToken(expiresAt: now + 3 * 86_400)]
        let failed = await console.run("auth", "status", "--fail-if-expires-within", "7d", environment: soon)
        #expect(failed.status == .failure)
        #expect(failed.output.hasPrefix("Authenticated as: you@example.com\n"))
        #expect(failed.error.contains("error: the token expires in 3 days, at 20"))
        #expect(
            await console.run("auth", "status", "--fail-if-expires-within=2d", environment: soon).status == .success)
        #expect(
            await console.run("auth", "status", "--fail-if-expires-within", "soon", environment: soon).status == .usage)
    }

    @Test("an account that is disabled gets a hint that says what to do")
    func disabledAccount() async throws {
        let environment = ["PODSTACK_API_TOKEN": try server.createToken()]
        let data = server.data.file("data")
        let disabled = try ToolProcess.run("podstack-server", ["user", "disable", RunningServer.email, "--data", data])
        #expect(disabled.status == 0, "\(disabled.error)")
        try await eventually(within: .seconds(10), "the token is rejected") {
            await console.run("auth", "whoami", environment: environment).status == .notAuthenticated
        }
        let outcome = await console.run("auth", "whoami", environment: environment)
        #expect(
            outcome.error.contains("hint: The user's account is disabled; ask the operator of the service to enable it")
        )
    }

    @Test("an unreachable service gets a hint, which names the default endpoint only if that is used")
    func unreachable() async throws {
        let elsewhere = await console.run(
            "auth", "whoami", environment: ["PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"])
        #expect(elsewhere.error.hasSuffix("\nhint: podstack auth doctor checks the connection\n"), "\(elsewhere.error)")
        var console = console
        console.environment = ["HOME": home.path, "PODSTACK_API_TOKEN": "t"]
        console.transport = Unreachable()
        let usual = await console.run("auth", "whoami")
        #expect(
            usual.error.contains("hint: This is the default endpoint; --api-endpoint or PODSTACK_API_ENDPOINT names"))
    }

    struct Unreachable: Transport {
        func send(_ request: TransportRequest) async throws -> TransportResponse {
            throw TransportFailure(reason: "the network is unreachable", isRetryable: false)
        }
    }

    // MARK: - Switch

    @Test("auth switch selects a profile for every command, until it is undone")
    func switching() async throws {
        let (first, second) = (try server.createToken(), try server.createToken())
        #expect(await console.run("auth", "login", input: first).status == .success)
        #expect(await console.run("auth", "login", "--profile", "work", input: second).status == .success)
        let switched = await console.run("auth", "switch", "work")
        #expect(switched.status == .success, "\(switched.error)")
        #expect(switched.output == "Using the profile [work]\n")
        #expect(await console.run("auth", "token").output == second + "\n")
        #expect(await console.run("auth", "token", "--profile", "default").output == first + "\n")
        #expect(await console.run("auth", "token", environment: ["PODSTACK_PROFILE": "default"]).output == first + "\n")
        #expect(await console.run("config", "get-profile").output == "work\n")
        let path = "\(home.path)/.podstack/credentials"
        let origin = await console.run("config", "get-profile", "-o", "json").output
        #expect(origin == "{\"origin\":\"\(path) [default]\",\"profile\":\"work\"}\n")
        let explained = await console.run("config", "explain", "-o", "json")
        #expect(explained.output.contains("\"profile\":{\"origin\":\"\(path):"), "\(explained.output)")
        #expect(await console.run("config", "check").status == .success)
        // The SDK follows too, and a login without a name replaces the token of the selected profile.
        let environment = PodstackEnvironment(console.environment)
        #expect(try Client(environment: environment).configuration.profile?.value == "work")
        let third = try server.createToken()
        #expect(await console.run("auth", "login", input: third).status == .success)
        #expect(await console.run("auth", "token", "--profile", "work").output == third + "\n")
        #expect(await console.run("auth", "token", "--profile", "default").output == first + "\n")
        #expect(await console.run("auth", "switch", "default").status == .success)
        #expect(await console.run("auth", "token").output == first + "\n")
        #expect(home.read(".podstack/credentials")?.contains("profile =") == false)
    }

    @Test("auth switch rejects an unknown profile, and warns of variables that come first")
    func switchMistakes() async throws {
        let unknown = await console.run("auth", "switch", "work")
        #expect(unknown.status == .failure)
        #expect(unknown.error.contains("has no profile \"work\""))
        #expect(home.read(".podstack/credentials") == nil)
        #expect(
            await console.run("auth", "login", "--profile", "work", input: try server.createToken()).status == .success)
        let mistyped = await console.run("auth", "switch", "wrok")
        #expect(mistyped.error.contains("has no profile \"wrok\"; did you mean \"work\"?"), "\(mistyped.error)")
        let warned = await console.run(
            "auth", "switch", "work", environment: ["PODSTACK_API_TOKEN": "t", "PODSTACK_PROFILE": "other"])
        #expect(warned.status == .success)
        #expect(warned.error.contains("warning: PODSTACK_API_TOKEN is set and still overrides"))
        #expect(warned.error.contains("warning: PODSTACK_PROFILE is set and still overrides"))
        #expect(await console.run("auth", "whoami").output == "you@example.com\n")
        // Only a selection, so the section goes with it.
        #expect(await console.run("auth", "switch", "default").status == .success)
        #expect(home.read(".podstack/credentials")?.contains("[default]") == false)
        #expect(await console.run("auth", "switch", "default", "--profile", "x").status == .usage)
    }

    @Test("a selected profile that is gone is an error that names the selection")
    func selectionOfMissingProfile() async throws {
        let path = try home.write("[default]\nprofile = gone\napi_token = t\n", to: "f")
        #expect(try ToolProcess.run("/bin/chmod", ["600", path]).status == 0)
        let outcome = await console.run("auth", "whoami", environment: ["PODSTACK_CREDENTIALS_FILE": path])
        #expect(outcome.status == .notAuthenticated)
        #expect(
            outcome.error.hasPrefix(
                "error: No API token provided: profile \"gone\" is selected in [default], but is not in"))
        let checked = await console.run("config", "check", environment: ["PODSTACK_CREDENTIALS_FILE": path])
        #expect(checked.status == .failure)
        #expect(checked.output.contains("selects a profile that does not exist"))
    }
}

@Suite("podstack auth doctor", .blocking, .timeLimit(.minutes(5)))
struct AuthDoctorTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: false) }

    func run(_ environment: [String: String], _ words: String...) async -> Console.Outcome {
        await console.run(["auth", "doctor"] + words, environment: environment)
    }

    @Test("a working setup has no problems")
    func healthy() async throws {
        #expect(await console.run("auth", "login", input: try server.createToken()).status == .success)
        let outcome = await run([:])
        #expect(outcome.status == .success, "\(outcome.output)")
        #expect(outcome.output.hasSuffix("\n\nno problems found\n"))
        #expect(outcome.output.contains("OK        service: it accepts the token of you@example.com\n"))
        #expect(outcome.output.contains("OK        clock: as that of the service\n"))
        let json = await run([:], "-o", "json")
        #expect(json.output.hasPrefix("{\"findings\":[{\"check\":\""))
        #expect(json.output.hasSuffix("],\"problems\":0,\"status\":\"ok\"}\n"), "\(json.output)")
    }

    @Test(
        "a token that cannot work is named with its source and its fault, and without its text",
        arguments: [
            ("your_api_token_here", "contains the placeholder"),
            ("hf_" + String(repeating: "a", count: 34), "Hugging Face"),
            ("ghp_" + String(repeating: "b", count: 36), "GitHub"),
            ("sk-" + String(repeating: "c", count: 40), "OpenAI"),
            ("sk-proj-" + String(repeating: "c", count: 40), "OpenAI"),
            ("sk-other-" + String(repeating: "c", count: 40), "It looks like a token from another service"),
            ("two words", "contains whitespace"),
            ("podstack_00000000_" + String(repeating: "A", count: 38), "checksum"),
            ("podstack_00000000_" + String(repeating: "A", count: 20), "38 characters instead of 56"),
        ])
    func tokens(token: String, fault: String) async throws {
        let file = try home.write(token + "\n", to: "token")
        #expect(try ToolProcess.run("/bin/chmod", ["600", file]).status == 0)
        for (environment, place) in [
            (["PODSTACK_API_TOKEN": token], "PODSTACK_API_TOKEN"),
            (["PODSTACK_API_TOKEN_FILE": file], "PODSTACK_API_TOKEN_FILE"),
        ] {
            let outcome = await run(environment)
            #expect(outcome.status == .failure)
            let line = try #require(outcome.output.split(separator: "\n").first)
            #expect(line.hasPrefix("CRITICAL  token: the token from \(place)"), "\(outcome.output)")
            #expect(line.contains(fault), "\(outcome.output)")
            #expect(!(outcome.output + outcome.error).contains(token.suffix(8)))
        }
    }

    @Test("a mistyped token is one finding, and no token is no problem of the connection")
    func oneFinding() async throws {
        var mistyped = Array(try server.createToken())
        mistyped.swapAt(20, 21)
        mistyped[22] = mistyped[22] == "x" ? "y" : "x"
        let outcome = await run(["PODSTACK_API_TOKEN": String(mistyped)])
        #expect(outcome.output.contains("checksum"))
        #expect(outcome.output.hasSuffix("\n1 problem found\n"), "\(outcome.output)")
        _ = try home.write("[empty]\nproject_id = p\n", to: "f")
        #expect(try ToolProcess.run("/bin/chmod", ["600", home.file("f")]).status == 0)
        let none = await Console(environment: ["HOME": home.path, "PODSTACK_CREDENTIALS_FILE": home.file("f")])
            .run("auth", "doctor", "--profile", "empty")
        #expect(none.status == .failure)
        #expect(none.output.hasPrefix("CRITICAL  token: "), "\(none.output)")
        #expect(!none.output.contains("CRITICAL  connection") && none.output.hasSuffix("\n1 problem found\n"))
    }

    @Test("tokens that are not used are checked too, after the one in use")
    func shadowed() async throws {
        let file = try home.write("hf_" + String(repeating: "a", count: 34), to: "token")
        #expect(try ToolProcess.run("/bin/chmod", ["644", file]).status == 0)
        let outcome = await run(["PODSTACK_API_TOKEN": try server.createToken(), "PODSTACK_API_TOKEN_FILE": file])
        #expect(outcome.status == .failure)
        #expect(outcome.output.contains("WARNING   token: the unused token from PODSTACK_API_TOKEN_FILE"))
        #expect(outcome.output.contains("WARNING   mode: other users can read the file of the unused token"))
        #expect(outcome.output.contains("OK        service: it accepts"))
    }

    @Test("the tokens of other profiles are checked")
    func otherProfiles() async throws {
        let token = try server.createToken()
        let path = try home.write(
            "[default]\napi_token = \(token)\n[old]\napi_token = your_api_token_here\n[hub]\napi_token = hf_aaaaaaaa\n",
            to: "f")
        #expect(try ToolProcess.run("/bin/chmod", ["600", path]).status == 0)
        let outcome = await run(["PODSTACK_CREDENTIALS_FILE": path])
        #expect(
            outcome.output.contains("WARNING   token: the token of another profile, from \(path):4 [old], contains the")
        )
        #expect(
            outcome.output.contains(
                "from \(path):6 [hub], is probably not valid. It looks like a token from Hugging Face"))
        #expect(outcome.output.hasSuffix("\n2 problems found\n"), "\(outcome.output)")
    }

    @Test("the project in use must exist, and the token must be valid in it")
    func project() async throws {
        #expect(await console.run("auth", "login", input: try server.createToken()).status == .success)
        let id = String(await console.run("project", "create", "training").output.dropLast())
        #expect(await console.run("project", "use", "training").status == .success)
        #expect(await run([:]).output.contains("OK        project: \(id), from "))
        #expect(await run([:], "--project", "training").output.contains("OK        project: \(id), from --project"))
        let limited = await console.run(
            "token", "create", "--name", "x", "--scope", "tokens:read", "--project-id", "training")
        let excluded = await run(
            ["PODSTACK_API_TOKEN": String(limited.output.dropLast()), "PODSTACK_PROJECT": "prj_gone"])
        #expect(excluded.output.hasPrefix("CRITICAL  project: the project prj_gone, from PODSTACK_PROJECT, "))
        #expect(await console.run("config", "set", "project_id", "prj_gone").status == .success)
        let gone = await run([:])
        #expect(gone.status == .failure)
        #expect(gone.output.hasPrefix("CRITICAL  project: the project prj_gone, from "), "\(gone.output)")
        #expect(gone.output.contains("podstack config unset project_id removes the setting"))
    }

    @Test("whitespace around a token in a variable is a warning")
    func whitespace() async throws {
        let outcome = await run(["PODSTACK_API_TOKEN": " \(try server.createToken())\n"])
        #expect(
            outcome.output.hasPrefix("WARNING   whitespace: the token from PODSTACK_API_TOKEN has whitespace around it")
        )
        #expect(outcome.output.contains("OK        service: it accepts"))
    }

    @Test("modes of the file and its directory are checked")
    func modes() async throws {
        #expect(await console.run("auth", "login", input: try server.createToken()).status == .success)
        let folder = home.file(".podstack")
        #expect(try ToolProcess.run("/bin/chmod", ["644", "\(folder)/credentials"]).status == 0)
        #expect(await run([:]).output.contains("CRITICAL  mode: other users can read \(folder)/credentials\n"))
        #expect(try ToolProcess.run("/bin/chmod", ["600", "\(folder)/credentials"]).status == 0)
        #expect(try ToolProcess.run("/bin/chmod", ["777", folder]).status == 0)
        #expect(await run([:]).output.contains("CRITICAL  mode: other users can replace the files in \(folder)\n"))
        // In a directory such as /tmp, only the owner of a file can replace it.
        #expect(try ToolProcess.run("/bin/chmod", ["1777", folder]).status == 0)
        let shared = await run([:])
        #expect(shared.status == .success, "\(shared.output)")
        #expect(try ToolProcess.run("/bin/chmod", ["700", folder]).status == 0)
        _ = try home.write("[default\n", to: ".podstack/credentials")
        let broken = await run([:])
        #expect(broken.output.hasPrefix("CRITICAL  credentials file: \(folder)/credentials:1: "))
        #expect(broken.output.split(separator: "\n").count { $0.contains("credentials:1: ") } == 1)
    }

    @Test("an unknown key and an unfinished rotation are warnings")
    func fileContents() async throws {
        let (token, pending) = (try server.createToken(), try server.createToken())
        let path = try home.write(
            "[default]\napi_token = \(token)\n[work]\napi_token = \(token)\npending_api_token = \(pending)\napi_key = x\n",
            to: "f")
        #expect(try ToolProcess.run("/bin/chmod", ["600", path]).status == 0)
        let outcome = await run(["PODSTACK_CREDENTIALS_FILE": path])
        #expect(outcome.status == .failure)
        #expect(
            outcome.output.contains("WARNING   credentials file: \(path):6: [work] has an unknown key \"api_key\"")
                || outcome.output.contains("WARNING   credentials file: \(path):6: [work] has an unknown key api_key"),
            "\(outcome.output)")
        #expect(outcome.output.contains("WARNING   credentials file: [work] has an unfinished rotation\n"))
        #expect(outcome.output.contains("podstack auth refresh --profile work finishes it"))
        #expect(!outcome.output.contains("[default] has an unfinished rotation"))
    }

    @Test("the endpoint, the connection, the clock and a rejected token are checked")
    func service() async throws {
        let token = try server.createToken()
        let plain = await run(["PODSTACK_API_TOKEN": token, "PODSTACK_API_ENDPOINT": "http://example.com"])
        #expect(
            plain.output.hasPrefix("CRITICAL  endpoint: The API endpoint from PODSTACK_API_ENDPOINT uses plain http"))
        let closed = await run(["PODSTACK_API_TOKEN": token, "PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"])
        #expect(closed.output.hasPrefix("CRITICAL  connection: No response from http://127.0.0.1:1: "))
        let withoutToken = await run(["PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"])
        #expect(withoutToken.output.contains("CRITICAL  token: No API token provided"))
        #expect(withoutToken.output.contains("CRITICAL  connection: No response from http://127.0.0.1:1: "))
        let unknown = await run(["PODSTACK_API_TOKEN": TestToken.generate(id: "00000000")])
        #expect(unknown.output.hasPrefix("CRITICAL  token: Invalid API token\n"), "\(unknown.output)")
        let late = try ScriptedServer { _ in
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}"
        }
        let clock = await run(["PODSTACK_API_TOKEN": token, "PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(late.port)"])
        #expect(
            clock.output.contains("WARNING   clock: the clock of this machine is fast: the time of the service is "))
        #expect(clock.output.contains("CRITICAL  service: the response is not one of the Podstack API"))
        let early = try ScriptedServer { _ in
            "HTTP/1.1 500 X\r\nDate: Thu, 06 Nov 2094 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}"
        }
        let slow = await run(["PODSTACK_API_TOKEN": token, "PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(early.port)"])
        #expect(slow.output.contains("WARNING   clock: the clock of this machine is slow: "), "\(slow.output)")
        #expect(slow.output.contains("CRITICAL  service: "))
        #expect(!slow.output.contains("CRITICAL  token: "))
    }

    @Test("a token that expires soon is a warning")
    func expiry() async throws {
        let soon = try server.createToken(expiresAt: Int64(Date().timeIntervalSince1970) + 2 * 86_400)
        let outcome = await run(["PODSTACK_API_TOKEN": soon])
        #expect(outcome.output.hasPrefix("WARNING   expiry: the token expires in 2 days, at "), "\(outcome.output)")
    }

    @Test("a proxy is named without its password")
    func proxy() async throws {
        let outcome = await run([
            "PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "https://podstack.invalid",
            "https_proxy": "http://user:secret-word@127.0.0.1:1",
        ])
        #expect(outcome.output.contains("requests go through http://…@127.0.0.1:1, which https_proxy sets"))
        #expect(!outcome.output.contains("secret-word"))
        #expect(outcome.status == .failure)
        // A plain request is sent through no other machine.
        let other = await run([
            "PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": server.url, "http_proxy": "http://proxy:3128",
        ])
        #expect(!other.output.contains("proxy:"), "\(other.output)")
    }

    @Test("a failed connection is classified by its kind, and not by words of the address")
    func words() async throws {
        for word in ["certificate", "proxy"] {
            let outcome = await run([
                "PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "http://127.0.0.1:1/\(word)",
            ])
            #expect(outcome.output.hasPrefix("CRITICAL  connection: "), "\(outcome.output)")
        }
    }
}
