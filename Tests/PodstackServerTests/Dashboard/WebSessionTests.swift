import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Sessions", .blocking, .databases, .timeLimit(.perTest))
struct WebSessionTests {
    let clock = ManualClock()
    let client: TestClient
    var server: RunningServer { client.server }

    init() throws {
        client = try TestClient(signedUpAt: RunningServer(clock: clock))
    }

    func pass(_ seconds: Int64) { clock.set(clock.now + seconds) }

    @Test("a session ends after exactly twelve hours without a request", arguments: TestDatabase.selected)
    func idle(_: TestDatabase) throws {
        pass(12 * 3600 - 1)
        #expect(try client.isSignedIn)
        pass(12 * 3600 - 1)
        #expect(try client.isSignedIn)
        pass(12 * 3600)
        #expect(try !client.isSignedIn)
    }

    @Test("a session ends after exactly seven days, even if it is used", arguments: TestDatabase.selected)
    func absolute(_: TestDatabase) throws {
        for _ in 0..<27 {
            pass(6 * 3600)
            #expect(try client.isSignedIn)
        }
        pass(6 * 3600 - 1)
        #expect(try client.isSignedIn)
        pass(1)
        #expect(try !client.isSignedIn)
        // A clock that steps back does not revive the session.
        clock.set(clock.now - 86_400)
        #expect(try !client.isSignedIn)
    }

    @Test("a user sees their sessions and can end another one at once", arguments: TestDatabase.selected)
    func list(_: TestDatabase) throws {
        let other = TestClient(server)
        try other.get("/sign-in")
        let firefox = ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        try other.post(
            "/sign-in", ["email": RunningServer.email, "password": TestClient.password], headers: [firefox])
        let page = try client.get("/account/sign-in").body
        #expect(page.contains("Firefox on Linux"))
        #expect(page.contains("this session"))
        let id = try #require(try other.session).id
        let forms = page.split(separator: "action=\"/account/sign-in/sessions/").dropFirst()
        #expect(forms.map { $0.prefix { $0 != "\"" } } == ["end-others", "\(id)/end"])
        let ended = try client.post("/account/sign-in/sessions/\(id)/end")
        #expect(try client.follow(ended).body.contains("The session has ended."))
        #expect(try !other.isSignedIn)
        #expect(try client.isSignedIn)
        #expect(try !client.get("/account/sign-in").body.contains("Firefox"))
        #expect(try client.actions.last == "session_revoked")
        #expect(try !client.get("/account/sign-in").says("Sign out everywhere else"))
    }

    @Test("a user can sign out everywhere else, and other users stay signed in", arguments: TestDatabase.selected)
    func endOthers(_: TestDatabase) throws {
        let stranger = TestClient(server)
        try stranger.signUp(email: "stranger@example.com")
        let others = [TestClient(server), TestClient(server)]
        for other in others { try other.signIn() }
        try client.get("/account/sign-in")
        let ended = try client.post("/account/sign-in/sessions/end-others")
        #expect(try client.follow(ended).says("You are signed out everywhere else."))
        for other in others { #expect(try !other.isSignedIn) }
        #expect(try client.isSignedIn && stranger.isSignedIn)
        #expect(try client.actions.filter { $0 == "session_revoked" }.count == 1)
    }

    @Test("a user cannot end a session of another user", arguments: TestDatabase.selected)
    func foreign(_: TestDatabase) throws {
        let stranger = TestClient(server)
        try stranger.signUp(email: "stranger@example.com")
        try stranger.get("/account/sign-in")
        try stranger.post("/account/sign-in/sessions/\(#require(try client.session).id)/end")
        #expect(try client.isSignedIn)
        #expect(try !client.actions.contains("session_revoked"))
    }

    @Test("signing in and out is in the account's audit log", arguments: TestDatabase.selected)
    func audit(_: TestDatabase) throws {
        try client.get("/account/sign-in")
        try client.post("/sign-out")
        try client.signIn(password: "wrong")
        try client.signIn()
        #expect(
            try client.actions
                == ["user_created", "password_chosen", "login", "logout", "login_failed", "login"])
    }

