import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Sign-in links", .blocking, .databases, .timeLimit(.perTest))
struct SignInLinkTests {
    let clock = ManualClock()
    let server: RunningServer
    let client: TestClient

    init() throws {
        server = try RunningServer(clock: clock)
        client = TestClient(server)
    }

    func link() throws -> String { try server.server.signInLink(RunningServer.email) }

    @Test(
        "a link works once; viewing it or choosing an invalid password does not use it up",
        arguments: TestDatabase.selected)
    func once(_: TestDatabase) throws {
        let link = try link()
        for _ in 0..<3 {
            let page = try client.follow(try client.get(link))
            #expect(page.status == 200)
            #expect(page.body.contains("Choose your password"))
        }
        let form = try client.openLink(link)
        let other = TestClient(server)
        #expect(try other.openLink(link) == form)
        #expect(try client.post(form, ["password": "short", "repeated": "short"]).status == 422)
        #expect(try client.post(form, ["password": TestClient.password, "repeated": "other"]).status == 422)
        #expect(try client.choose(at: link).status == 303)
        #expect(try client.isSignedIn)
        #expect(client.cookies.keys.allSatisfy { !$0.contains("link") })
        #expect(try TestClient(server).get(link).status == 410)
        let late = try other.post(form, ["password": "another good password", "repeated": "another good password"])
        #expect(late.status == 410)
        #expect(try client.signIn().status == 303)
    }

    @Test("a link works for exactly three days", arguments: TestDatabase.selected)
    func expiry(_: TestDatabase) throws {
        let link = try link()
        clock.set(clock.now + 72 * 3600 - 1)
        let form = try client.openLink(link)
        #expect(try client.get(form).status == 200)
        clock.set(clock.now + 1)
        #expect(try client.get(link).status == 410)
        #expect(try client.get(form).status == 410)
        let body = ["password": TestClient.password, "repeated": TestClient.password] as KeyValuePairs
        #expect(try client.post(form, body).status == 410)
    }

    @Test("a new link replaces the previous one", arguments: TestDatabase.selected)
    func voided(_: TestDatabase) throws {
        let old = try link()
        let new = try link()
        #expect(try client.get(old).status == 410)
        #expect(try client.choose(at: new).status == 303)
    }

    @Test("choosing a new password with a link ends the sessions of the old password", arguments: TestDatabase.selected)
    func sessions(_: TestDatabase) throws {
        try client.signUp()
        let other = TestClient(server)
        try other.choose("another good password", at: try link())
        #expect(try other.isSignedIn)
        #expect(try !client.isSignedIn)
    }

    @Test("an unknown or malformed link gets the same response as a used one", arguments: TestDatabase.selected)
    func unknown(_: TestDatabase) throws {
        let used = try link()
        try client.choose(at: used)
        client.cookies = [:]
        let page = try client.get(used)
        for wrong in [
            "/welcome/x", String(used.dropLast()), used + "x", "/welcome/" + String(repeating: "x", count: 999),
        ] {
            let response = try client.get(wrong)
            #expect(response.status == 410)
            #expect(response.body == page.body)
        }
    }

