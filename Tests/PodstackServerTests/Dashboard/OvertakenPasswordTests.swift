import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Passwords that are changed while they are looked at", .blocking, .databases, .timeLimit(.perTest))
struct OvertakenPasswordTests {
    /// Somebody else comes first, once, before the second write.
    private final class OvertakenDatabase: Database {
        private let inner: any Database
        private let overtake: @Sendable () throws -> Void
        private let writes = Atomic(0)

        init(_ inner: any Database, by overtake: @escaping @Sendable () throws -> Void) {
            self.inner = inner
            self.overtake = overtake
        }

        func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result { try inner.read(body) }

        func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
            if writes.add(1, ordering: .relaxed).newValue == 2 { try overtake() }
            return try inner.write(body)
        }
    }

    let server: RunningServer
    let visitor: TestClient
    private let request = Request(method: "POST", path: "/")

    init() throws {
        server = try RunningServer(clock: ManualClock())
        visitor = try TestClient(signedUpAt: server)
    }

    var service: Service { server.server.service }

    /// The service's, with a password of somebody else's by the time that the right one was found right.
    private func overtaken() throws -> SignInService {
        let service = service
        let user = try service.database.read { try AccountStore.user(email: RunningServer.email, in: $0) }
        let userID = try #require(user).id
        let database = OvertakenDatabase(service.database) {
            try service.database.write { try PasswordStore.set("another", userID: userID, in: $0) }
        }
        let changes = Changes(database: database, verifier: service.verifier, trail: service.changes.trail)
        return SignInService(database: database, changes: changes, digest: service.signIn.failures.digest)
    }

    private func hash() throws -> String? {
        try service.database.read { connection in
            let user = try AccountStore.user(email: RunningServer.email, in: connection)
            return try PasswordStore.hash(userID: user?.id ?? "", in: connection)
        }
    }

    @Test("nobody signs in with one that was right only before", arguments: TestDatabase.selected)
    func signIn(_: TestDatabase) throws {
        let signIn = try overtaken()
        #expect(throws: SignInService.Refusal.wrong) {
            try signIn.signIn(
                email: RunningServer.email, password: TestClient.password, from: request, now: service.now())
        }
        #expect(try hash() == "another")
    }

    @Test("nobody puts another in the place of one that was chosen since", arguments: TestDatabase.selected)
    func change(_: TestDatabase) throws {
        let signIn = try overtaken()
        let secret = try #require(visitor.cookies["podstack_session"])
        let session = try #require(try service.signIn.sessions.find(secret, now: service.now()))
        #expect(throws: SignInService.Refusal.wrong) {
            try signIn.changePassword(
                of: session, from: TestClient.password, to: "another good password", request: request,
                now: service.now())
        }
        #expect(try hash() == "another")
    }
}
