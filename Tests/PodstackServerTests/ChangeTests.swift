import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Changes", .timeLimit(.perTest))
struct ChangeTests {
    private final class Announcements: Sendable {
        private let list = Mutex<[Announcement]>([])
        var all: [Announcement] { list.withLock { $0 } }
        func add(_ announcement: Announcement) { list.withLock { $0.append(announcement) } }
    }

    private struct NotAllowed: Error {}

    private let folder: TemporaryDirectory
    private let database: SQLiteDatabase
    private let announcements = Announcements()

    init() throws {
        folder = try TemporaryDirectory()
        database = try SQLiteDatabase(path: folder.file("changes.db"))
        try Migrations.run(on: database)
    }

    /// A signed-in user.
    private let actor = Actor(userID: "usr_1", sessionID: "ses_1", origin: Origin())
    private let grant = Grant(accountID: "acc_1", userID: "usr_1")

    private func changes(
        clock: @escaping @Sendable () -> Int64 = { 0 },
        authority: @escaping @Sendable (Actor, Int64, any DatabaseConnection) throws -> Authority = { _, _, _ in
            throw NotAllowed()
        }
    ) -> Changes {
        let chain = AuditChain(Peppers(current: Pepper(bytes: [UInt8](repeating: 7, count: 32))))
        return Changes(
            database: database, trail: AuditTrail(chain: chain), clock: clock,
            forget: { [announcements] in announcements.add($0) }, readAuthority: authority)
    }

    @Test("a change announces what it marked, also under the name of another actor")
    func marks() throws {
        try changes().perform(by: .administrator, at: 1) { change in
            change.changed(token: "token1")
            let other = change.acting(for: "usr_1", "you@example.com")
            #expect(other.actor.userID == "usr_1" && other.actor.origin == Actor.administrator.origin)
            other.changed(token: "token2")
            other.changed(user: "usr_1")
        }
        #expect(announcements.all.count == 1)
        #expect(announcements.all.first?.tokens == ["token1", "token2"])
        #expect(announcements.all.first?.users == ["usr_1"])
    }

    @Test("an actor that may no longer act, or lacks a permission, changes nothing and announces nothing")
    func recheck() throws {
        func create(with changes: Changes, _ requirement: Requirement) throws {
            try changes.perform(by: actor, requiring: requirement, at: 1) {
                _ = try AccountCreation.create(email: "you@example.com", name: nil, in: $0)
            }
        }
        #expect(throws: NotAllowed.self) { try create(with: changes(), .credential) }
        var grant = grant
        grant.scopes = [.tokensRead]
        let narrow = changes(authority: { [grant] _, _, connection in Authority(grant, in: connection) })
        for requirement in [
            Requirement.scope(.tokensCreate), .scope(.tokensRead, in: "prj_1"),
            .scope(.tokensRead, naming: "prj_1"),
        ] {
            #expect(throws: DomainError.self) { try create(with: narrow, requirement) }
        }
        #expect(try database.read { try UserStore.isEmpty(in: $0) })
        #expect(announcements.all.isEmpty)
        try create(with: narrow, .scope(.tokensRead))
        #expect(try database.read { try !UserStore.isEmpty(in: $0) })
    }

    @Test("the authority is read at the time at which the transaction begins, which is the time of the change")
    func time() throws {
        let time = try changes(
            clock: { 9 },
            authority: { [grant] _, now, connection in
                #expect(now == 9)
                return Authority(grant, in: connection)
            }
        ).perform(by: actor, requiring: .credential, at: 1) { $0.now }
        #expect(time == 9)
    }

    @Test("an actor with a credential cannot change anything without a requirement, nor one without it with one")
    func credential() throws {
        #expect(throws: DomainError.self) { try changes().perform(by: actor, at: 1) { _ in } }
        #expect(throws: DomainError.self) {
            try changes().perform(by: .administrator, requiring: .credential, at: 1) { _ in }
        }
        #expect(throws: DomainError.self) { try changes().perform(by: .administrator, at: 1) { _ = try $0.grant } }
    }

    @Test("a new account has its user, a default project, and the user as its admin")
    func account() throws {
        let user = try changes().perform(by: .administrator, at: 5) {
            try AccountCreation.create(email: "you@example.com", name: "You", in: $0)
        }
        try database.read { connection in
            #expect(try UserStore.find(email: "you@example.com", in: connection) == user)
            let project = try ProjectStore.find(user.defaultProjectID, in: connection)
            #expect(project?.name == "default" && project?.accountID == user.accountID)
            let membership = try MemberStore.membership(
                userID: user.id, projectID: user.defaultProjectID, in: connection)
            #expect(membership == Membership(projectID: user.defaultProjectID, role: .admin, addedAt: 5))
        }
        #expect(throws: UserStore.EmailTaken.self) {
            try changes().perform(by: .administrator, at: 6) {
                try AccountCreation.create(email: "YOU@example.com", name: nil, in: $0)
            }
        }
        // The second account was rolled back with its user.
        #expect(try database.read { try $0.query("SELECT id FROM accounts") }.count == 1)
    }
}
