import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The page that approves programs", .blocking, .databases, .timeLimit(.perTest))
struct DevicePagesTests {
    let clock = ManualClock()
    let client: TestClient
    var server: RunningServer { client.server }

    init() throws {
        client = try TestClient(signedUpAt: .anywhere(clock))
    }

    func post(_ path: String, _ body: String, headers: [(String, String)] = []) throws -> TestResponse {
        try TestClient(server).request(
            "POST", path, headers: [("Content-Type", "application/json")] + headers, body: body)
    }

    func begin(_ fields: String = "", from address: String = "203.0.113.7") throws -> DeviceCode {
        try post(
            "/v1/device/code", #"{"client_name": "CLI on <laptop>"\#(fields)}"#,
            headers: from(address) + [("User-Agent", "podstack-swift/9.9")]
        ).decoded(DeviceCode.self)
    }

    func ask(_ code: DeviceCode) throws -> TestResponse {
        clock.set(clock.now + 10)
        return try post("/v1/device/token", #"{"device_code": "\#(code.deviceCode)"}"#)
    }

    func path(_ code: DeviceCode) -> String { "/device?code=\(code.userCode)" }

    @Test(
        "the page describes the request, and approving it gives the program its token", arguments: TestDatabase.selected
    )
    func approve(_: TestDatabase) throws {
        let code = try begin(#", "scopes": ["projects:read", "tokens:*"]"#)
        #expect(code.verificationURIComplete.hasSuffix(path(code)))
        let page = try client.get(path(code))
        #expect(page.status == 200)
        for displayed in [
            code.userCode, "CLI on &lt;laptop&gt;", "203.0.113.7", "not your network", "podstack-swift/9.9",
            "2030-03-17 17:46 UTC", "View projects", "projects:read", "Create, view, change and delete API tokens",
            "30 days",
            "All your projects", "I started this myself, and the program shows exactly this code.",
        ] { #expect(page.body.contains(displayed), "\(displayed)") }
        let done = try client.post("/device/approve", ["code": code.userCode])
        #expect(done.headers["location"] == "/device?done=approved")
        #expect(try client.follow(done).body.contains("Return to the program."))
        let token = try ask(code).decoded(CreatedToken.self)
        #expect(token.token.scopes == ["projects:read", "tokens:*"])
        #expect(token.token.name == "CLI on <laptop>")
        let last = try client.actions.suffix(2)
        #expect(last == ["device_approved", "token_created"])
        let approver = try server.server.service.database.read { connection in
            try connection.run("SELECT user_email FROM audit_events WHERE action = 'device_approved'").map {
                try $0.text(0)
            }
        }
        #expect(approver == [RunningServer.email])
    }

    @Test("denying a request rejects the program", arguments: TestDatabase.selected)
    func deny(_: TestDatabase) throws {
        let code = try begin()
        let page = try client.get(path(code))
        #expect(page.body.contains("Everything that you can do"))
        let done = try client.post("/device/deny", ["code": code.userCode])
        #expect(try client.follow(done).body.contains("The program does not get access."))
        #expect(try ask(code).code == "access_denied")
        #expect(try client.actions.last == "device_denied")
    }

    @Test(
        "the page asks for a code and accepts it in lower case and without the hyphen", arguments: TestDatabase.selected
    )
    func typed(_: TestDatabase) throws {
        let asked = try client.get("/device")
        #expect(asked.body.contains(#"<form class="card" method="get" action="/device">"#))
        let code = try begin(from: "127.0.0.1")
        let typed = code.userCode.lowercased().replacing("-", with: "+")
        let page = try client.get("/device?code=+\(typed)+")
        #expect(page.body.contains("your network"))
        #expect(try client.post("/device/approve", ["code": typed.replacing("+", with: " ")]).status == 303)
    }

    @Test("signing in returns to the page of the code", arguments: TestDatabase.selected)
    func signedOut(_: TestDatabase) throws {
        let code = try begin()
        let stranger = TestClient(server)
        let asked = try stranger.get(path(code))
        let form = try stranger.follow(asked)
        #expect(form.body.contains(#"name="next" value="/device?code=\#(code.userCode)""#))
        let signedIn = try stranger.post(
            "/sign-in",
            ["email": RunningServer.email, "password": TestClient.password, "next": path(code)])
        #expect(try stranger.follow(signedIn).body.contains(code.userCode))
    }

    @Test("a mistyped, used or expired code is explained and decides nothing", arguments: TestDatabase.selected)
    func wrong(_: TestDatabase) throws {
        let used = try begin()
        try client.get(path(used))
        try client.post("/device/approve", ["code": used.userCode])
        let late = try begin()
        clock.set(clock.now + 600)
        for (code, status, words) in [
            ("BBBB-BBBB", 404, "Check that it has all 8 letters"), ("x<y", 404, "Check that it has"),
            (used.userCode, 409, "This code has already been approved or denied"),
            (late.userCode, 410, "This code has expired"),
        ] {
            let query = code.replacing("<", with: "%3C")
            for response in [
                try client.get("/device?code=\(query)"), try client.post("/device/approve", ["code": code]),
                try client.post("/device/deny", ["code": code]),
            ] {
                #expect(response.status == status)
                #expect(response.body.contains(words))
                #expect(response.body.contains(#"action="/device""#))
            }
            clock.set(clock.now + 60)
        }
        #expect(try client.post("/device/approve").status == 404)
        #expect(try client.actions.filter { $0.hasPrefix("device_") } == ["device_approved"])
    }

    @Test("a session can try ten codes a minute, and a network thirty", arguments: TestDatabase.selected)
    func guessing(_: TestDatabase) throws {
        for _ in 0..<10 { #expect(try client.get("/device?code=BBBB-BBBB").status == 404) }
        let code = try begin()
        for response in [
            try client.get(path(code)), try client.post("/device/approve", ["code": code.userCode]),
            try client.get("/device?code=\(code.userCode)", headers: from("192.0.2.9")),
        ] {
            #expect(response.status == 429)
            #expect(response.headers["retry-after"] == "6")
            #expect(!response.body.contains("laptop"))
        }
        #expect(try client.get("/device").status == 200)
        for _ in 0..<2 {
            let other = TestClient(server)
            try other.signIn()
            for _ in 0..<9 { _ = try other.get("/device?code=BBBB-BBBB") }
        }
        let last = TestClient(server)
        try last.signIn()
        #expect(try last.get(path(code)).status == 429)
        #expect(try last.get(path(code), headers: from("192.0.2.9")).status == 200)
    }

    @Test(
        "at the token limit, the page says what to do and the program keeps waiting", arguments: TestDatabase.selected)
    func quota(_: TestDatabase) throws {
        for _ in 0..<5 { _ = try server.createToken() }
        let code = try begin()
        try client.get(path(code))
        let full = try client.post("/device/approve", ["code": code.userCode])
        #expect(full.status == 409)
        #expect(full.body.contains("Your account has reached its limit of 5 active tokens."))
        #expect(full.body.contains(#"<a href="/account/tokens">"#))
        #expect(full.body.contains(code.userCode))
        #expect(try ask(code).code == "authorization_pending")
        let tokens = try server.server.service.database.read { connection in
            try connection.run("SELECT id, account_id FROM tokens LIMIT 1").map { (try $0.text(0), try $0.text(1)) }
        }
        try server.server.service.changes.perform(by: .administrator, at: clock.now) { change in
            try server.server.service.tokens.revoke(tokens[0].0, accountID: tokens[0].1, in: change)
        }
        #expect(try client.post("/device/approve", ["code": code.userCode]).status == 303)
        #expect(try ask(code).status == 200)
    }
}
