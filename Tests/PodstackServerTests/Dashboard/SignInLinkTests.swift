import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Sign-in links", .blocking, .databases, .timeLimit(.perTest))
struct SignInLinkTests {
    let clock = ManualClock()
    let server: RunningServer
    let visitor: TestClient

    init() throws {
        server = try RunningServer(clock: clock)
        visitor = TestClient(server)
    }

    func link() throws -> String { try server.server.signInLink(RunningServer.email) }

    @Test(
        "a link works once; viewing it or choosing an invalid password does not use it up",
        arguments: TestDatabase.selected)
    func once(_: TestDatabase) throws {
        let link = try link()
        for _ in 0..<3 {
            let page = try visitor.get(link)
            #expect(page.status == 200)
            #expect(page.body.contains("Choose your password"))
        }
        #expect(try visitor.post(link, ["password": "short", "repeated": "short"]).status == 422)
        #expect(try visitor.post(link, ["password": TestClient.password, "repeated": "other"]).status == 422)
        #expect(try visitor.choose(at: link).status == 303)
        #expect(try visitor.isSignedIn)
        #expect(try TestClient(server).get(link).status == 410)
        #expect(try TestClient(server).choose("another good password", at: link).status == 403)
        visitor.cookies = [:]
        try visitor.get("/sign-in")
        let late = try visitor.post(link, ["password": "another good password", "repeated": "another good password"])
        #expect(late.status == 410)
        #expect(try visitor.signIn().status == 303)
    }

    @Test("a link works for exactly three days", arguments: TestDatabase.selected)
    func expiry(_: TestDatabase) throws {
        let link = try link()
        clock.set(clock.now + 72 * 3600 - 1)
        #expect(try visitor.get(link).status == 200)
        clock.set(clock.now + 1)
        #expect(try visitor.get(link).status == 410)
        let body = ["password": TestClient.password, "repeated": TestClient.password] as KeyValuePairs
        #expect(try visitor.post(link, body).status == 410)
    }

    @Test("a new link replaces the previous one", arguments: TestDatabase.selected)
    func voided(_: TestDatabase) throws {
        let old = try link()
        let new = try link()
        #expect(try visitor.get(old).status == 410)
        #expect(try visitor.choose(at: new).status == 303)
    }

    @Test("choosing a new password with a link ends the sessions of the old password", arguments: TestDatabase.selected)
    func sessions(_: TestDatabase) throws {
        try visitor.signUp()
        let other = TestClient(server)
        try other.choose("another good password", at: try link())
        #expect(try other.isSignedIn)
        #expect(try !visitor.isSignedIn)
    }

    @Test("an unknown or malformed link gets the same response as a used one", arguments: TestDatabase.selected)
    func unknown(_: TestDatabase) throws {
        let used = try link()
        try visitor.choose(at: used)
        visitor.cookies = [:]
        let page = try visitor.get(used)
        for wrong in [
            "/welcome/x", String(used.dropLast()), used + "x", "/welcome/" + String(repeating: "x", count: 999),
        ] {
            let answer = try visitor.get(wrong)
            #expect(answer.status == 410)
            #expect(answer.body == page.body)
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
                        let answer = try each.choose(at: link)
                        if answer.status != 503 { return answer.status == 303 }
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
        let database = try TestDatabase.current.make()
        let empty = try EmbeddedServer(directory: folder.file("data"), database: database?.url)
        let link = try empty.signInLink(nil)
        let visitor = TestClient(port: empty.port)
        #expect(try visitor.get(link).body.contains("Create the first account"))
        for wrong in ["", "nobody", "two words@example.com", "a@b@c"] {
            #expect(try visitor.choose(at: link, email: wrong).status == 422)
        }
        try empty.addUser("other@example.com")
        #expect(try visitor.get(link).status == 410)
        let body = ["email": "you@example.com", "password": TestClient.password, "repeated": TestClient.password]
        #expect(try visitor.post(link, body.map { ($0.key, $0.value) }).status == 410)
    }

    @Test("the first account is created once, with a default project and a password", arguments: TestDatabase.selected)
    func firstUsed(_: TestDatabase) throws {
        let folder = try TemporaryDirectory()
        let database = try TestDatabase.current.make()
        let empty = try EmbeddedServer(directory: folder.file("data"), database: database?.url)
        let link = try empty.signInLink(nil)
        let visitor = TestClient(port: empty.port)
        #expect(try visitor.choose(at: link, email: "You@example.com").status == 303)
        #expect(try visitor.isSignedIn)
        #expect(try TestClient(port: empty.port).get(link).status == 410)
        let another = try empty.signInLink(nil)
        #expect(try TestClient(port: empty.port).get(another).status == 410)
        #expect(try TestClient(port: empty.port).signIn(email: "you@example.com").status == 303)
        #expect(try empty.makeToken("you@example.com").count == 56)
    }
}
