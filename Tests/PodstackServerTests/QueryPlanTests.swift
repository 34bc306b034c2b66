import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Statements on a large database", .timeLimit(.perTest))
struct QueryPlanTests {
    /// A connection that explains each query instead of running it.
    private final class Explaining: DatabaseConnection {
        private let inner: any DatabaseConnection
        var plan: [String] = []

        init(_ inner: any DatabaseConnection) { self.inner = inner }

        func query(_ statement: SQL) throws -> [DatabaseRow] {
            let explained = SQL(text: "EXPLAIN QUERY PLAN " + statement.text, arguments: statement.arguments)
            plan += try inner.query(explained).map { try $0.text("detail") }
            return []
        }

        func execute(_ statement: SQL) throws -> Int { 0 }
        func announce(_ announcement: Announcement) throws {}
    }

    private func plan(of body: (any DatabaseConnection) throws -> Void) throws -> String {
        let folder = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: folder.file("db"))
        try Migrations.run(on: database)
        return try database.read { connection in
            let explaining = Explaining(connection)
            try body(explaining)
            return explaining.plan.joined(separator: "\n")
        }
    }

    private func list(_ change: (inout AuditFilter) -> Void) -> (any DatabaseConnection) throws -> Void {
        var filter = AuditFilter(accountID: "acc_1")
        change(&filter)
        return { [filter] in _ = try AuditStore.list(filter, limit: 50, in: $0) }
    }

    @Test("find their rows by an index, in the order of the result")
    func indexes() throws {
        let filters: [(index: String, change: (inout AuditFilter) -> Void)] = [
            ("audit_events_of_action (account_id=? AND action=?", { $0.action = "create" }),
            ("audit_events_of_user (account_id=? AND user_id=?", { $0.user = "usr_1" }),
            ("audit_events_of_email (account_id=? AND <expr>=?", { $0.user = "You@example.com" }),
            ("audit_events_of_project (project_id=?", { $0.projectID = "prj_1" }),
        ]
        for (index, change) in filters {
            let plan = try plan(of: list(change))
            #expect(plan.contains("USING INDEX \(index)") && !plan.contains("TEMP B-TREE"), "\(plan)")
        }
        let newest = try plan(of: list { _ in })
        #expect(newest.contains("(account_id=? AND number<?)") && !newest.contains("TEMP B-TREE"), "\(newest)")
        let active = try plan { _ = try TokenStore.countActive(accountID: "acc_1", now: 1, in: $0) }
        #expect(active.contains("tokens_by_end (account_id=? AND expires_at>?)"), "\(active)")
        #expect(active.contains("tokens_by_end (account_id=? AND expires_at=?)"), "\(active)")
        let tokens = try plan {
            _ = try TokenStore.list(accountID: "acc_1", .all, now: 1, limit: 50, after: nil, in: $0)
        }
        #expect(tokens.contains("tokens_of_account (account_id=? AND (created_at,id)<(?,?))"), "\(tokens)")
        #expect(!tokens.contains("TEMP B-TREE"), "\(tokens)")
        let old = try plan { _ = try AuditStore.accountIDs(withEventsUntil: 1, limit: 1, in: $0) }
        #expect(old.contains("audit_events_by_age (created_at<?)"), "\(old)")
    }
}
