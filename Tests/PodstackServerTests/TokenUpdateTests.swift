import PodstackAPI
import PodstackTestSupport
import Testing

@Suite("PATCH /v1/tokens/{id}", .blocking, .databases, .timeLimit(.perTest))
struct TokenUpdateTests {
    let owner: TestClient

    init() throws { owner = try TestClient() }

    func update(_ session: TestClient, _ fields: String, by caller: TestClient? = nil) throws -> TestResponse {
        try (caller ?? owner).send("PATCH", "/v1/tokens/\(session.id)", "{\(fields)}")
    }

    func projectID() throws -> String { try #require(try owner.whoami().decoded(User.self).defaultProjectID) }

    @Test("a change of the name changes nothing else", arguments: TestDatabase.selected)
    func name(_: TestDatabase) throws {
        let created = try owner.createToken(#""scopes": ["tokens:read"]"#)
        let before = try owner.send("GET", "/v1/tokens/\(created.id)").decoded(Token.self)
        var after = try update(created, #""name": "  new name ""#).decoded(Token.self)
        #expect(after.name == "new name")
        after.name = before.name
        #expect(after == before)
        #expect(try update(created, "").status == 200)
    }

    @Test("scopes can shrink, at once, but not grow", arguments: TestDatabase.selected)
    func scopes(_: TestDatabase) throws {
        let created = try owner.createToken(#""scopes": ["tokens:*"]"#)
        #expect(try created.send("GET", "/v1/tokens").status == 200)
        #expect(try update(created, #""scopes": ["tokens:create"]"#).status == 200)
        #expect(try created.send("GET", "/v1/tokens").code == "insufficient_scope")
        for scopes in [#"["tokens:*"]"#, #"["*"]"#, #"["tokens:create", "tokens:read"]"#, "[]"] {
            #expect(try update(created, "\"scopes\": \(scopes)").code == "validation_failed", "\(scopes)")
        }
        #expect(try created.whoami().decoded(User.self).token?.scopes == ["tokens:create"])
    }

    @Test("projects can shrink from all to some, but not grow", arguments: TestDatabase.selected)
    func projects(_: TestDatabase) throws {
        let project = try projectID()
        let created = try owner.createToken()
        #expect(try update(created, #""project_ids": null"#).status == 200)
        #expect(try update(created, #""project_ids": ["prj_unknown"]"#).code == "not_found")
        #expect(try update(created, "\"project_ids\": [\"\(project)\"]").status == 200)
        #expect(try created.whoami().decoded(User.self).token?.projectIDs == [project])
        #expect(try update(created, #""project_ids": null"#).code == "validation_failed")
        #expect(try update(created, #""project_ids": ["prj_unknown"]"#).code == "validation_failed")
    }

    @Test("scopes beyond those of the caller's own token are forbidden", arguments: TestDatabase.selected)
    func withinCaller(_: TestDatabase) throws {
        let caller = try owner.createToken(#""scopes": ["tokens:*"]"#)
        let wide = try owner.createToken()
        #expect(try update(wide, #""scopes": ["projects:read"]"#, by: caller).code == "insufficient_scope")
        #expect(try update(wide, #""scopes": ["tokens:read"]"#, by: caller).status == 200)
        let reader = try owner.createToken(#""scopes": ["tokens:read"]"#)
        #expect(try update(wide, #""name": "x""#, by: reader).code == "insufficient_scope")
    }

    @Test(
        "projects beyond the caller's own are forbidden, and the token stays as it was",
        arguments: TestDatabase.selected)
    func projectsWithinCaller(_: TestDatabase) throws {
        let own = try projectID()
        let other = try owner.send("POST", "/v1/projects", #"{"name": "other"}"#).decoded(Project.self).id
        let caller = try owner.createToken(#""scopes": ["tokens:*"], "project_ids": ["\#(own)"]"#)
        let wide = try owner.createToken()
        let before = try owner.send("GET", "/v1/tokens/\(wide.id)").body
        for projects in [#"["\#(other)"]"#, #"["\#(own)", "\#(other)"]"#] {
            let refused = try update(wide, "\"name\": \"x\", \"project_ids\": \(projects)", by: caller)
            #expect(refused.status == 403 && refused.code == "project_forbidden", "\(projects)")
            #expect(try owner.send("GET", "/v1/tokens/\(wide.id)").body == before)
        }
        #expect(try update(wide, #""project_ids": ["\#(own)"]"#, by: caller).status == 200)
    }

    @Test(
        "an unknown field, an ended token and a token of another account are refused", arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        let created = try owner.createToken()
        for fields in [#""scope": ["tokens:read"]"#, #""expires_at": null"#, #""name": """#, #""name": null"#] {
            #expect(try update(created, fields).code == "validation_failed", "\(fields)")
        }
        #expect(try owner.send("DELETE", "/v1/tokens/\(created.id)").status == 204)
        #expect(try update(created, #""name": "x""#).code == "conflict")
        try owner.server.server.addUser("other@example.com")
        let foreign = owner.with(try owner.server.server.createToken("other@example.com"))
        #expect(try update(foreign, #""name": "x""#).code == "not_found")
    }
}
