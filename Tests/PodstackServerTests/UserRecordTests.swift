import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("User records", .timeLimit(.perTest))
struct UserRecordTests {
    private let folder: TemporaryDirectory
    private let database: SQLiteDatabase
    private let user = UserRecord(
        id: "usr_1", accountID: "acc_1", email: "You@Example.com", name: "You", defaultProjectID: "prj_1",
        createdAt: 100, disabledAt: 200)

    init() throws {
        folder = try TemporaryDirectory()
        database = try SQLiteDatabase(path: folder.file("users.db"))
        try Migrations.run(on: database)
        try database.write { [user] in
            try UserStore.insertAccount(user.accountID, createdAt: 100, in: $0)
            try UserStore.insert(user, in: $0)
        }
    }

    @Test("every column of the list holds the value of its property")
    func columns() throws {
        #expect(try database.read { try UserStore.find(id: "usr_1", in: $0) } == user)
        let row = try database.read {
            try #require(try $0.query("SELECT \(UserRecord.columns) FROM users u").first)
        }
        #expect(row.columns.names.count == Mirror(reflecting: user).children.count)
        #expect(row.columns.names.allSatisfy { $0.hasPrefix("user_") })
        #expect(Set(row.columns.names).count == row.columns.names.count)
    }

    @Test("a user without a name that is not disabled is read as one")
    func nulls() throws {
        let other = UserRecord(
            id: "usr_2", accountID: "acc_1", email: "b@example.com", defaultProjectID: "prj_2", createdAt: 1)
        try database.write { try UserStore.insert(other, in: $0) }
        let read = try database.read { try UserStore.find(id: "usr_2", in: $0) }
        #expect(read == other)
        #expect(read?.isDisabled == false)
    }

    @Test("a user is found by email address in any case, and no two users have one address")
    func emails() throws {
        #expect(try database.read { try UserStore.find(email: "yOU@eXAMPLE.COM", in: $0) } == user)
        #expect(try database.read { try UserStore.find(email: "you@example.co", in: $0) } == nil)
        var other = user
        (other.id, other.email) = ("usr_2", "YOU@example.com")
        #expect(throws: UserStore.EmailTaken.self) {
            try database.write { try UserStore.insert(other, in: $0) }
        }
    }

    @Test("the columns can be joined with a table that has columns of the same names")
    func join() throws {
        let origin = Origin(address: nil, userAgent: "browser")
        let enabled = UserRecord(
            id: "usr_2", accountID: "acc_1", email: "b@example.com", defaultProjectID: "prj_2", createdAt: 1)
        try database.write {
            try UserStore.insert(enabled, in: $0)
            for user in [user, enabled] {
                try SignInStore.insertSession(
                    id: "ses_\(user.id)", digest: Array(user.id.utf8), userID: user.id, from: origin, at: 300, in: $0)
            }
        }
        let session = try database.read { try SignInStore.session(digest: Array("usr_2".utf8), in: $0) }
        #expect(session?.id == "ses_usr_2")
        #expect(session?.user == enabled)
        #expect(session?.createdAt == 300)
        // A disabled user has no session.
        #expect(try database.read { try SignInStore.session(digest: Array("usr_1".utf8), in: $0) } == nil)
    }
}
