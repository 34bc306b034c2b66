import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The chain of the audit log", .blocking, .databases, .timeLimit(.perTest))
struct AuditChainTests {
    let folder: TemporaryDirectory
    let database: PostgresCluster.Database?
    let service: Service
    let clock = ManualClock()
    let account: String

    init() throws {
        let folder = try TemporaryDirectory()
        let clock = clock
        self.folder = folder
        database = try TestDatabase.current.create(for: .anything)
        service = try Service(
            directory: DataDirectory(folder.file("data")), database: database.flatMap { PostgresURL($0.url) },
            log: Log { _ in }, now: { clock.now }, elapsed: { clock.elapsed })
        let service = service
        account = try service.changes.perform(by: .administrator, at: clock.now) {
            try AccountCreation.create(email: "you@example.com", name: nil, in: $0).accountID
        }
        for _ in 0..<5 { try recordEvent() }
    }

    /// Records another event.
    ///
    /// With the event of the account itself, the log has six.
    func recordEvent() throws {
        let resource = AuditResource(type: "user", id: "usr_1", name: "you@example.com", accountID: account)
        try service.changes.perform(by: .administrator, at: clock.now) {
            try $0.record(.update, on: resource, ["old": "a", "new": "b"])
        }
    }

    func faults() throws -> [String] {
        try AuditVerification(of: service.database, chain: service.changes.trail.chain).faults
    }

    func write(_ sql: String) throws {
        try service.database.write {
            let count = try $0.execute(SQL(stringLiteral: sql))
            #expect(count > 0)
        }
    }

    @Test("an unchanged log is intact", arguments: TestDatabase.selected)
    func intact(_: TestDatabase) throws {
        let found = try AuditVerification(of: service.database, chain: service.changes.trail.chain)
        #expect(found.faults.isEmpty)
        #expect(found.events == 6)
        #expect(found.accounts == 1)
    }

    @Test(
        "a changed value in any column is found, and its event is named",
        arguments: TestDatabase.selected,
        [
            "id = 'evt_x'", "created_at = created_at - 1", "action = 'create'", "resource_type = 'x'",
            "resource_id = 'x'", "resource_id = NULL", "resource_name = 'x'", "project_id = 'x'", "user_id = 'x'",
            "user_email = 'x'", "token_id = 'x'", "address = 'x'", "user_agent = 'x'", "details = '{}'",
            "resource_name = resource_id || resource_name, resource_id = ''",
        ])
    func changed(_: TestDatabase, assignment: String) throws {
        try write("UPDATE audit_events SET \(assignment) WHERE number = 3")
        let faults = try faults()
        #expect(faults.count == 1)
        #expect(faults.first?.contains("event number 3") == true)
        #expect(faults.first?.contains("is not what was written") == true)
    }

    @Test("a changed hash is found", arguments: TestDatabase.selected)
    func changedHash(_: TestDatabase) throws {
        try write("UPDATE audit_events SET hash = previous_hash WHERE number = 3")
        #expect(try faults().contains { $0.contains("event number 3") })
        #expect(try faults().contains { $0.contains("event number 4") })
    }

    @Test("a removed event is found: in the middle, the first and the last", arguments: TestDatabase.selected)
    func removed(_: TestDatabase) throws {
        try write("DELETE FROM audit_events WHERE number = 3")
        #expect(try faults() == ["\(account): the events from number 3 to 3 are missing"])
        try write("DELETE FROM audit_events WHERE number = 1")
        #expect(try faults().first == "\(account): the events from number 1 to 1 are missing")
        try write("DELETE FROM audit_events WHERE number = 6")
        #expect(try faults().last == "\(account): the events from number 6 to 6, the newest, are missing")
        try write("DELETE FROM audit_events")
        #expect(try faults().count == 1)
    }

    @Test("reordered events are found", arguments: TestDatabase.selected)
    func reordered(_: TestDatabase) throws {
        try write("UPDATE audit_events SET number = 100 WHERE number = 3")
        try write("UPDATE audit_events SET number = 3 WHERE number = 4")
        try write("UPDATE audit_events SET number = 4 WHERE number = 100")
        let faults = try faults()
        #expect(faults.contains { $0.contains("event number 3") })
        #expect(faults.contains { $0.contains("event number 4") })
    }

    @Test("an end that was moved to hide a removal is found", arguments: TestDatabase.selected)
    func movedEnd(_: TestDatabase) throws {
        try write("DELETE FROM audit_events WHERE number = 6")
        try write(
            """
            UPDATE audit_chains SET last_number = 5,
                last_hash = (SELECT hash FROM audit_events WHERE audit_events.number = 5)
            """)
        #expect(try faults() == ["\(account): the record of where its log begins and ends was changed"])
        try write("DELETE FROM audit_chains")
        #expect(try faults() == ["\(account): the record of where its log begins and ends was changed"])
    }

