import PodstackAPI
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#endif

/// CSV files of the audit log, which are read from the database while the client reads them.
@Suite("Exports of the audit log", .blocking, .databases, .timeLimit(.perTest))
struct AuditExportTests {
    let owner: TestClient
    var service: Service { owner.server.server.service }
    var port: UInt16 { owner.server.server.port }

    init() throws { owner = try TestClient(clock: ManualClock()) }

    /// Records events whose details have about this many bytes.
    func record(_ count: Int, bytes: Int) throws {
        let user = try service.database.read { try UserStore.find(email: RunningServer.email, in: $0) }
        let resource = AuditResource(try #require(user))
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            for index in 0..<count {
                let text = String(repeating: "x", count: bytes)
                try change.record(.update, on: resource, ["index": .integer(index), "text": .string(text)])
            }
        }
    }

    func export(_ query: String = "") throws -> TestResponse {
        try owner.send("GET", "/v1/audit-logs?\(query)", headers: [("Accept", "text/csv")])
    }

    /// Begins an export over a socket without reading it.
    func begin(_ target: String = "/v1/audit-logs", _ headers: [(String, String)]? = nil) throws -> RawHTTP {
        let connection = try RawHTTP(port: port, silence: 60)
        let fields = (headers ?? [("Authorization", "Bearer \(owner.token)")]).map { "\($0.0): \($0.1)\r\n" }.joined()
        try connection.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\(fields)\r\n")
        return connection
    }

    @Test("contain every event once, whatever the sizes are", arguments: TestDatabase.selected)
    func complete(_: TestDatabase) throws {
        try record(300, bytes: 10)
        try record(3, bytes: 50_000)
        try record(40, bytes: 5000)
        let listed = try service.database.read { connection in
            let user = try UserStore.find(email: RunningServer.email, in: connection)
            return try AuditStore.list(
                AuditFilter(accountID: user?.accountID ?? ""), limit: 1000, in: connection)
        }
        #expect(listed.count == 345)
        let expected = AuditCSV.header + AuditCSV.lines(listed.map(\.apiModel))
        let inMemory = try export()
        #expect(inMemory.status == 200 && inMemory.body == expected)
        #expect(inMemory.headers["podstack-next-cursor"] == nil)
        let overSocket = try begin().response()
        #expect(overSocket.body == expected && overSocket.headers["transfer-encoding"] == "chunked")
        #expect(overSocket.headers["content-type"] == "text/csv; charset=utf-8")
    }

    @Test("end at their limit, with the cursor of the rest", arguments: TestDatabase.selected)
    func limited(_: TestDatabase) throws {
        try record(200, bytes: 3000)
        let all = try export().body.split(separator: "\r\n").dropFirst()
        #expect(all.count == 202)
        var parts: [Substring] = []
        var cursor: String?
        repeat {
            let part = try export("limit=75" + (cursor.map { "&cursor=\($0)" } ?? ""))
            parts += part.body.split(separator: "\r\n").dropFirst()
            cursor = part.headers["podstack-next-cursor"]
            #expect(cursor == nil || parts.count % 75 == 0)
        } while cursor != nil
        #expect(parts == Array(all))
    }

