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

    @Test("what is allowed is said with nothing missing, with and without a project", arguments: TestDatabase.selected)
    func allowed(_: TestDatabase) throws {
        let project = try #require(try owner.whoami().decoded(User.self).defaultProjectID)
        let answer = try can(owner, "scope=pods:create")
        #expect(answer.body == #"{"allowed":true,"missing":[],"project_id":null,"scope":"pods:create"}"#)
        let within = try can(owner, "scope=pods:*&project=\(project)").decoded(Permission.self)
        #expect(within == Permission(scope: "pods:*", projectID: project, missing: []))
    }

    @Test("everything that is missing is said at once", arguments: TestDatabase.selected)
    func missing(_: TestDatabase) throws {
        let project = try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
        let other = try owner.send("POST", "/v1/projects", #"{"name": "q"}"#).decoded(Project.self)
        let limited = try owner.makeToken("\"scopes\": [\"projects:read\"], \"project_ids\": [\"\(project.id)\"]")
        let permission = try can(limited, "scope=projects:delete&project=\(other.id)").decoded(Permission.self)
        #expect(!permission.allowed)
        #expect(permission.missing.map(\.code) == [.insufficientScope, .projectForbidden])
        #expect(permission.missing.first?.message.contains("projects:delete") == true)
        #expect(try can(limited, "scope=projects:read&project=\(project.id)").decoded(Permission.self).allowed)
    }

    @Test("a project that the user cannot see is not there", arguments: TestDatabase.selected)
    func invisible(_: TestDatabase) throws {
        #expect(try can(owner, "scope=pods:read&project=prj_nobody").code == "not_found")
    }

    @Test("a question that is not understood is a 422", arguments: TestDatabase.selected)
    func validation(_: TestDatabase) throws {
        for query in ["", "scope=", "scope=cats:pet", "scope=*:*", "scope=*&projekt=x", "scope=*&scope=*"] {
            #expect(try can(owner, query).code == "validation_failed", "\(query)")
        }
    }

    @Test("its answer and that of the request it is about agree", arguments: TestDatabase.selected)
    func agreement(_: TestDatabase) throws {
        let project = try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
        for scope in ["projects:read", "projects:*", "tokens:read", "*"] {
            let session = try owner.makeToken("\"scopes\": [\"\(scope)\"]")
            let said = try can(session, "scope=projects:update&project=\(project.id)").decoded(Permission.self)
            let done = try session.send("PATCH", "/v1/projects/\(project.id)", "{}")
            #expect(said.allowed == (done.status == 200))
            #expect(said.missing.first?.code.rawValue == done.code)
        }
    }
}
