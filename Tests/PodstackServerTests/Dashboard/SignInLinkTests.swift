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
            let page = try client.get(link)
            #expect(page.status == 200)
            #expect(page.body.contains("Choose your password"))
        }
        #expect(try client.post(link, ["password": "short", "repeated": "short"]).status == 422)
        #expect(try client.post(link, ["password": TestClient.password, "repeated": "other"]).status == 422)
        #expect(try client.choose(at: link).status == 303)
        #expect(try client.isSignedIn)
        #expect(try TestClient(server).get(link).status == 410)
        #expect(try TestClient(server).choose("another good password", at: link).status == 403)
        client.cookies = [:]
        try client.get("/sign-in")
        let late = try client.post(link, ["password": "another good password", "repeated": "another good password"])
        #expect(late.status == 410)
        #expect(try client.signIn().status == 303)
    }

    @Test("a link works for exactly three days", arguments: TestDatabase.selected)
    func expiry(_: TestDatabase) throws {
        let link = try link()
        clock.set(clock.now + 72 * 3600 - 1)
        #expect(try client.get(link).status == 200)
        clock.set(clock.now + 1)
        #expect(try client.get(link).status == 410)
        let body = ["password": TestClient.password, "repeated": TestClient.password] as KeyValuePairs
        #expect(try client.post(link, body).status == 410)
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
        #expect(try client.get(link).body.contains("Create the first account"))
        for wrong in ["", "nobody", "two words@example.com", "a@b@c"] {
            #expect(try client.choose(at: link, email: wrong).status == 422)
        }
        try empty.addUser("other@example.com")
        #expect(try client.get(link).status == 410)
        let body = ["email": "you@example.com", "password": TestClient.password, "repeated": TestClient.password]
        #expect(try client.post(link, body.map { ($0.key, $0.value) }).status == 410)
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
}
