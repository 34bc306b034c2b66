import Foundation
import Podstack
import PodstackAPI
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Synchronization
import Testing

@Suite("podstack auth login --web", .blocking, .timeLimit(.minutes(5)))
struct WebLoginTests {
    let clock: ManualClock
    let server: RunningServer
    let home: TemporaryDirectory
    let client: TestClient

    init() throws {
        let clock = ManualClock()
        self.clock = clock
        server = try RunningServer(clock: clock)
        home = try TemporaryDirectory()
        client = try TestClient(signedUpAt: server)
    }

    struct Outcome {
        var status: PodstackCommandLine.ExitStatus
        var output: String
        var error: String
        var opened: [String]
    }

    /// Runs the command at a terminal with a screen.
    ///
    /// Waiting only advances the clock.
    ///
    /// - Parameters:
    ///   - words: The words after `auth login --web`.
    ///   - environment: Variables in addition to those of the user.
    ///   - url: The endpoint; nil for the server of the suite.
    ///   - whenAsked: The action of the user during the first wait, with the code.
    /// - Returns: The status, the texts, and the pages that were opened.
    func run(
        _ words: String..., environment: [String: String] = [:], url: String? = nil,
        whenAsked: @escaping @Sendable (_ code: String) throws -> Void = { _ in }
    ) async -> Outcome {
        let streams = Console.Streams()
        let opened = Mutex<[String]>([])
        let own = ["HOME": home.path, "PODSTACK_API_ENDPOINT": url ?? server.url, "USER": "you"]
        var context = streams.context(environment: own.merging(environment) { $1 })
        context.openPage = { page in opened.withLock { $0.append(page) } }
        context.showsProgress = true
        let hasWaited = Mutex(false)
        context.time.sleep = { [clock] duration in
            clock.set(clock.now + duration.components.seconds)
            let isFirst = hasWaited.withLock { waited in
                defer { waited = true }
                return !waited
            }
            let page = opened.withLock { $0.first } ?? ""
            if isFirst { try? whenAsked(String(page.suffix(9))) }
        }
        let start = ContinuousClock.now
        context.time.now = { [clock] in start + .seconds(clock.now - 1_900_000_000) }
        let status = await PodstackTool.run(["auth", "login", "--web"] + words, context: context)
        return Outcome(
            status: status, output: streams.output.withLock { $0 }, error: streams.error.withLock { $0 },
            opened: opened.withLock { $0 })
    }

    func decide(_ decision: String, _ code: String) throws {
        let page = try client.get("/device?code=\(code)")
        #expect(page.body.contains("podstack on "))
        #expect(page.body.contains("(you)"))
        #expect(page.body.contains(code))
        #expect(try client.post("/device/\(decision)", ["code": code]).status == 303)
    }

    @Test("the page and the code are shown, and after the approval the token is stored and valid")
    func approve() async throws {
        let login = await run { code in try decide("approve", code) }
        #expect(login.status == .success, "\(login.error)")
        #expect(login.output == "Authenticated as: you@example.com\n")
        // The server takes its host from the request.
        let page = try #require(login.opened.first)
        #expect(page.hasPrefix("\(server.url)/device?code="))
        #expect(login.error.hasPrefix("Open this page in any browser:  \(page)\n"))
        #expect(login.error.contains("It must show this code:         \(page.suffix(9))\n"))
        #expect(login.error.contains("Waiting for your decision there, 10:00 left"))
        #expect(login.error.hasSuffix("Stored in \(home.path)/.podstack/credentials [default], for \(server.url)\n"))
        let stored = try #require(home.read(".podstack/credentials"))
        #expect(stored.contains("api_endpoint = \(server.url)\n"))
        let secret = try #require(stored.firstMatch(of: /api_token = (\S+)/)).1
        #expect(!(login.output + login.error + server.log).contains(secret.dropFirst(18).prefix(16)))
        let console = Console(environment: ["HOME": home.path])
        #expect(await console.run("auth", "whoami").output == "you@example.com\n")
    }

