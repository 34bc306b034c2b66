import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The number of audit events outside the database", .blocking, .timeLimit(.perTest))
struct AuditCountTests {
    let folder: TemporaryDirectory
    let service: Service
    let account: String
    var data: String { folder.file("data") }
    var file: String { data + "/audit.count" }

    init() throws {
        folder = try TemporaryDirectory()
        service = try Service(directory: DataDirectory(folder.file("data")), log: Log { _ in })
        let service = service
        account = try service.changes.perform(by: .administrator, at: service.now()) {
            try AccountCreation.create(email: "you@example.com", name: nil, in: $0).accountID
        }
    }

    private func recordEvent(_ changes: Changes? = nil) throws {
        let resource = AuditResource(type: "user", id: "usr_1", name: "you@example.com", accountID: account)
        try (changes ?? service.changes).perform(by: .administrator, at: service.now()) {
            try $0.record(.update, on: resource)
        }
    }

    private func faults() throws -> [String] {
        try AuditVerification(
            of: service.database, chain: service.changes.trail.chain, count: service.changes.auditCount
        ).faults
    }

    private func write(_ statements: String...) throws {
        try service.database.write { connection in
            for text in statements { try connection.execute(SQL(stringLiteral: text)) }
        }
    }

    private func inDatabase() throws -> Int64 { try service.database.read { try AuditStore.countEver(in: $0) } }
    private var counted: Int64? { AuditCount(path: file).value }

    private func run(_ words: String...) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-server", words + ["--data", data])
    }

    @Test("an older state of the log that was put back is found, also after further events")
    func rollback() throws {
        try write("CREATE TABLE kept AS SELECT * FROM audit_chains")
        for _ in 0..<2 { try recordEvent() }
        #expect(try faults() == [])
        try write(
            "DELETE FROM audit_events WHERE number > (SELECT last_number FROM kept)", "DELETE FROM audit_chains",
            "INSERT INTO audit_chains SELECT * FROM kept", "DROP TABLE kept")
        for _ in 0..<3 {
            let faults = try faults()
            #expect(faults.count == 1)
            #expect(faults.first?.hasPrefix("the database has 2 events less") == true, "\(faults)")
            try recordEvent()
        }
        // A start does not hide it.
        _ = try Service(directory: DataDirectory(data), log: Log { _ in })
        #expect(try faults().count == 1)
        let command = try run("audit", "verify")
        #expect(command.status == 1 && command.output.contains("2 events less") && command.output.contains(file))
        // After the restore of a backup, the operator begins a new count.
        try FileManager.default.removeItem(atPath: file)
        #expect(try run("audit", "verify").output.hasPrefix("intact: "))
        #expect(try counted == inDatabase())
    }

    @Test("the removal of an account with everything that belongs to it is found")
    func removedAccount() throws {
        let second = try service.changes.perform(by: .administrator, at: service.now()) {
            try AccountCreation.create(email: "me@example.com", name: nil, in: $0).accountID
        }
        #expect(try faults() == [])
        let users = "(SELECT id FROM users WHERE account_id = '\(second)')"
        try write(
            "DELETE FROM members WHERE user_id IN \(users)", "DELETE FROM projects WHERE account_id = '\(second)'",
            "DELETE FROM users WHERE account_id = '\(second)'", "DELETE FROM accounts WHERE id = '\(second)'",
            "DELETE FROM audit_events WHERE account_id = '\(second)'",
            "DELETE FROM audit_chains WHERE account_id = '\(second)'")
        let faults = try faults()
        #expect(faults.count == 1 && faults.first?.hasPrefix("the database has 1 event less") == true, "\(faults)")
    }

    @Test("events of a process that ended before it counted them are counted at the next start")
    func late() throws {
        var killed = service.changes
        killed.auditCount = nil
        for _ in 0..<3 { try recordEvent(killed) }
        #expect(try counted == inDatabase() - 3)
        #expect(try faults() == [])
        _ = try Service(directory: DataDirectory(data), log: Log { _ in })
        #expect(try counted == inDatabase())
    }

    @Test("a change that is undone is not counted")
    func undone() throws {
        struct Failure: Error {}
        let before = counted
        let resource = AuditResource(type: "user", id: "usr_1", name: "you@example.com", accountID: account)
        #expect(throws: Failure.self) {
            try service.changes.perform(by: .administrator, at: service.now()) { change in
                try change.record(.update, on: resource)
                throw Failure()
            }
        }
        #expect(counted == before)
    }

    @Test("several processes and threads count each event once, while others start")
    func concurrent() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { for _ in 0..<25 { try recordEvent() } } }
            for number in 0..<3 {
                group.addTask {
                    let added = try run("user", "add", "\(number)@example.com")
                    #expect(added.status == 0, "\(added.error)")
                }
            }
            for _ in 0..<3 {
                group.addTask {
                    for _ in 0..<5 { _ = try Service(directory: DataDirectory(data), log: Log { _ in }) }
                }
            }
            try await group.waitForAll()
        }
        #expect(try counted == inDatabase())
        #expect(try faults() == [])
    }

    @Test("a missing, damaged or locked file prevents no change")
    func unusable() throws {
        let lock = try #require(AuditCount(path: file).lock())
        try recordEvent()
        withExtendedLifetime(lock) {}
        #expect(try faults() == [])
        #expect(truncate(file, 3) == 0)
        try recordEvent()
        try FileManager.default.removeItem(atPath: file)
        try recordEvent()
        #expect(try faults() == [])
        _ = try Service(directory: DataDirectory(data), log: Log { _ in })
        #expect(try counted == inDatabase())
    }
}
