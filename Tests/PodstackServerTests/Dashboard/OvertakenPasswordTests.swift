import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Passwords that change while they are checked", .blocking, .everyDatabase)
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
    }

    let server: RunningServer
    let visitor: PageVisitor
    private let origin = Origin(address: .unknown)

    init() throws {
        server = try RunningServer(clock: ManualClock())
        visitor = try PageVisitor(signedUpAt: server)
    }

    var service: Service { server.server.service }

    /// Returns a service whose user gets another password after the old one was checked.
    private func overtaken() throws -> SignInService {
        let service = service
        let user = try service.database.read { try AccountStore.user(email: RunningServer.email, in: $0) }
        let userID = try #require(user).id
        let database = OvertakenDatabase(service.database) {
            try service.database.write { try PasswordStore.set("another", userID: userID, in: $0) }
        }
        var changes = service.changes
        changes.database = database
        return SignInService(database: database, changes: changes, digest: service.signIn.failures.digest)
    }

    private func hash() throws -> String? {
        try service.database.read { connection in
            let user = try AccountStore.user(email: RunningServer.email, in: connection)
            return try PasswordStore.hash(userID: user?.id ?? "", in: connection)
        }
    }

    @Test("a password that was replaced during the check does not sign in")
    func signIn() throws {
        let signIn = try overtaken()
        #expect(throws: SignInService.Refusal.wrong) {
            try signIn.signIn(
                email: RunningServer.email, password: PageVisitor.password, from: origin, now: service.now())
        }
        #expect(try hash() == "another")
    }

    @Test("a password change does not overwrite a newer password")
    func change() throws {
        let signIn = try overtaken()
        let secret = try #require(visitor.cookies["podstack_session"])
        let session = try #require(try service.signIn.sessions.find(secret, now: service.now()))
        #expect(throws: SignInService.Refusal.wrong) {
            try signIn.changePassword(
                of: session, from: PageVisitor.password, to: "another good password", from: origin,
                now: service.now())
        }
        #expect(try hash() == "another")
    }
}
