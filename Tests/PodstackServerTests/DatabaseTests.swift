import PodstackTestSupport
import Testing

@testable import PodstackServer

/// The guarantees that the stores rely on, on each database.
@Suite("A database", .blocking, .databases, .timeLimit(.perTest))
struct DatabaseTests {
    let opened: OpenedDatabase
    var database: any Database { opened.database }

    init() throws {
        opened = try OpenedDatabase()
        _ = try database.write {
            try $0.run("CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, number BIGINT, bytes BLOB, text TEXT)")
        }
    }

    private func insert(_ id: String, _ number: Int64? = nil, in connection: any DatabaseConnection) throws {
        try connection.run("INSERT INTO things (id, number) VALUES (?, ?)", [.text(id), DatabaseValue(number)])
    }

    private func count() throws -> Int64? {
        try database.read { try $0.run("SELECT COUNT(*) FROM things").first?.integer(0) }
    }

    @Test("numbers, bytes, texts and null are read as they were written", arguments: TestDatabase.selected)
    func values(_: TestDatabase) throws {
        let rows: [[DatabaseValue]] = [
            [.text("a"), .integer(.min), .blob([]), .text("")],
            [.text("b"), .integer(.max), .blob([0, 255, 39, 92]), .text("'; DROP TABLE things; -- ? $1 \\ %")],
            [.text("c"), .integer(-1), .blob([UInt8](repeating: 0, count: 100_000)), .text("é\u{1F600}\n")],
            [.text("d"), .null, .null, .null],
        ]
        try database.write { connection in
            for row in rows {
                let count = try connection.execute(
                    "INSERT INTO things (id, number, bytes, text) VALUES (\(row[0]), \(row[1]), \(row[2]), \(row[3]))")
                #expect(count == 1)
            }
        }
        let found = try database.read { try $0.run("SELECT id, number, bytes, text FROM things ORDER BY id") }
        #expect(found.map(\.values) == rows)
        let quoted = try database.read {
            try $0.run("SELECT id FROM things WHERE text <> '?' AND number = ?", [.integer(-1)])
        }
        #expect(quoted.map(\.values) == [[.text("c")]])
    }

    @Test("a commit is on the disk when it returns, and foreign keys are checked", arguments: TestDatabase.selected)
    func settingsInForce(_ kind: TestDatabase) throws {
        func setting(_ name: String, _ connection: any DatabaseConnection) throws -> DatabaseValue? {
            let sql = kind == .sqlite ? "PRAGMA \(name)" : "SELECT current_setting('\(name)')"
            return try connection.run(sql).first?.values.first
        }
        switch kind {
        case .sqlite:
            for settings in [
                try database.write { connection in
                    try ["synchronous", "foreign_keys", "journal_mode"].map { try setting($0, connection) }
                },
                try database.read { connection in
                    try ["synchronous", "foreign_keys", "journal_mode"].map { try setting($0, connection) }
                },
            ] {
                // 2 is FULL.
                #expect(settings == [.integer(2), .integer(1), .text("wal")])
            }
        case .postgresql:
            let cluster = try #require(opened.cluster)
            for value in ["off", "local", "on"] {
                try cluster.run("ALTER DATABASE \(cluster.name) SET synchronous_commit = '\(value)'")
                defer { _ = try? cluster.run("ALTER DATABASE \(cluster.name) RESET synchronous_commit") }
                let inForce = try opened.another().write { try setting("synchronous_commit", $0) }
                // Only `off` returns before the commit is on the server's own disk.
                #expect(inForce == .text(value == "off" ? "on" : value))
            }
        }
    }

    @Test("a statement returns the number of rows that it changed", arguments: TestDatabase.selected)
    func changes(_: TestDatabase) throws {
        try database.write { connection in
            for id in ["a", "b", "c"] { try insert(id, in: connection) }
            #expect(try connection.execute("UPDATE things SET number = 1 WHERE id <> \("a")") == 2)
            #expect(try connection.execute("DELETE FROM things WHERE id = \("x")") == 0)
        }
    }