    @Test("cookies are restricted to this host and hidden from scripts", arguments: TestDatabase.selected)
    func cookies(_: TestDatabase) throws {
        let fresh = TestClient(server)
        let asked = try fresh.get("/sign-in")
        #expect(asked.cookies.map { $0.split(separator: "=")[0] } == ["podstack_visitor"])
        let signedIn = try fresh.post(
            "/sign-in", ["email": RunningServer.email, "password": TestClient.password])
        let out = try fresh.send("GET", "/account/sign-in")
        #expect(out.cookies.isEmpty)
        for cookie in asked.cookies + signedIn.cookies {
            #expect(cookie.contains("; Path=/; HttpOnly; SameSite=Lax"))
            // Without TLS, browsers do not send secure cookies.
            #expect(!cookie.contains("Secure"))
            #expect(!cookie.contains("Domain"))
        }
        #expect(signedIn.cookies.count == 1)
        #expect(signedIn.cookies.allSatisfy { $0.hasSuffix("; Max-Age=604800") })
        let left = try fresh.post("/sign-out")
        #expect(left.cookies.first?.hasSuffix("Max-Age=0") == true)
        #expect(left.headers["clear-site-data"] == "\"cache\"")
        #expect(fresh.cookies["podstack_session"] == nil)
    }

    @Test("an invented, truncated or expired cookie has no session", arguments: TestDatabase.selected)
    func wrongCookies(_: TestDatabase) throws {
        let good = try #require(client.cookies["podstack_session"])
        for wrong in [
            "", "x", String(good.dropLast()), good + "x", good.uppercased(), try #require(try client.session).id,
        ] {
            client.cookies["podstack_session"] = wrong
            #expect(try !client.isSignedIn)
        }
        client.cookies["podstack_session"] = good
        #expect(try client.isSignedIn)
        try client.post("/sign-out")
        client.cookies["podstack_session"] = good
        #expect(try !client.isSignedIn)
    }

    @Test(
        "a cookie does not authenticate at the API, and a token not at the dashboard", arguments: TestDatabase.selected)
    func credentials(_: TestDatabase) throws {
        let cookie = try #require(client.cookies["podstack_session"])
        let connection = try RawHTTP(port: server.server.port)
        for path in ["/v1/auth/whoami", "/v1/tokens"] {
            #expect(try client.get(path).code == "missing_token")
            let response = try connection.request("GET", path, headers: [("Authorization", "Bearer \(cookie)")])
            #expect(response.status == 401)
        }
        #expect(
            try client.request(
                "POST", "/v1/tokens", headers: [("Content-Type", "application/json")], body: #"{"name": "x"}"#
            ).code == "missing_token")
        let token = try server.createToken()
        for headers in [[("Authorization", "Bearer \(token)")], [("Cookie", "podstack_session=\(token)")]] {
            #expect(try connection.request("GET", "/account/sign-in", headers: headers).status == 303)
        }
    }

    @Test("a new pepper ends every session and every sign-in link", arguments: TestDatabase.selected)
    func pepper(_: TestDatabase) throws {
        guard TestDatabase.current == .sqlite else { return }
        let link = try server.server.signInLink(RunningServer.email)
        server.server.stop()
        let directory = try DataDirectory(server.data.file("data"))
        try PepperRotation(directory: directory, database: server.server.service.database).run(now: clock.now)
        let again = try EmbeddedServer(directory: server.data.file("data"), now: { [clock] in clock.now })
        let returned = TestClient(port: again.port)
        returned.cookies = client.cookies
        #expect(try !returned.isSignedIn)
        #expect(try returned.get(link).status == 410)
        #expect(try returned.signIn().status == 303)
    }
}
