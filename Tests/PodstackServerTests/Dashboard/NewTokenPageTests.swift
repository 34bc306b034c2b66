import Foundation
import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The form for a new token", .blocking, .databases, .timeLimit(.perTest))
struct NewTokenPageTests {
    let owner: TokenPagesClient

    init() throws { owner = try TokenPagesClient() }

    private func record(_ session: TestClient) throws -> TokenRecord {
        try #require(try owner.service.database.read { try TokenStore.find(session.id, in: $0) })
    }

    @Test("shows a working token once, with a copy button, and is not cached", arguments: TestDatabase.selected)
    func once(_: TestDatabase) throws {
        let response = try owner.create(["name": "laptop"])
        #expect(response.status == 200)
        #expect(response.headers["cache-control"] == "no-store")
        #expect(response.body.contains(#"data-copy="token" aria-describedby="once" hidden>Copy"#))
        let secret = try response.secret
        // In the field and in the file; the script removes both when the page is left.
        let places = response.body.components(separatedBy: secret).dropLast()
        #expect(places.count == 2)
        for place in places { #expect(place.suffix(100).contains(" data-once>")) }
        let token = try #require(try TestClient(owner.server, secret).whoami().decoded(User.self).token)
        #expect(token.name == "laptop")
        #expect(token.scopes == ["*"])
        #expect(try owner.get().says("1 of 5 active"))
        #expect(try !owner.get().body.contains(secret.dropFirst(18)))
        #expect(try !owner.get("/account/tokens/\(token.id)").body.contains(secret.dropFirst(18)))
    }

    @Test("creates one token however often the form is sent", arguments: TestDatabase.selected)
    func repeated(_: TestDatabase) throws {
        let form = try owner.form(["name": "once"])
        let secret = try owner.client.post("/account/tokens", form).secret
        for _ in 0..<2 {
            let again = try owner.client.post("/account/tokens", form)
            #expect(again.status == 409)
            #expect(again.says("its secret was shown once"))
            #expect(again.body.contains("/revoke\""))
            #expect(!again.body.contains("data-once"))
            #expect(!again.body.contains(secret.dropFirst(18)))
        }
        #expect(try owner.get().says("1 of 5 active"))
    }

    @Test("creates one token if the form is sent several times at once", arguments: TestDatabase.selected)
    func atOnce(_: TestDatabase) async throws {
        let form = try owner.form()
        let client = owner.client
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try client.post("/account/tokens", form).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.sorted() == [200, 409, 409, 409])
        #expect(try owner.get().says("1 of 5 active"))
    }

    @Test(
        "creates a token with the chosen expiry", arguments: TestDatabase.selected,
        ["7", "30", "90", "180", "365", "never"])
    func expiry(_: TestDatabase, choice: String) throws {
        let token = try record(owner.token(["expiry": choice]))
        #expect(token.expiresAt == Int(choice).map { token.createdAt + Int64($0) * 86_400 })
    }

    @Test("creates a token that expires at the end of the chosen day", arguments: TestDatabase.selected)
    func date(_: TestDatabase) throws {
        let token = try record(owner.token(["expiry": "date", "date": "2999-12-31"]))
        #expect(token.expiresAt.map { TestClient.time($0) } == "2999-12-31T23:59:59Z")
        #expect(try owner.page(TestClient(owner.server, "podstack_\(token.id)")).says("2999-12-31 23:59 UTC"))
        let none = try owner.client.post(
            "/account/tokens", try owner.form(["name": "n", "expiry": "date", "date": "2999-02-31"]))
        #expect(none.status == 422)
        #expect(none.says("Must be a date such as 2027-01-31."))
    }

    @Test(
        "rejects an invalid date", arguments: TestDatabase.selected, ["2999-02-31", "2999-01-31T00:00:00Z", "2999-1-1"])
    func noDay(_: TestDatabase, date: String) throws {
        let response = try owner.create(["expiry": "date", "date": date])
        #expect(response.status == 422 && response.body.contains("Must be a date such as 2027-01-31."))
    }

    @Test(
        "creates a token with the scopes of the preset",
        arguments: TestDatabase.selected,
        [
            ("full", "*"),
            ("read", "projects:read members:read pods:read tokens:read audit-logs:read volumes:read billing:read"),
            ("ci", "pods:* projects:read"),
        ])
    func preset(_: TestDatabase, preset: (access: String, scopes: String)) throws {
        let token = try record(owner.token(["access": preset.access]))
        #expect(token.scopes.map(\.description).joined(separator: " ") == preset.scopes)
    }

