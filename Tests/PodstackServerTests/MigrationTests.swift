import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Migrations", .blocking, .databases, .timeLimit(.perTest))
struct MigrationTests {
    @Test(
        "a database of each released schema is migrated to the newest one and keeps its contents",
        arguments: TestDatabase.selected)
    func everySchema(_: TestDatabase) throws {
        for version in 1...Migrations.all.count {
            let opened = try OpenedDatabase()
            let database = opened.database
            try Migrations.run(on: database, all: Array(Migrations.all.prefix(version)))
            let account = try database.write {
                try $0.run("INSERT INTO accounts (id, created_at) VALUES ('acc_1', 1)")
                try $0.run(
                    """
                    INSERT INTO users (id, account_id, email, email_key, name, default_project_id, created_at)
                    VALUES ('usr_1', 'acc_1', 'you@example.com', 'you@example.com', NULL, 'prj_1', 1)
                    """)
                try $0.run("INSERT INTO projects (id, account_id, name, created_at) VALUES ('prj_1', 'acc_1', 'd', 1)")
                try $0.run(
                    """
                    INSERT INTO tokens (id, account_id, user_id, name, digest, scopes, created_at, generation)
                    VALUES ('00000000', 'acc_1', 'usr_1', 'old', ?, '*', 1, 1)
                    """, [.blob([UInt8](repeating: 7, count: 32))])
                // Until the third schema, each user is the admin of their one project.
                if version >= 3 {
                    try $0.run(
                        """
                        INSERT INTO members (project_id, user_id, role, can_create, can_read, can_update, can_delete,
                            added_at)
                        VALUES ('prj_1', 'usr_1', 'admin', 1, 1, 1, 1, 1)
                        """)
                }
                return "acc_1"
            }
            try Migrations.run(on: database)
            try Migrations.run(on: database)
            let token = try #require(try database.read { try TokenStore.find("00000000", in: $0) })
            #expect(token.accountID == account)
            #expect(token.digest == [UInt8](repeating: 7, count: 32))
            #expect(token.pending == nil)
            let members = try database.read {
                try MemberStore.list(projectID: "prj_1", now: 2, limit: 10, after: nil, in: $0)
            }
            #expect(members.map(\.status) == ["active"] && members.allSatisfy(\.isActiveAdmin))
        }
    }

    @Test("a database of a newer program is rejected in one sentence", arguments: TestDatabase.selected)
    func newer(_: TestDatabase) throws {
        let opened = try OpenedDatabase()
        let database = opened.database
        try Migrations.run(on: database, all: Migrations.all + [[]])
        let failure = #expect(throws: DatabaseFailure.self) { try Migrations.run(on: database) }
        #expect(failure?.reason.contains("use a newer podstack-server") == true)
    }

    @Test("programs that start at the same time migrate the database once", arguments: TestDatabase.selected)
    func atOnce(_: TestDatabase) async throws {
        let opened = try OpenedDatabase()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try Migrations.run(on: try opened.another()) } }
            try await group.waitForAll()
        }
        let versions = try opened.database.read { try $0.run("SELECT version FROM schema_version") }
        #expect(try versions.map { try $0.integer(0) } == [Int64(Migrations.all.count)])
    }
}
