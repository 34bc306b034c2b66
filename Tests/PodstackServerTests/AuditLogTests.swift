import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("/v1/audit-logs", .blocking, .databases, .timeLimit(.perTest))
struct AuditLogTests {
    let clock = ManualClock()
    let owner: TestClient

    init() throws { owner = try TestClient(clock: clock, maxActiveTokens: 50) }

    func events(_ query: String = "", by session: TestClient? = nil, project: String? = nil) throws -> [AuditEvent] {
        let headers = project.map { [("X-Project-ID", $0)] } ?? []
        let response = try (session ?? owner).send("GET", "/v1/audit-logs?\(query)", headers: headers)
        #expect(response.status == 200, "\(response.body)")
        return try response.decoded(Page<AuditEvent>.self).elements
    }

    func createProject(_ name: String) throws -> Project {
        let body = try APICoding.encode(NewProject(name: name))
        return try owner.send("POST", "/v1/projects", String(decoding: body, as: UTF8.self)).decoded(Project.self)
    }

    @Test(
        "each change has one event with its actor, resource, origin, and old and new values",
        arguments: TestDatabase.selected)
    func changes(_: TestDatabase) throws {
        let project = try createProject("p")
        _ = try owner.send(
            "PATCH", "/v1/projects/\(project.id)", #"{"name": "q"}"#, headers: [("User-Agent", "tests/1")])
        _ = try owner.send("PATCH", "/v1/projects/\(project.id)", #"{"name": "q"}"#)
        let created = try owner.createToken(#""scopes": ["tokens:*"]"#)
        _ = try owner.send("PATCH", "/v1/tokens/\(created.id)", #"{"scopes": ["tokens:read"]}"#)
        _ = try created.send("POST", "/v1/tokens/self/rotate", #"{"grace_seconds": 0}"#)
        for _ in 0..<2 { _ = try owner.send("DELETE", "/v1/tokens/\(created.id)") }
        _ = try owner.send("DELETE", "/v1/projects/\(project.id)")

        let events = try events()
        #expect(
            events.map(\.action) == [
                "delete", "token_revoked", "token_rotated", "token_updated", "token_created", "update", "create",
                "token_created", "user_created",
            ])
        let user = try owner.whoami().decoded(User.self)
        let update = events[5]
        #expect(update.resourceType == "project")
        #expect(update.resourceID == project.id)
        #expect(update.projectID == project.id)
        #expect(update.userID == user.id)
        #expect(update.userEmail == user.email)
        #expect(update.tokenID == owner.id)
        #expect(update.ipAddress == "127.0.0.1")
        #expect(update.userAgent == "tests/1")
        #expect(update.createdAt.timeIntervalSince1970 == Double(clock.now))
        #expect(update.details == ["old": .object(["name": "p"]), "new": .object(["name": "q"])])
        #expect(
            events[3].details == [
                "old": .object(["scopes": .array(["tokens:*"])]), "new": .object(["scopes": .array(["tokens:read"])]),
            ])
        #expect(events[2].tokenID == created.id)
        #expect(events[2].resourceID == created.id)
        #expect(events.last?.userID == nil)
        #expect(events.last?.userAgent == "podstack-server")
    }

    @Test("a refused request changes nothing and records no event", arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        let before = try events().count
        _ = try owner.send("POST", "/v1/tokens", #"{"name": "n", "project_ids": ["prj_x"]}"#)
        _ = try owner.send("DELETE", "/v1/tokens/00000000")
        _ = try owner.send("POST", "/v1/projects", "{}")
        #expect(try events().count == before)
    }

    @Test("filters select the matching events, and an unknown filter is refused", arguments: TestDatabase.selected)
    func filters(_: TestDatabase) throws {
        let start = clock.now
        clock.set(start + 100)
        _ = try createProject("Alpha 100%")
        clock.set(start + 200)
        _ = try createProject("beta É")
        let user = try owner.whoami().decoded(User.self)
        let cases = [
            ("action=create", 2), ("action=token_created", 1), ("action=creat", 0), ("resource_type=project", 2),
            ("user=\(user.id)", 2), ("user=YOU%40example.com", 2), ("user=nobody", 0),
            ("since=\(TestClient.time(start + 100))", 2), ("since=\(TestClient.time(start + 101))", 1),
            ("until=\(TestClient.time(start + 200))", 3), ("until=\(TestClient.time(start + 201))", 4),
            ("q=ALPHA", 1), ("q=100%25", 1), ("q=a%25t", 0), ("q=127.0.0", 2), ("q=_", 4), ("q=BETA%20%C3%89", 1),
            ("action=create&q=beta&since=\(TestClient.time(start + 150))", 1),
        ]
        for (query, count) in cases { #expect(try events(query).count == count, "\(query)") }
        for query in ["acton=create", "since=yesterday", "since=1", "q=a&q=b", "until="] {
            let response = try owner.send("GET", "/v1/audit-logs?\(query)")
            #expect(response.code == "validation_failed", "\(query)")
        }
        let reader = try owner.createToken(#""scopes": ["tokens:read"]"#)
        #expect(try reader.send("GET", "/v1/audit-logs").code == "insufficient_scope")
    }

    @Test("the pages of a list have no gap, newest first", arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        for index in 0..<5 { _ = try createProject("p\(index)") }
        var seen: [AuditEvent] = []
        var cursor: String?
        repeat {
            let response = try owner.send(
                "GET", "/v1/audit-logs?limit=3&action=create" + (cursor.map { "&cursor=\($0)" } ?? ""))
            let page = try response.decoded(Page<AuditEvent>.self)
            seen += page.elements
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen.map(\.resourceName) == ["p4", "p3", "p2", "p1", "p0"])
    }

    @Test("an export is CSV, and none of its cells is a formula", arguments: TestDatabase.selected)
    func export(_: TestDatabase) throws {
        for name in ["=1+1", "+1", "-1", "@x", "a,\"b\"", "＝1"] { _ = try createProject(name) }
        let response = try owner.send("GET", "/v1/audit-logs?action=create", headers: [("Accept", "text/csv")])
        #expect(response.status == 200)
        #expect(response.headers["content-type"] == "text/csv; charset=utf-8")
        let lines = response.body.split(separator: "\r\n")
        #expect(lines.count == 7)
        #expect(lines.first?.hasPrefix("id,created_at,action,") == true)
        for cell in ["\"'=1+1\"", "\"'+1\"", "\"'-1\"", "\"'@x\"", "\"a,\"\"b\"\"\"", "\"'＝1\""] {
            #expect(response.body.contains(",\(cell),"), "\(cell)")
        }
        for starter in ["\t=", "\r=", "\n=", "  =", "="] { #expect(AuditCSV.cell(starter + "1").hasPrefix("\"'")) }
        #expect(AuditCSV.cell("plain") == "\"plain\"")
        // A quote that a combining mark follows is another Character, and no other byte.
        for mark in ["\u{301}", "\u{200D}", "\u{FE0F}"] {
            #expect(AuditCSV.cell("x\"\(mark),=1").utf8.elementsEqual("\"x\"\"\(mark),=1\"".utf8))
        }
        let short = try owner.send("GET", "/v1/audit-logs?limit=2", headers: [("Accept", "text/csv")])
        #expect(short.headers["podstack-next-cursor"] != nil)
    }

    @Test(
        "events of another account are hidden, and a restricted token sees only its projects' events",
        arguments: TestDatabase.selected)
    func reach(_: TestDatabase) throws {
        try owner.server.server.addUser("other@example.com")
        let other = owner.with(try owner.server.server.createToken("other@example.com"))
        let first = try createProject("first")
        let second = try createProject("second")
        #expect(try events(by: other).map(\.action) == ["token_created", "user_created"])
        let limited = try owner.createToken("\"project_ids\": [\"\(first.id)\"]")
        #expect(try events(by: limited).map(\.resourceID) == [first.id])
        #expect(try events(project: second.id).map(\.resourceID) == [second.id])
        let response = try other.send("GET", "/v1/audit-logs", headers: [("X-Project-ID", first.id)])
        #expect(response.code == "not_found")
    }

    @Test(
        "the use of a rotated secret after its grace period is recorded once an hour, with both addresses",
        arguments: TestDatabase.selected)
    func rotatedTokenUsed(_: TestDatabase) throws {
        let old = try owner.createToken()
        let rotated = try old.send("POST", "/v1/tokens/self/rotate", #"{"grace_seconds": 10}"#)
        let new = owner.with(try #require(try rotated.decoded(CreatedToken.self).secret))
        #expect(try new.whoami().status == 200)
        #expect(try old.whoami().status == 200)
        let start = clock.now
        for (second, count) in [(9, 0), (10, 1), (11, 1), (3609, 1), (3610, 2), (3611, 2)] as [(Int64, Int)] {
            clock.set(start + second)
            for _ in 0..<2 { _ = try old.send("GET", "/v1/auth/whoami", headers: [("User-Agent", "thief")]) }
            #expect(try events("action=rotated_token_used").count == count, "\(second)")
        }
        let event = try #require(try events("action=rotated_token_used").first)
        #expect(event.details == ["used_from": "127.0.0.1", "current_used_from": "127.0.0.1"])
        #expect(event.resourceID == old.id)
        #expect(event.userAgent == "thief")
        #expect(event.userID == nil)
    }
}
