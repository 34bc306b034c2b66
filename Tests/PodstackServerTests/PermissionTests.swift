import PodstackAPI
import PodstackTestSupport
import Testing

@Suite("GET /v1/auth/can", .blocking, .databases, .timeLimit(.perTest))
struct PermissionTests {
    let owner: TestClient

    init() throws { owner = try TestClient() }

    func can(_ session: TestClient, _ query: String) throws -> TestResponse {
        try session.send("GET", "/v1/auth/can?\(query)")
    }

    @Test("an allowed action has nothing missing, with and without a project", arguments: TestDatabase.selected)
    func allowed(_: TestDatabase) throws {
        let project = try #require(try owner.whoami().decoded(User.self).defaultProjectID)
        let response = try can(owner, "scope=pods:create")
        #expect(response.body == #"{"allowed":true,"missing":[],"project_id":null,"scope":"pods:create"}"#)
        let within = try can(owner, "scope=pods:*&project=\(project)").decoded(Permission.self)
        #expect(within == Permission(scope: "pods:*", projectID: project, missing: []))
    }

    @Test("the response names everything that is missing", arguments: TestDatabase.selected)
    func missing(_: TestDatabase) throws {
        let project = try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
        let other = try owner.send("POST", "/v1/projects", #"{"name": "q"}"#).decoded(Project.self)
        let limited = try owner.createToken("\"scopes\": [\"projects:read\"], \"project_ids\": [\"\(project.id)\"]")
        let permission = try can(limited, "scope=projects:delete&project=\(other.id)").decoded(Permission.self)
        #expect(!permission.allowed)
        #expect(permission.missing.map(\.code) == [.insufficientScope, .projectForbidden])
        #expect(permission.missing.first?.message.contains("projects:delete") == true)
        #expect(try can(limited, "scope=projects:read&project=\(project.id)").decoded(Permission.self).allowed)
    }

    @Test("a project of another user is not found", arguments: TestDatabase.selected)
    func invisible(_: TestDatabase) throws {
        #expect(try can(owner, "scope=pods:read&project=prj_nobody").code == "not_found")
    }

    @Test("an invalid query is a 422", arguments: TestDatabase.selected)
    func validation(_: TestDatabase) throws {
        for query in ["", "scope=", "scope=cats:pet", "scope=*:*", "scope=*&projekt=x", "scope=*&scope=*"] {
            #expect(try can(owner, query).code == "validation_failed", "\(query)")
        }
    }

    @Test("the response agrees with that of the request itself", arguments: TestDatabase.selected)
    func agreement(_: TestDatabase) throws {
        let project = try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
        for scope in ["projects:read", "projects:*", "tokens:read", "*"] {
            let session = try owner.createToken("\"scopes\": [\"\(scope)\"]")
            let reply = try can(session, "scope=projects:update&project=\(project.id)").decoded(Permission.self)
            let done = try session.send("PATCH", "/v1/projects/\(project.id)", "{}")
            #expect(reply.allowed == (done.status == 200))
            #expect(reply.missing.first?.code.rawValue == done.code)
        }
    }
}