    @Test("the removal of an account's whole log is found", arguments: TestDatabase.selected)
    func removedLog(_: TestDatabase) throws {
        try write("DELETE FROM audit_events")
        try write("DELETE FROM audit_chains")
        #expect(try faults() == ["\(account): its log is missing, and every account has one"])
        // A new event does not hide it.
        try recordEvent()
        #expect(try !service.database.read { try AuditStore.ends(of: account, in: $0) == nil })
    }

    @Test("events before the beginning of the log are found", arguments: TestDatabase.selected)
    func before(_: TestDatabase) throws {
        for number in [0, -3] {
            try write(
                """
                INSERT INTO audit_events
                    (account_id, number, id, created_at, action, resource_type, details, previous_hash, hash)
                SELECT account_id, \(number), 'evt_forged\(number)', created_at, action, resource_type, details,
                    previous_hash, hash
                FROM audit_events WHERE number = 1
                """)
        }
        #expect(try faults() == ["\(account): 2 events before the beginning of its log were added"])
    }

    @Test("an event that was forged without the pepper is found", arguments: TestDatabase.selected)
    func otherPepper(_: TestDatabase) throws {
        let forged = AuditTrail(chain: AuditChain(Peppers(current: Pepper(bytes: [UInt8](repeating: 1, count: 32)))))
        var changes = service.changes
        changes.trail = forged
        let resource = AuditResource(type: "user", id: "usr_1", name: "you@example.com", accountID: account)
        try changes.perform(by: .administrator, at: clock.now) { try $0.record(.update, on: resource) }
        #expect(try faults().count == 2)
    }

    @Test(
        "a failed change records no event, and a change whose event cannot be written is undone",
        arguments: TestDatabase.selected)
    func oneTransaction(_: TestDatabase) throws {
        struct Failure: Error {}
        let resource = AuditResource(type: "user", id: "usr_1", name: "you@example.com", accountID: account)
        #expect(throws: Failure.self) {
            try service.changes.perform(by: .administrator, at: clock.now) { change in
                try change.record(.update, on: resource)
                throw Failure()
            }
        }
        #expect(try AuditVerification(of: service.database, chain: service.changes.trail.chain).events == 6)
        _ = try service.database.write { try $0.run("ALTER TABLE audit_events RENAME TO gone") }
        #expect(throws: DatabaseFailure.self) {
            try service.changes.perform(by: .administrator, at: clock.now) {
                try AccountCreation.create(email: "other@example.com", name: nil, in: $0)
            }
        }
        #expect(try service.database.read { try UserStore.find(email: "other@example.com", in: $0) } == nil)
    }

    @Test("events older than 90 days are removed, and the rest is still intact", arguments: TestDatabase.selected)
    func pruning(_: TestDatabase) throws {
        let start = clock.now
        clock.set(start + 86_400)
        for _ in 0..<3 { try recordEvent() }
        func prune() throws { try service.changes.trail.prune(now: clock.now, in: service.database) }
        func count() throws -> Int {
            try AuditVerification(of: service.database, chain: service.changes.trail.chain).events
        }
        for (time, left) in [(90 * 86_400 - 1, 9), (90 * 86_400, 3), (91 * 86_400 - 1, 3), (91 * 86_400, 0)] {
            clock.set(start + Int64(time))
            try prune()
            try prune()
            #expect(try count() == left, "\(time)")
            #expect(try faults().isEmpty)
        }
        try recordEvent()
        #expect(try count() == 1)
        #expect(try faults().isEmpty)
        try write("UPDATE audit_chains SET first_number = 8, last_number = 9")
        #expect(try !faults().isEmpty)
    }

    @Test(
        "many old events are removed in several transactions, and the next call continues one that ran out of time",
        arguments: TestDatabase.selected)
    func batches(_: TestDatabase) throws {
        let resource = AuditResource(type: "user", id: "usr_1", name: "you@example.com", accountID: account)
        try service.changes.perform(by: .administrator, at: clock.now) { change in
            for _ in 0..<1200 { try change.record(.update, on: resource) }
        }
        clock.set(clock.now + 91 * 86_400)
        let database = CountingDatabase(service.database)
        #expect(try !service.changes.trail.prune(now: clock.now, in: database, within: 0))
        let calls = database.calls
        #expect(try service.changes.trail.prune(now: clock.now, in: database))
        #expect(database.calls >= calls + 4)
        let verification = try AuditVerification(of: service.database, chain: service.changes.trail.chain)
        #expect(verification.events == 0 && verification.faults == [])
    }

    @Test("housekeeping removes old events once an hour", arguments: TestDatabase.selected)
    func housekeeping(_: TestDatabase) throws {
        let housekeeping = Housekeeping(service)
        func count() throws -> Int {
            try AuditVerification(of: service.database, chain: service.changes.trail.chain).events
        }
        let start = clock.now
        clock.set(start + 90 * 86_400 - 1)
        housekeeping.run()
        clock.set(start + 90 * 86_400)
        housekeeping.run()
        #expect(try count() == 6)
        clock.set(start + 90 * 86_400 + 3599)
        housekeeping.run()
        #expect(try count() == 0)
    }
}
