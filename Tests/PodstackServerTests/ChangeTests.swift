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

    private func changes(
        recheck: @escaping @Sendable (Actor, Int64, any DatabaseConnection) throws -> Void = { _, _, _ in }
    ) -> Changes {
        let chain = AuditChain(Peppers(current: Pepper(bytes: [UInt8](repeating: 7, count: 32))))
        return Changes(
            database: database, trail: AuditTrail(chain: chain), forget: { [announcements] in announcements.add($0) },
            recheck: recheck)
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

    @Test("an actor that may no longer act changes nothing and announces nothing")
    func recheck() throws {
        let changes = changes { _, _, _ in throw NotAllowed() }
        #expect(throws: NotAllowed.self) {
            try changes.perform(by: .administrator, at: 1) {
                try AccountCreation.create(email: "you@example.com", name: nil, in: $0)
            }
        }
        #expect(try database.read { try UserStore.isEmpty(in: $0) })
        #expect(announcements.all.isEmpty)
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
            let memberships = try MemberStore.memberships(userID: user.id, in: connection)
            #expect(
                memberships == [
                    user.defaultProjectID: Membership(projectID: user.defaultProjectID, role: .admin, addedAt: 5)
                ])
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