    @Test("a denied or expired code is an error, and no token is stored")
    func refused() async throws {
        let denied = await run { code in try decide("deny", code) }
        #expect(denied.status == .notAllowed)
        #expect(denied.error.hasSuffix("error: Access denied to resource: the code was denied in the browser\n"))
        let late = await run()
        #expect(late.status == .notAuthenticated)
        #expect(late.error.contains("error: No API token provided: the code was not approved within 10 minutes\n"))
        #expect(late.output.isEmpty)
        #expect(home.read(".podstack/credentials") == nil)
    }

    @Test("at the limit of active tokens the login fails")
    func quota() async throws {
        let full = await run { [server] code in
            try decide("approve", code)
            for _ in 0..<5 { _ = try server.createToken() }
        }
        #expect(full.status == .failure)
        #expect(full.error.contains("5 active tokens"))
    }

    @Test(
        "a variable that would shadow the token stops the login before it starts, unless --force or --profile is given")
    func hidden() async throws {
        let environment = ["PODSTACK_API_TOKEN": TestToken.generate(id: "00000000")]
        let shadowed = await run(environment: environment) { _ in Issue.record("the login must not start") }
        #expect(shadowed.status == .failure)
        #expect(shadowed.error.hasPrefix("error: PODSTACK_API_TOKEN is set and would still be used"))
        #expect(shadowed.opened.isEmpty)
        let forced = await run("--force", environment: environment) { code in try decide("approve", code) }
        #expect(forced.status == .success, "\(forced.error)")
        let named = await run("--profile", "work", "--api-endpoint", server.url, environment: environment) { code in
            try decide("approve", code)
        }
        #expect(named.status == .success, "\(named.error)")
        #expect(home.read(".podstack/credentials")?.contains("[work]\napi_token = podstack_") == true)
    }

    @Test("an invalid credentials file, or a token on the command line, stops the login before it starts")
    func broken() async throws {
        #expect(await run("--token", "x").status == .usage)
        try FileManager.default.createDirectory(atPath: home.file(".podstack"), withIntermediateDirectories: true)
        _ = try home.write("[default\n", to: ".podstack/credentials")
        let broken = await run { _ in Issue.record("the login must not start") }
        #expect(broken.status == .failure)
        #expect(broken.error.contains("credentials:1"))
        #expect(broken.opened.isEmpty)
        try FileManager.default.removeItem(atPath: home.file(".podstack/credentials"))
        try #require(mkfifo(home.file(".podstack/credentials"), 0o600) == 0)
        let pipe = await run { _ in Issue.record("the login must not start") }
        #expect(pipe.status == .failure)
        #expect(pipe.error.contains("credentials cannot be written: it is not a regular file"))
    }

