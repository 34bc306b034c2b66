import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Passwords that change while they are checked", .blocking, .databases, .timeLimit(.perTest))
struct OvertakenPasswordTests {
    /// A database on which another change happens before the second write.
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

        func checkWritable() throws { try inner.checkWritable() }
    }

    let server: RunningServer
    let client: TestClient
    private let origin = Origin(address: .unknown)

    init() throws {
        server = try RunningServer(clock: ManualClock())
        client = try TestClient(signedUpAt: server)
    }

    var service: Service { server.server.service }

    /// Returns a service whose user gets another password after the old one was checked.
    private func overtaken() throws -> SignInService {
        let service = service
        let user = try service.database.read { try UserStore.find(email: RunningServer.email, in: $0) }
        let userID = try #require(user).id
        let database = OvertakenDatabase(service.database) {
            try service.database.write { try UserStore.setPasswordHash("another", userID: userID, in: $0) }
        }
        var changes = service.changes
        changes.database = database
        return SignInService(database: database, changes: changes, digest: service.signIn.failures.digest) { _, _ in
            throw DomainError.inconsistent
        }
    }

    private func hash() throws -> String? {
        try service.database.read { connection in
            let user = try UserStore.find(email: RunningServer.email, in: connection)
            return try UserStore.passwordHash(userID: user?.id ?? "", in: connection)
        }
    }

    @Test("a password that was replaced during the check does not sign in", arguments: TestDatabase.selected)
    func signIn(_: TestDatabase) throws {
        let signIn = try overtaken()
        #expect(throws: SignInError.wrongCredentials) {
            try signIn.signIn(
                email: RunningServer.email, password: TestClient.password, from: origin, now: service.now())
        }
        #expect(try hash() == "another")
    }

    @Test("a password change does not overwrite a newer password", arguments: TestDatabase.selected)
    func change(_: TestDatabase) throws {
        let signIn = try overtaken()
        let secret = try #require(client.cookies["podstack_session"])
        let session = try #require(try service.signIn.sessions.find(OneTimeSecret(secret), now: service.now()))
        #expect(throws: SignInError.wrongCredentials) {
            try signIn.changePassword(
                of: session, from: TestClient.password, to: "another good password", from: origin,
                now: service.now())
        }
        #expect(try hash() == "another")
    }
}
