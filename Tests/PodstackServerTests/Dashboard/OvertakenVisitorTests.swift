import PodstackAPI
import PodstackCryptography
import PodstackTestSupport
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite("What was overtaken while it was done at the dashboard", .blocking, .databases, .timeLimit(.perTest))
struct OvertakenVisitorTests {
    let server: RunningServer
    let visitor: TestClient
    var service: Service { visitor.service }

    init() throws {
        server = try RunningServer()
        visitor = try TestClient(signedUpAt: server)
    }

    /// As a page does that had found the session before it ended.
    private func change(in session: WebSession) throws {
        let request = Request(method: "POST", path: "/projects")
        try service.changes.make(by: Actor(request, session), at: service.now()) { _ in }
    }

    @Test(
        "no change is made in a session that ended while the change waited for its turn",
        arguments: TestDatabase.selected)
    func session(_: TestDatabase) throws {
        let session = try #require(try visitor.session)
        try change(in: session)
        try visitor.get("/account/sign-in")
        #expect(try visitor.post("/sign-out").status == 303)
        #expect(throws: WebSessions.SignedOut.self) { try change(in: session) }
    }

    @Test("nobody signs in with a password that was changed while it was looked at", arguments: TestDatabase.selected)
    func password(_: TestDatabase) throws {
        let user = try #require(try visitor.session)
        // Reads the user, then the hash; before what comes next, somebody follows a link of theirs.
        let hooked = HookedDatabase(service.database, afterRead: 2) { [service] in
            try service.changes.make(by: .administrator, at: service.now()) { change in
                try PasswordStore.set(
                    try #require(Sodium.passwordHash("another good password")), userID: user.userID,
                    in: change.connection)
                try service.signIn.sessions.endAll(userID: user.userID, except: nil, in: change)
            }
        }
        let signIn = SignInService(database: hooked, changes: service.changes, digest: service.devices.digest)
        func enter(_ password: String) throws -> String {
            try signIn.signIn(
                email: user.email, password: password, from: Request(method: "POST", path: "/sign-in"),
                now: service.now())
        }
        #expect(throws: SignInService.Refusal.wrong) { try enter(TestClient.password) }
        #expect(try service.signIn.sessions.list(userID: user.userID, now: service.now()).isEmpty)
        #expect(try !enter("another good password").isEmpty)
    }

    @Test(
        "a form whose session ended meanwhile leads to where one signs in, says so, and is no failed authentication",
        arguments: TestDatabase.selected)
    func led(_: TestDatabase) async throws {
        let server = try RunningServer(failedAuthentications: 1)
        let visitor = try TestClient(signedUpAt: server)
        let session = try #require(try visitor.session)
        let other = TestClient(server)
        try other.signIn()
        try other.get("/account/sign-in")
        // The password waits for its turn until the session is gone.
        let gate = Gate()
        let queue = visitor.service.signIn.effort.queue
        let isTaken = queue.add { gate.pass() }
        #expect(isTaken)
        try visitor.get("/account/sign-in")
        let new = "another good password"
        async let answer = visitor.post(
            "/account/sign-in/password", ["current": TestClient.password, "password": new, "repeated": new])
        try await eventually("the form is in the queue") { queue.waiting > 0 }
        #expect(try other.post("/account/sign-in/sessions/\(session.id)/end").status == 303)
        gate.open()
        let overtaken = try await answer
        #expect(overtaken.status == 303 && overtaken.headers["location"] == "/sign-in?ended=")
        #expect(try visitor.follow(overtaken).body.contains("nothing was changed"))
        #expect(try !visitor.actions.contains("password_changed"))
        // Nor are a form without a session, and a cookie that is nobody's.
        #expect(try visitor.post("/projects", ["name": "p"]).headers["location"] == "/sign-in?ended=")
        #expect(try visitor.post("/sign-out").headers["location"] == "/sign-in")
        #expect(try visitor.get("/projects").headers["location"] == "/sign-in?next=%2Fprojects")
        let holder = TestClient(port: server.server.port, TokenMaker.token(id: "00000000"), keepsConnection: true)
        #expect(try holder.tokenState() == "invalid_token")
        #expect(try holder.tokenState() == "rate_limited")
    }
}