    @Test("an approved token that cannot be verified is revoked")
    func unchecked() async throws {
        let code =
            #"{"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": "http://localhost/device", "verification_uri_complete": "http://localhost/device?code=WDJB-MJHT", "expires_in": 600, "interval": 5}"#
        let token =
            #"{"id": "00000000", "name": "n", "prefix": "podstack_00000000", "scopes": ["*"], "project_ids": null, "created_at": "2027-01-31T12:00:00Z", "expires_at": null, "last_used_at": null, "generation": 1, "rotate_by": null}"#
        let stranger = try ScriptedServer { request in
            let (status, body) =
                switch request.prefix(while: { !$0.isNewline }) {
                case let line where line.hasPrefix("POST /v1/device/code "): (200, code)
                case let line where line.hasPrefix("POST /v1/device/token "): (200, token)
                case let line where line.hasPrefix("GET /v1/auth/whoami "): (501, "{}")
                default: (204, "")
                }
            return
                "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let outcome = await run(url: "http://127.0.0.1:\(stranger.port)")
        #expect(outcome.status == .unreachable, "\(outcome.error)")
        #expect(stranger.received.last?.hasPrefix("DELETE /v1/") == true, "\(stranger.received.count)")
        #expect(home.read(".podstack/credentials") == nil)
    }

    @Test("polling follows the interval of the service, and continues after errors")
    func polling() async throws {
        let responses = [
            (
                200,
                #"{"device_code": "dvc_x", "user_code": "WDJB-MJHT", "verification_uri": "http://localhost/device", "verification_uri_complete": "http://localhost/device?code=WDJB-MJHT", "expires_in": 600, "interval": 7}"#
            ),
            (400, #"{"error": {"code": "authorization_pending", "message": "m"}}"#),
            (400, #"{"error": {"code": "slow_down", "message": "m", "details": {"interval": 30}}}"#),
            (400, #"{"error": {"code": "slow_down", "message": "m"}}"#), (501, "{}"),
            (400, #"{"error": {"code": "access_denied", "message": "m"}}"#),
        ]
        let next = Mutex(0)
        let stranger = try ScriptedServer { _ in
            let (status, body) = next.withLock { index in
                defer { index += 1 }
                return responses[min(index, responses.count - 1)]
            }
            return
                "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let start = clock.now
        let outcome = await run(url: "http://127.0.0.1:\(stranger.port)")
        #expect(outcome.status == .notAllowed, "\(outcome.error)")
        #expect(clock.now - start == 7 + 7 + 30 + 35 + 40)
        let requests = stranger.received
        #expect(requests.count == responses.count)
        #expect(requests.allSatisfy { !$0.lowercased().contains("authorization") })
    }

    @Test(
        "only web pages are opened in a browser",
        arguments: ["file:///etc/passwd", "--help", "javascript:alert(1)", "http://localhost/ x", ""])
    func hostile(page: String) async throws {
        let body =
            #"{"device_code": "d", "user_code": "\u001b[2J", "verification_uri": "x", "verification_uri_complete": "\#(page)", "expires_in": 600, "interval": 5}"#
        let stranger = try ScriptedServer { _ in
            "HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let outcome = await run(url: "http://127.0.0.1:\(stranger.port)")
        #expect(outcome.status == .failure)
        #expect(outcome.opened.isEmpty)
        #expect(outcome.error.hasPrefix("error: the service does not name a page to open"))
        #expect(!outcome.error.contains("\u{1B}"))
    }

    @Test("without a terminal the real program opens no page, and Ctrl-C ends it with a message")
    func interrupted() throws {
        let folder = try TemporaryDirectory()
        let marker = folder.file("opened")
        _ = try folder.writeProgram("echo \"$@\" >'\(marker)'", to: "xdg-open")
        let own = ["DISPLAY": ":0", "PATH": folder.path]
        let environment = server.environment(home: home).merging(own) { $1 }
        let process = try ToolProcess("podstack", ["auth", "login", "--web"], environment: environment)
        try process.waitForError { $0.contains("It must show this code:") }
        process.signal(2)
        #expect(process.wait() == 128 + 2)
        #expect(
            process.standardError.hasSuffix(
                "Interrupted: nothing was stored. If you approved already, revoke the token.\n"))
        #expect(folder.read("opened") == nil)
        #expect(home.read(".podstack/credentials") == nil)
    }

    @Test("at a terminal with a screen the real program opens the page, and shows progress")
    func terminal() throws {
        // With the real clock, which the program uses.
        let server = try RunningServer()
        let client = try TestClient(signedUpAt: server)
        let folder = try TemporaryDirectory()
        let marker = folder.file("opened")
        _ = try folder.writeProgram("echo \"$@\" >'\(marker)'", to: "xdg-open")
        let program = try ToolProcess.path(of: "podstack")
        let settings = "HOME='\(home.path)' PODSTACK_API_ENDPOINT=\(server.url) DISPLAY=:0 PATH='\(folder.path)'"
        let process = try ToolProcess(
            installed: "script", ["-qefc", "\(settings) '\(program)' auth login --web", "/dev/null"])
        defer { process.signal(15) }
        try process.waitForOutput { $0.contains("Waiting for your decision there") }
        try blockUntil(within: .seconds(20), "the page is opened") { folder.read("opened")?.isEmpty == false }
        let page = try #require(folder.read("opened")?.dropLast())
        #expect(page.hasPrefix("\(server.url)/device?code="))
        try client.get("/device?code=\(page.suffix(9))")
        try client.post("/device/approve", ["code": String(page.suffix(9))])
        #expect(process.wait() == 0)
        #expect(process.standardOutput.contains("Authenticated as: you@example.com"))
    }
}
