import PodstackAPI
import PodstackCryptography
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("What was overtaken while it was done at the dashboard", .blocking, .everyDatabase)
struct OvertakenVisitorTests {
    let server: RunningServer
    let visitor: PageVisitor
    var service: Service { visitor.service }

    init() throws {
        server = try RunningServer()
        visitor = try PageVisitor(signedUpAt: server)
    }

    /// As a page does that had found the session before it ended.
    private func change(in session: WebSession) throws {
        let request = Request(method: "POST", path: "/projects")
        try service.changes.make(by: Actor(request, session), at: service.now()) { _ in }
    }

    @Test("no change is made in a session that ended while the change waited for its turn")
    func session() throws {
        let session = try #require(try visitor.session)
        try change(in: session)
        try visitor.get("/account/sign-in")
        #expect(try visitor.post("/sign-out").status == 303)
        let refusal = #expect(throws: APIError.self) { try change(in: session) }
        #expect(refusal?.status == 401)
    }

    @Test("nobody signs in with a password that was changed while it was looked at")
    func password() throws {
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
        #expect(throws: SignInService.Refusal.wrong) { try enter(PageVisitor.password) }
        #expect(try service.signIn.sessions.list(userID: user.userID, now: service.now()).isEmpty)
        #expect(try !enter("another good password").isEmpty)
    }
}