    @Test("of many concurrent uses of a link, exactly one succeeds", arguments: TestDatabase.selected)
    func atOnce(_: TestDatabase) async throws {
        let link = try link()
        let count = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<6 {
                let each = TestClient(server)
                group.addTask {
                    // A client that finds the queue full tries again.
                    for _ in 0..<200 {
                        let response = try each.choose(at: link)
                        if response.status != 503 { return response.status == 303 }
                    }
                    return false
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(count == 1)
    }

    @Test("the link to the first account stops working once there is an account", arguments: TestDatabase.selected)
    func first(_: TestDatabase) throws {
        let folder = try TemporaryDirectory()
        let database = try TestDatabase.current.create()
        let empty = try EmbeddedServer(directory: folder.file("data"), database: database?.url)
        let link = try empty.signInLink(nil)
        let client = TestClient(port: empty.port)
        let form = try client.openLink(link)
        #expect(try client.get(form).body.contains("Create the first account"))
        for wrong in ["", "nobody", "two words@example.com", "a@b@c"] {
            #expect(try client.choose(at: link, email: wrong).status == 422)
        }
        try empty.addUser("other@example.com")
        #expect(try client.get(link).status == 410)
        let body = ["email": "you@example.com", "password": TestClient.password, "repeated": TestClient.password]
        #expect(try client.post(form, body.map { ($0.key, $0.value) }).status == 410)
    }

    @Test("the first account is created once, with a default project and a password", arguments: TestDatabase.selected)
    func firstUsed(_: TestDatabase) throws {
        let folder = try TemporaryDirectory()
        let database = try TestDatabase.current.create()
        let empty = try EmbeddedServer(directory: folder.file("data"), database: database?.url)
        let link = try empty.signInLink(nil)
        let client = TestClient(port: empty.port)
        #expect(try client.choose(at: link, email: "You@example.com").status == 303)
        #expect(try client.isSignedIn)
        #expect(try TestClient(port: empty.port).get(link).status == 410)
        let another = try empty.signInLink(nil)
        #expect(try TestClient(port: empty.port).get(another).status == 410)
        #expect(try TestClient(port: empty.port).signIn(email: "you@example.com").status == 303)
        #expect(try empty.createToken("you@example.com").count == 56)
    }

    @Test("opening a link leads to a form whose URL and content have no part of it", arguments: TestDatabase.selected)
    func secretLeavesURL(_: TestDatabase) throws {
        let link = try link()
        let secret = try #require(link.split(separator: "/").last)
        let opened = try client.get(link)
        let form = try #require(opened.headers["location"])
        #expect(opened.status == 303 && form.hasPrefix("/welcome?link="))
        #expect(opened.headers["referrer-policy"] == "strict-origin")
        #expect(opened.headers["cache-control"] == "no-store")
        let cookie = try #require(opened.cookies.first { $0.contains(secret) })
        #expect(cookie.hasSuffix("; Path=/welcome; HttpOnly; SameSite=Lax; Max-Age=3600"))
        let page = try client.get(form)
        #expect(page.headers["referrer-policy"] == "strict-origin")
        for start in 0...(secret.count - 8) {
            let piece = secret.dropFirst(start).prefix(8)
            #expect(!form.contains(piece) && !page.body.contains(piece))
        }
    }

    @Test("two links can be open in one browser, each with its own form", arguments: TestDatabase.selected)
    func twoTabs(_: TestDatabase) throws {
        try server.server.addUser("other@example.com")
        let first = try client.openLink(try link())
        let second = try client.openLink(try server.server.signInLink("other@example.com"))
        #expect(try client.get(first).body.contains("For \(RunningServer.email)."))
        #expect(try client.get(second).body.contains("For other@example.com."))
        let fields = ["password": TestClient.password, "repeated": TestClient.password] as KeyValuePairs
        #expect(try client.post(first, fields).status == 303)
        #expect(try client.get("/account/sign-in").body.contains(RunningServer.email))
        #expect(try client.get(second).status == 200)
        #expect(try client.post(second, fields).status == 303)
        #expect(try client.get("/account/sign-in").body.contains("other@example.com"))
    }

    @Test(
        "without the cookie of its link, a form shows nothing and changes nothing", arguments: TestDatabase.selected)
    func withoutCookie(_: TestDatabase) throws {
        let form = try client.openLink(try link())
        try server.server.addUser("other@example.com")
        let attacker = try server.server.signInLink("other@example.com").dropFirst("/welcome/".count)
        let own = client.cookies
        let name = try #require(own.keys.first { $0.hasPrefix("podstack_link_") })
        let fields = ["password": TestClient.password, "repeated": TestClient.password] as KeyValuePairs
        // The last two are the secret of another link, and no secret.
        for value in [nil, "", String(attacker), "x"] {
            client.cookies = own
            client.cookies[name] = value
            for response in [try client.get(form), try client.post(form, fields)] {
                #expect(response.status == 410)
                #expect(!response.body.contains("@example.com"))
            }
        }
        client.cookies = own
        for wrong in ["/welcome", "/welcome?link=", "/welcome?link=x", form + "0", form.uppercased()] {
            #expect(try client.get(wrong).status >= 404, "\(wrong)")
        }
        #expect(try client.post(form, fields).status == 303)
    }

    @Test(
        "no response at a URL with a secret lets a browser repeat it, whatever is wrong",
        arguments: TestDatabase.selected)
    func referrer(_: TestDatabase) throws {
        let link = try link()
        var responses = [
            try client.get(link), try client.get(link + "/x"), try client.get(link + "%2F"),
            try client.get(link + "%zz"),
            try client.get("/welcome/" + String(repeating: "x", count: 5000)), try client.get("/x" + link),
            try client.get("/v1" + link), try client.get("/v1/auth/whoami?token=" + server.createToken()),
            try client.get("/device?code=WDJB-MJHT"), try client.get("/sign-in?next=/device%3Fcode%3DWDJB-MJHT"),
            try client.send("PUT", link), try client.post(link, ["form_key": "x"]),
        ]
        responses.append(try client.get("/v1" + link, headers: [("Accept", "text/html")]))
        for response in responses {
            #expect(response.headers["referrer-policy"] == "strict-origin", "\(response.status) \(response.body)")
        }
    }
}
