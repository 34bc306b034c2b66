import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

/// A search of the audit log, for which the database has to read every event, ends after 200,000 of them.
@Suite("A search of a large audit log", .blocking, .databases, .timeLimit(.perTest))
struct AuditSearchTests {
    let clock = ManualClock()
    let scene: DashboardScene
    let owner: TestClient

    /// Fills the log with 250,000 events, of which the two oldest and one of the newest have the name "needle".
    init() throws {
        scene = try DashboardScene(clock: clock)
        owner = TestClient(scene.server, try scene.server.createToken())
        let account = try #require(try scene.owner.session).user.accountID
        try scene.service.database.write { connection in
            _ = try connection.execute(
                """
                INSERT INTO audit_events (account_id, number, id, created_at, action, resource_type, resource_name,
                    user_id, details, previous_hash, hash)
                WITH RECURSIVE numbers (n) AS (SELECT 1001 UNION ALL SELECT n + 1 FROM numbers WHERE n < 251000)
                SELECT CAST(\(account) AS TEXT), n, 'evt_' || n, CAST(\(clock.now) AS BIGINT) - (CASE WHEN n < 2000 THEN 864000 ELSE 0 END),
                    CASE WHEN n = 1001 THEN 'rare' ELSE 'update' END, CASE WHEN n = 1002 THEN 'rare' ELSE 'project' END,
                    CASE WHEN n IN (1001, 1002, 250900) THEN 'needle' ELSE 'hay' END,
                    CASE WHEN n = 1001 THEN 'usr_rare' ELSE 'usr_other' END, '{}', hash, hash
                FROM numbers, (SELECT hash FROM audit_events WHERE account_id = CAST(\(account) AS TEXT) LIMIT 1) AS known
                """)
        }
    }

    /// Returns the IDs on each page of a list.
    func pages(_ query: String, limit: Int = 50) throws -> [[String]] {
        var pages: [[String]] = []
        var cursor: String?
        repeat {
            let parameters = "\(query)&limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? "")
            let page = try owner.send("GET", "/v1/audit-logs?\(parameters)").decoded(Page<AuditEvent>.self)
            pages.append(page.elements.map(\.id))
            cursor = page.nextCursor
        } while cursor != nil && pages.count < 10
        return pages
    }

    @Test(
        "ends after 200,000 events, and the next page continues, until each match was found once",
        arguments: TestDatabase.selected)
    func api(_: TestDatabase) throws {
        #expect(try pages("q=needle") == [["evt_250900"], ["evt_1002", "evt_1001"]])
        #expect(try pages("q=needle", limit: 1) == [["evt_250900"], ["evt_1002"], ["evt_1001"]])
        #expect(try pages("q=nothing") == [[], []])
        #expect(try pages("resource_type=rare") == [[], ["evt_1002"]])
        #expect(try pages("q=needle&user=usr_other") == [["evt_250900"], ["evt_1002"]])
        // An index finds these events, or the time leaves few of them, so that one page has them all.
        #expect(try pages("action=rare") == [["evt_1001"]])
        #expect(try pages("user=usr_rare") == [["evt_1001"]])
        #expect(try pages("q=needle&action=rare") == [["evt_1001"]])
        #expect(try pages("q=needle&until=\(TestClient.time(clock.now - 1))") == [["evt_1002", "evt_1001"]])
    }

    @Test("ends a CSV file with the cursor of the rest", arguments: TestDatabase.selected)
    func csv(_: TestDatabase) throws {
        func file(_ cursor: String?) throws -> TestResponse {
            try owner.send(
                "GET", "/v1/audit-logs?q=needle" + (cursor.map { "&cursor=\($0)" } ?? ""),
                headers: [("Accept", "text/csv")])
        }
        let first = try file(nil)
        #expect(first.body.split(separator: "\r\n").count == 2)
        let rest = try file(first.headers["podstack-next-cursor"])
        #expect(rest.body.split(separator: "\r\n").count == 3)
        #expect(rest.headers["podstack-next-cursor"] == nil)
        #expect(try scene.owner.get("/audit-log?q=needle").body.contains("filter by date to export the rest"))
    }

    @Test("is continued with the links of the page, in both directions", arguments: TestDatabase.selected)
    func page(_: TestDatabase) throws {
        func link(_ text: String, in body: String) -> String? {
            guard let end = body.firstRange(of: "\">\(text)</a>"),
                let begin = body[..<end.lowerBound].ranges(of: "href=\"").last
            else { return nil }
            return String(body[begin.upperBound..<end.lowerBound]).replacing("&amp;", with: "&")
        }
        let newest = try scene.owner.get("/audit-log?resource_type=rare").body
        #expect(newest.contains("200000 entries were searched. Older entries may match too"))
        let oldest = try scene.owner.get(try #require(link("Older entries", in: newest))).body
        #expect(oldest.contains("evt_1002") && !oldest.contains("entries were searched"))
        #expect(link("Older entries", in: oldest) == nil)
        let back = try scene.owner.get("/audit-log?resource_type=rare&after=1002").body
        #expect(back.contains("200000 entries were searched. Newer entries may match too"))
        let last = try scene.owner.get(try #require(link("Newer entries", in: back))).body
        #expect(last.contains("No entries match these filters.") && link("Newer entries", in: last) == nil)
        for position in ["after=9223372036854775807", "before=9223372036854775807", "before=0", "after=0"] {
            #expect(try scene.owner.get("/audit-log?\(position)").status == 200, "\(position)")
        }
    }
}