    @Test("creates a token with the selected scopes and projects", arguments: TestDatabase.selected)
    func custom(_: TestDatabase) throws {
        let session = try owner.token()
        let project = try session.send("POST", "/v1/projects", #"{"name": "a & b"}"#).decoded(Project.self)
        let created = try record(
            owner.token([
                "access": "custom", "scope": "tokens:read", "scope": "projects:read", "projects": "chosen",
                "project": project.id,
            ]))
        #expect(created.scopes.map(\.description) == ["projects:read", "tokens:read"])
        #expect(created.projectIDs == [project.id])
        #expect(try owner.get().texts("<td", until: "</td>").contains("a &amp; b"))
    }

    @Test("reports problems at the fields, keeps their values and can be sent again", arguments: TestDatabase.selected)
    func problems(_: TestDatabase) throws {
        var form = try owner.form([
            "name": " ", "expiry": "date", "date": "2001-01-01", "access": "custom", "projects": "chosen",
        ])
        let response = try owner.client.post("/account/tokens", form)
        #expect(response.status == 422)
        for sentence in [
            "Must have 1 to 100 characters.", "Must be in the future and before the year 10000.",
            "Choose at least one permission.", "Select at least one project.",
        ] { #expect(response.says(sentence), "\(sentence)") }
        #expect(response.body.contains(#"value="2001-01-01""#))
        #expect(response.body.contains(#"value="custom" checked"#))
        #expect(try response.field("id") == form[0].1)
        #expect(try owner.get().says("0 of 5 active"))
        form = try owner.form().map { $0.0 == "id" ? form[0] : $0 }
        #expect(try owner.client.post("/account/tokens", form).status == 200)
    }

    @Test(
        "rejects contradictions instead of ignoring a restriction",
        arguments: TestDatabase.selected,
        [
            [("scope", "pods:read")], [("project", "prj_00000000000000000000")], [("date", "2999-01-01")],
            [("access", "admin")], [("access", "")], [("projects", "")], [("expiry", "")], [("expiry", "31")],
            [("access", "custom"), ("scope", "pods:everything")],
            [("projects", "chosen"), ("project", "prj_00000000000000000000")],
        ])
    func contradictions(_: TestDatabase, changes: [(String, String)]) throws {
        let form = try owner.form().filter { field in !changes.contains { $0.0 == field.0 } } + changes
        let response = try owner.client.post("/account/tokens", form)
        #expect(response.status == 422)
        #expect(response.body.contains("field-problem"))
        #expect(try owner.get().says("0 of 5 active"))
    }

    @Test("enforces the limit of five tokens and says what to do", arguments: TestDatabase.selected)
    func full(_: TestDatabase) throws {
        let late = try owner.form(["name": "kept <1>"])
        let sessions = try (0..<5).map { _ in try owner.token() }
        #expect(try owner.get().says("5 of 5 active"))
        let response = try owner.client.post("/account/tokens", late)
        #expect(response.status == 409)
        #expect(response.says("Revoke one first"))
        #expect(response.body.contains(#"value="kept &lt;1&gt;""#))
        #expect(try owner.get("/account/tokens/new").says("Revoke a token that you no longer need"))
        try owner.post(sessions[0], "revoke")
        #expect(try owner.client.post("/account/tokens", late).status == 200)
        #expect(try owner.get().says("5 of 5 active"))
    }

    @Test("rejects an invalid ID", arguments: TestDatabase.selected, ["", "oooooooo"])
    func invalidID(_: TestDatabase, id: String) throws {
        let response = try owner.create(["id": id])
        #expect(response.status == 422)
        #expect(try TokenFormat.isID(response.field("id")))
        #expect(try owner.get().says("0 of 5 active"))
    }

    @Test("does not reveal that a token of another account has the ID", arguments: TestDatabase.selected)
    func foreignID(_: TestDatabase) throws {
        try owner.server.server.addUser("other@example.com")
        let other = TestClient(owner.server, try owner.server.server.createToken("other@example.com"))
        let response = try owner.create(["id": other.id])
        #expect(response.status == 200)
        let session = TestClient(owner.server, try response.secret)
        #expect(session.id == other.id)
        #expect(try owner.page(session).status == 200)
        #expect(try session.tokenState() == "ok" && other.tokenState() == "ok")
        try owner.post(session, "revoke")
        #expect(try session.tokenState() == "revoked_token" && other.tokenState() == "ok")
    }

    @Test("escapes the token's name on every page", arguments: TestDatabase.selected)
    func escaping(_: TestDatabase) throws {
        let name = #"<script>alert("x")</script>'&"#
        let response = try owner.create(["name": name])
        let session = TestClient(owner.server, try response.secret)
        let pages = [
            response, try owner.get(), try owner.page(session), try owner.get("/account/tokens/\(session.id)/revoke"),
            try owner.rotate(session), try owner.post(session, "rotate", ["grace": "hour"]),
        ]
        for page in pages {
            #expect(!page.body.contains("<script>"))
            #expect(page.body.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39;&amp;"))
        }
    }

    @Test("leaves no part of a secret in the log, the data directory or the database", arguments: TestDatabase.selected)
    func noTrace(_: TestDatabase) throws {
        let session = try owner.token()
        let rotated = TestClient(owner.server, try owner.rotate(session).secret)
        #expect(try rotated.whoami().status == 200)
        try owner.client.post("/account/tokens", ["name": session.token, "id": session.token])
        _ = try owner.get("/account/tokens/\(session.token)")
        owner.server.server.stop()
        let folder = owner.server.data.file("data")
        var haystacks = [Data(owner.server.log.utf8)]
        if let database = owner.server.database { haystacks.append(Data(try database.dump().utf8)) }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            haystacks.append(try Data(contentsOf: URL(filePath: folder + "/" + name)))
        }
        for secret in [session, rotated].map({ $0.token.dropFirst(18) }) {
            for offset in 0...(secret.count - 16) {
                let piece = Data(secret.dropFirst(offset).prefix(16).utf8)
                for haystack in haystacks { #expect(haystack.range(of: piece) == nil) }
            }
        }
    }
}