    @Test("a client that does not read costs no more than one part", arguments: TestDatabase.selected)
    func bounded(_: TestDatabase) throws {
        try record(200, bytes: 10_000)
        let user = try #require(try service.database.read { try UserStore.find(email: RunningServer.email, in: $0) })
        let identity = try service.verifier.verify(Array(owner.token.utf8), now: service.now())
        let file = try AuditExport.begin(
            .init(
                filter: AuditFilter(accountID: user.accountID), limit: 1000,
                actor: Actor(Request(method: "GET", path: "/"), identity), requirement: .scope(.auditLogsRead),
                accountID: user.accountID), service.services)
        let stream = try #require(file.response.stream)
        #expect(file.response.body.isEmpty)
        let isSuspended = Atomic(false)
        stream.begin(
            on: ConnectionControl(
                resume: { isSuspended.store(false, ordering: .releasing) }, close: {}, isClientGone: { false }))
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var (part, most, total, isOver) = (0, 0, 0, false)
        while !isOver {
            let result = buffer.withUnsafeMutableBytes { buffer in
                stream.read(into: buffer) { isSuspended.store(true, ordering: .releasing) }
            }
            switch result {
            case .bytes(let count): (part, total) = (part + count, total + count)
            case .nothing:
                (most, part) = (max(most, part), 0)
                try blockUntil("the next part is written") { !isSuspended.load(ordering: .acquiring) }
            case .end: isOver = true
            }
        }
        #expect(total > 2_000_000)
        // A part, and the event that exceeds it.
        #expect(most <= 64 << 10)
        #expect(service.pools.searches.waiting == 0)
    }

    @Test(
        "two of an account may be in progress, in the API and on the dashboard together",
        arguments: TestDatabase.selected)
    func two(_: TestDatabase) throws {
        try record(500, bytes: 20_000)
        let browser = TestClient(owner.server)
        try browser.enter(RunningServer.email)
        let cookie = [("Cookie", browser.cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; "))]
        var exports = [try begin(), try begin("/audit-log.csv", cookie)]
        for export in exports { _ = try export.text { $0.contains("\r\n\r\n") } }
        let refused = try export()
        #expect(refused.status == 429 && refused.code == "rate_limited" && refused.headers["retry-after"] == "10")
        #expect(try browser.get("/audit-log.csv").status == 429)
        #expect(try owner.send("GET", "/v1/audit-logs?limit=1").status == 200)
        try owner.server.server.addUser("other@example.com")
        let other = owner.with(try owner.server.server.createToken("other@example.com"))
        #expect(try other.send("GET", "/v1/audit-logs", headers: [("Accept", "text/csv")]).status == 200)
        // One client leaves without having read its file.
        exports.removeFirst()
        try blockUntil(within: .seconds(30), "another export is accepted") { try export("limit=1").status == 200 }
        let rest = try exports[0].response()
        #expect(rest.status == 200 && rest.body.split(separator: "\r\n").count == 503)
    }

    @Test(
        "if the database fails or the token is revoked, the connection is cut, and the file has no end",
        arguments: TestDatabase.selected)
    func cut(_: TestDatabase) throws {
        try record(500, bytes: 20_000)
        let other = try owner.createToken()
        let revoked = try begin("/v1/audit-logs", [("Authorization", "Bearer \(other.token)")])
        _ = try revoked.text { $0.contains("\r\n\r\n") }
        #expect(try owner.send("DELETE", "/v1/tokens/\(other.id)").status == 204)
        #expect(throws: RawHTTP.Failure.self) { try revoked.response() }
        let failing = try begin()
        _ = try failing.text { $0.contains("\r\n\r\n") }
        _ = try service.database.write { try $0.run("ALTER TABLE audit_events RENAME TO gone") }
        #expect(throws: RawHTTP.Failure.self) { try failing.response() }
        #expect(owner.server.log.contains("export_cut"))
    }

    @Test(
        "a page of large events ends before its limit, and the next pages have the rest",
        arguments: TestDatabase.selected)
    func pages(_: TestDatabase) throws {
        try record(50, bytes: 20_000)
        var (ids, cursor): ([String], String?) = ([], nil)
        repeat {
            let response = try owner.send(
                "GET", "/v1/audit-logs?limit=200" + (cursor.map { "&cursor=\($0)" } ?? ""))
            #expect(response.body.utf8.count < 300_000)
            let page = try response.decoded(Page<AuditEvent>.self)
            ids += page.elements.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(ids.count == 52 && Set(ids).count == 52)
        let browser = TestClient(owner.server)
        try browser.enter(RunningServer.email)
        let page = try browser.get("/audit-log?limit=1000")
        #expect(page.body.utf8.count < 600_000 && page.body.contains("Older entries"))
    }
}
