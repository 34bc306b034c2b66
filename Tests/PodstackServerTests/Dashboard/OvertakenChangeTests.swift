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

@Suite("Dashboard requests that race with other changes", .blocking, .databases, .timeLimit(.perTest))
struct OvertakenChangeTests {
    let server: RunningServer
    let client: TestClient
    var service: Service { client.service }

    init() throws {
        server = try RunningServer()
        client = try TestClient(signedUpAt: server)
    }

    /// Makes a change as a page that read the session before it ended.
    private func change(in session: WebSession, at time: Int64? = nil) throws {
        try service.changes.perform(
            by: Actor(session, from: Origin()), requiring: .credential, at: time ?? service.now()
        ) { _ in }
    }

    @Test("a session that ended before the change makes no change", arguments: TestDatabase.selected)
    func session(_: TestDatabase) throws {
        let session = try #require(try client.session)
        try change(in: session)
        try client.get("/account/sign-in")
        #expect(try client.post("/sign-out").status == 303)
        #expect(throws: SessionEnded.self) { try change(in: session) }
    }

    @Test("a session whose time is over before the change makes no change", arguments: TestDatabase.selected)
    func expiredSession(_: TestDatabase) throws {
        let session = try #require(try client.session)
        try change(in: session, at: session.createdAt + WebSession.idleSeconds - 1)
        #expect(throws: SessionEnded.self) {
            try change(in: session, at: session.createdAt + WebSession.lifetimeSeconds)
        }
    }

    @Test("a password that was replaced during the check does not sign in", arguments: TestDatabase.selected)
    func password(_: TestDatabase) throws {
        let user = try #require(try client.session)
        // The service reads the user, then the hash; then the user follows a sign-in link.
        let hooked = OvertakenDatabase(service.database)
        hooked.overtake(.afterRead(2)) { [service] in
            try service.changes.perform(by: .administrator, at: service.now()) { change in
                try UserStore.setPasswordHash(
                    try #require(Sodium.passwordHash("another good password")), userID: user.user.id,
                    in: change.connection)
                try service.signIn.sessions.endAll(userID: user.user.id, except: nil, in: change)
            }
        }
        let signIn = SignInService(
            database: hooked, changes: service.changes, digest: service.devices.digest,
            createAccount: { _, _ in throw DomainError.inconsistent })
        func enter(_ password: String) throws -> String {
            try signIn.signIn(
                email: user.user.email, password: password, from: Origin(address: .unknown), now: service.now()
            ).text
        }
        #expect(throws: SignInError.wrongCredentials) { try enter(TestClient.password) }
        #expect(try service.signIn.sessions.list(userID: user.user.id, now: service.now()).isEmpty)
        #expect(try !enter("another good password").isEmpty)
    }

    @Test(
        "a form whose session has ended redirects to sign-in and is not a failed authentication",
        arguments: TestDatabase.selected)
    func led(_: TestDatabase) async throws {
        let server = try RunningServer(failedAuthentications: 1)
        let client = try TestClient(signedUpAt: server)
        let session = try #require(try client.session)
        let other = TestClient(server)
        try other.signIn()
        try other.get("/account/sign-in")
        // The password waits in the queue until the session has ended.
        let gate = Gate()
        let queue = client.service.signIn.passwords.queue
        let isTaken = queue.add { gate.pass() }
        #expect(isTaken)
        try client.get("/account/sign-in")
        let new = "another good password"
        async let response = client.post(
            "/account/sign-in/password", ["current": TestClient.password, "password": new, "repeated": new])
        try await eventually("the form is in the queue") { queue.waiting > 0 }
        #expect(try other.post("/account/sign-in/sessions/\(session.id)/end").status == 303)
        gate.open()
        let overtaken = try await response
        #expect(overtaken.status == 303 && overtaken.headers["location"] == "/sign-in?ended=")
        #expect(try client.follow(overtaken).body.contains("nothing was changed"))
        #expect(try !client.actions.contains("password_changed"))
        // The same holds for a form without a session and for an unknown cookie.
        #expect(try client.post("/projects", ["name": "p"]).headers["location"] == "/sign-in?ended=")
        #expect(try client.post("/sign-out").headers["location"] == "/sign-in")
        #expect(try client.get("/projects").headers["location"] == "/sign-in?next=%2Fprojects")
        let holder = TestClient(port: server.server.port, TestToken.generate(id: "00000000"), keepsConnection: true)
        #expect(try holder.tokenState() == "invalid_token")
        #expect(try holder.tokenState() == "rate_limited")
    }
}
