import PodstackAPI
import PodstackTestSupport
import Testing

@Suite("/v1/projects", .blocking, .databases, .timeLimit(.perTest))
struct ProjectRoutesTests {
    let owner: TestClient

    init() throws { owner = try TestClient(clock: ManualClock(), maxActiveTokens: 50) }

    func makeProject(_ name: String = "p") throws -> Project {
        try owner.send("POST", "/v1/projects", #"{"name": "\#(name)"}"#).decoded(Project.self)
    }

    /// The session of a user of another account.
    func stranger() throws -> TestClient {
        try owner.server.server.addUser("other@example.com")
        return owner.with(try owner.server.server.makeToken("other@example.com"))
    }

    @Test("a project is created, read, changed and deleted", arguments: TestDatabase.selected)
    func life(_: TestDatabase) throws {
        let answer = try owner.send("POST", "/v1/projects", #"{"name": " p ", "description": "two\nlines"}"#)
        #expect(answer.status == 201)
        let made = try answer.decoded(Project.self)
        #expect(made.name == "p")
        #expect(made.id.hasPrefix("prj_"))
        #expect(made.role == "admin")
        #expect(made.permissions == ["create", "read", "update", "delete"])
        #expect(made.isDefault == false)
        #expect(try owner.send("GET", "/v1/projects/\(made.id)").decoded(Project.self) == made)
        let renamed = try owner.send("PATCH", "/v1/projects/\(made.id)", #"{"name": "q"}"#).decoded(Project.self)
        #expect(renamed.name == "q")
        #expect(renamed.description == "two\nlines")
        let bare = try owner.send("PATCH", "/v1/projects/\(made.id)", #"{"description": null}"#)
        #expect(try bare.decoded(Project.self).description == nil)
        #expect(try owner.send("DELETE", "/v1/projects/\(made.id)").status == 204)
        #expect(try owner.send("GET", "/v1/projects/\(made.id)").code == "not_found")
        #expect(try owner.send("DELETE", "/v1/projects/\(made.id)").code == "not_found")
    }

    @Test(
        "the pages of a list have no gap, newest first, and include the default project",
        arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        let clock = try #require(owner.server.clock)
        var made: [String] = []
        for index in 0..<6 {
            // Two per second, so that paging has to order by ID as well.
            if index.isMultiple(of: 2) { clock.set(clock.now + 1) }
            made.append(try makeProject("p\(index)").id)
        }
        var seen: [Project] = []
        var cursor: String?
        repeat {
            let answer = try owner.send("GET", "/v1/projects?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
            let page = try answer.decoded(Page<Project>.self)
            #expect(page.elements.count <= 2)
            seen += page.elements
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen.count == 7)
        #expect(Set(seen.map(\.id)).isSuperset(of: made))
        #expect(seen.last?.isDefault == true)
        #expect(seen.map(\.createdAt) == seen.map(\.createdAt).sorted(by: >))
        for bad in ["cursor=x", "cursor=1-", "cursor=1-%20", "limit=0"] {
            #expect(try owner.send("GET", "/v1/projects?\(bad)").status == 400, "\(bad)")
        }
    }

    @Test("the response to an invalid body names all invalid fields", arguments: TestDatabase.selected)
    func validation(_: TestDatabase) throws {
        for body in [
            "{}", #"{"name": ""}"#, #"{"name": "p", "descripton": "x"}"#, #"{"name": "p", "description": 1}"#,
            #"{"name": "\u0007"}"#, #"{"name": "p", "description": "\u001b[31m"}"#,
        ] {
            #expect(try owner.send("POST", "/v1/projects", body).code == "validation_failed", "\(body)")
        }
        let project = try makeProject()
        #expect(try owner.send("PATCH", "/v1/projects/\(project.id)", #"{"id": "x"}"#).code == "validation_failed")
    }

    @Test("the default project cannot be deleted", arguments: TestDatabase.selected)
    func defaultProject(_: TestDatabase) throws {
        let id = try #require(try owner.whoami().decoded(User.self).defaultProjectID)
        #expect(try owner.send("DELETE", "/v1/projects/\(id)").code == "conflict")
        #expect(try owner.send("GET", "/v1/projects/\(id)").status == 200)
    }

    @Test("another account's project is not found, whatever the request", arguments: TestDatabase.selected)
    func foreign(_: TestDatabase) throws {
        let project = try makeProject()
        let stranger = try stranger()
        for (method, body) in [("GET", nil), ("PATCH", #"{"name": "mine"}"#), ("DELETE", nil)] {
            let theirs = try stranger.send(method, "/v1/projects/\(project.id)", body)
            #expect(theirs.code == "not_found")
            let nobody = try stranger.send(method, "/v1/projects/prj_nobody", body)
            #expect(theirs.error?.message == nobody.error?.message)
        }
        #expect(try stranger.send("GET", "/v1/projects").decoded(Page<Project>.self).elements.count == 1)
        #expect(try owner.send("GET", "/v1/projects/\(project.id)").decoded(Project.self).name == "p")
    }

    @Test(
        "a token for some projects reads and changes those, and creates none",
        arguments: TestDatabase.selected)
    func restrictedToken(_: TestDatabase) throws {
        let mine = try makeProject("mine")
        let other = try makeProject("other")
        let limited = try owner.makeToken("\"project_ids\": [\"\(mine.id)\"]")
        let listed = try limited.send("GET", "/v1/projects").decoded(Page<Project>.self).elements
        #expect(listed.map(\.id) == [mine.id])
        #expect(try limited.send("GET", "/v1/projects/\(mine.id)").status == 200)
        for (method, body) in [("GET", nil), ("PATCH", #"{"name": "x"}"#), ("DELETE", nil)] {
            #expect(try limited.send(method, "/v1/projects/\(other.id)", body).code == "project_forbidden")
        }
        #expect(try limited.send("POST", "/v1/projects", #"{"name": "new"}"#).code == "project_forbidden")
        #expect(try limited.send("DELETE", "/v1/projects/\(mine.id)").status == 204)
        #expect(try limited.send("GET", "/v1/projects").decoded(Page<Project>.self).elements.isEmpty)
    }

    @Test("each operation requires its own scope", arguments: TestDatabase.selected)
    func scopes(_: TestDatabase) throws {
        let project = try makeProject()
        let calls = [
            ("read", "GET", "/v1/projects", nil), ("read", "GET", "/v1/projects/\(project.id)", nil),
            ("create", "POST", "/v1/projects", #"{"name": "n"}"#),
            ("update", "PATCH", "/v1/projects/\(project.id)", "{}"),
            ("delete", "DELETE", "/v1/projects/\(project.id)", nil),
        ]
        for action in ["read", "create", "update", "delete"] {
            let session = try owner.makeToken("\"scopes\": [\"projects:\(action)\"]")
            for (needed, method, path, body) in calls {
                let answer = try session.send(method, path, body)
                #expect((answer.code == "insufficient_scope") == (needed != action), "\(action): \(method) \(path)")
            }
        }
    }

    @Test(
        "the project in X-Project-ID must exist and be included in the token", arguments: TestDatabase.selected
    )
    func projectHeader(_: TestDatabase) throws {
        let mine = try makeProject("mine")
        let other = try makeProject("other")
        let limited = try owner.makeToken("\"project_ids\": [\"\(mine.id)\"]")
        let foreign = try #require(try stranger().whoami().decoded(User.self).defaultProjectID)
        for path in ["/v1/tokens", "/v1/projects", "/v1/projects/\(mine.id)"] {
            for (project, code) in [
                (mine.id, nil), (other.id, "project_forbidden"), (foreign, "not_found"), ("x", "not_found"),
                ("", "not_found"),
            ] {
                let answer = try limited.send("GET", path, headers: [("X-Project-ID", project)])
                #expect(answer.code == code, "\(path) \(project)")
            }
        }
        let anywhere = try limited.send("GET", "/v1/auth/whoami", headers: [("X-Project-ID", "x")])
        #expect(anywhere.status == 200, "a token may always look at itself")
        let twice = [("X-Project-ID", mine.id), ("X-Project-ID", mine.id)]
        #expect(try limited.send("GET", "/v1/projects", headers: twice).status == 400)
    }
}