    @Test("a write that throws changes nothing", arguments: TestDatabase.selected)
    func undone(_: TestDatabase) throws {
        struct Failure: Error {}
        #expect(throws: Failure.self) {
            try database.write {
                try insert("a", in: $0)
                throw Failure()
            }
        }
        #expect(throws: DatabaseFailure.self) {
            try database.write {
                try insert("a", in: $0)
                try insert("a", in: $0)
            }
        }
        #expect(try count() == 0)
        try database.write { try insert("a", in: $0) }
        #expect(try count() == 1)
    }

    @Test("a failure contains no argument", arguments: TestDatabase.selected)
    func failures(_: TestDatabase) throws {
        let failure = #expect(throws: DatabaseFailure.self) {
            try database.write {
                try insert("a secret", in: $0)
                try insert("a secret", in: $0)
            }
        }
        #expect(failure?.reason.contains("secret") == false)
    }

    @Test("a read sees one consistent state", arguments: TestDatabase.selected)
    func snapshot(_: TestDatabase) throws {
        try database.read { connection in
            #expect(try connection.run("SELECT id FROM things").isEmpty)
            try opened.another().write { try insert("a", in: $0) }
            #expect(try connection.run("SELECT id FROM things").isEmpty)
        }
        #expect(try count() == 1)
    }

    @Test("a write sees every earlier write, including those of other programs", arguments: TestDatabase.selected)
    func oneAfterAnother(_: TestDatabase) async throws {
        try database.write { try insert("a", 0, in: $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                let database = try opened.another()
                for _ in 0..<2 {
                    group.addTask {
                        for _ in 0..<10 {
                            try database.write { connection in
                                let number = try connection.run("SELECT number FROM things").first?.integer(0) ?? 0
                                try connection.run("UPDATE things SET number = ?", [.integer(number + 1)])
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try database.read { try $0.run("SELECT number FROM things").first?.integer(0) } == 80)
    }

    @Test("a connection keeps a limited number of prepared statements", arguments: TestDatabase.selected)
    func manyStatements(_: TestDatabase) throws {
        try database.read { connection in
            for number in 0..<1000 {
                let row = try connection.run("SELECT \(number) FROM (SELECT 1) one").first
                #expect(row?.values == [.integer(Int64(number))])
            }
            let kept =
                (connection as? SQLiteConnection)?.statementCount ?? (connection as? PostgresConnection)?.statementCount
            #expect(try #require(kept) <= 200)
        }
    }

    @Test("an announcement can be of any size", arguments: TestDatabase.selected)
    func announcements(_: TestDatabase) throws {
        if let shared = database as? PostgresDatabase {
            try PostgresSchema.prepare(shared, updatesSchema: false)
        }
        let many = Announcement(
            tokens: Set((0..<3000).map { "token\($0)" }), users: Set((0..<300).map { "usr_\($0)" }))
        try database.write { try $0.announce(many) }
        try database.write { try $0.announce(Announcement()) }
        #expect(many.lines.allSatisfy { $0.utf8.count <= 7000 })
        var heard = Announcement()
        for line in many.lines {
            let part = Announcement(line: line)
            heard.tokens.formUnion(part.tokens)
            heard.users.formUnion(part.users)
        }
        #expect(heard == many)
    }

    @Test(
        "a write that waits too long for another one fails, and the next one succeeds", arguments: TestDatabase.selected
    )
    func patience(_: TestDatabase) throws {
        guard let cluster = opened.cluster, let url = PostgresURL(cluster.url) else { return }
        let holder = try PostgresConnection(url)
        try holder.script(PostgresDatabase.beginWrite)
        let impatient = try PostgresConnection(url)
        try impatient.script("SET lock_timeout = '50ms'")
        let failure = #expect(throws: DatabaseFailure.self) { try impatient.script(PostgresDatabase.beginWrite) }
        #expect(failure?.reason.contains("holds a lock for too long") == true)
        #expect(impatient.isAlive && !impatient.isIdle)
        try holder.script("ROLLBACK")
        try database.write { try insert("a", in: $0) }
    }
}
