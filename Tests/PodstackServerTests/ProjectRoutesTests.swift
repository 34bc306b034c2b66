import PodstackAPI
import PodstackTestSupport
import Testing

@Suite("/v1/projects", .blocking, .databases, .timeLimit(.perTest))
struct ProjectRoutesTests {
    let owner: TestClient

    init() throws { owner = try TestClient(clock: ManualClock(), maxActiveTokens: 50) }

    func createProject(_ name: String = "p") throws -> Project {
        try owner.send("POST", "/v1/projects", #"{"name": "\#(name)"}"#).decoded(Project.self)
    }

    /// The session of a user of another account.
    func stranger() throws -> TestClient {
        try owner.server.server.addUser("other@example.com")
        return owner.with(try owner.server.server.createToken("other@example.com"))
    }

    @Test("a project is created, read, changed and deleted", arguments: TestDatabase.selected)
    func lifecycle(_: TestDatabase) throws {
        let response = try owner.send("POST", "/v1/projects", #"{"name": " p ", "description": "two\nlines"}"#)
        #expect(response.status == 201)
        let created = try response.decoded(Project.self)
        #expect(created.name == "p")
        #expect(created.id.hasPrefix("prj_"))
        #expect(created.role == "admin")
        #expect(created.permissions == ["create", "read", "update", "delete"])
        #expect(created.isDefault == false)
        #expect(try owner.send("GET", "/v1/projects/\(created.id)").decoded(Project.self) == created)
        let renamed = try owner.send("PATCH", "/v1/projects/\(created.id)", #"{"name": "q"}"#).decoded(Project.self)
        #expect(renamed.name == "q")
        #expect(renamed.description == "two\nlines")
        let bare = try owner.send("PATCH", "/v1/projects/\(created.id)", #"{"description": null}"#)
        #expect(try bare.decoded(Project.self).description == nil)
        #expect(try owner.send("DELETE", "/v1/projects/\(created.id)").status == 204)
        #expect(try owner.send("GET", "/v1/projects/\(created.id)").code == "not_found")
        #expect(try owner.send("DELETE", "/v1/projects/\(created.id)").code == "not_found")
    }

    @Test(
        "the pages of a list have no gap, newest first, and include the default project",
        arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        let clock = try #require(owner.server.clock)
        var created: [String] = []
        for index in 0..<6 {
            // Two per second, so that paging has to order by ID as well.
            if index.isMultiple(of: 2) { clock.set(clock.now + 1) }
            created.append(try createProject("p\(index)").id)
        }
        var seen: [Project] = []
        var cursor: String?
        repeat {
            let response = try owner.send("GET", "/v1/projects?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
            let page = try response.decoded(Page<Project>.self)
            #expect(page.elements.count <= 2)
            seen += page.elements
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen.count == 7)
        #expect(Set(seen.map(\.id)).isSuperset(of: created))
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
        let project = try createProject()
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
        let project = try createProject()
        let stranger = try stranger()
        for (method, body) in [("GET", nil), ("PATCH", #"{"name": "mine"}"#), ("DELETE", nil)] {
            let theirs = try stranger.send(method, "/v1/projects/\(project.id)", body)
            #expect(theirs.code == "not_found")
            let missing = try stranger.send(method, "/v1/projects/prj_nobody", body)
            #expect(theirs.error?.message == missing.error?.message)
        }
        #expect(try stranger.send("GET", "/v1/projects").decoded(Page<Project>.self).elements.count == 1)
        #expect(try owner.send("GET", "/v1/projects/\(project.id)").decoded(Project.self).name == "p")
    }

    @Test(
        "a token for some projects reads and changes those, and creates none",
        arguments: TestDatabase.selected)
    func restrictedToken(_: TestDatabase) throws {
        let mine = try createProject("mine")
        let other = try createProject("other")
        let limited = try owner.createToken("\"project_ids\": [\"\(mine.id)\"]")
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
        let project = try createProject()
        let calls = [
            ("read", "GET", "/v1/projects", nil), ("read", "GET", "/v1/projects/\(project.id)", nil),
            ("create", "POST", "/v1/projects", #"{"name": "n"}"#),
            ("update", "PATCH", "/v1/projects/\(project.id)", "{}"),
            ("delete", "DELETE", "/v1/projects/\(project.id)", nil),
        ]
        for action in ["read", "create", "update", "delete"] {
            let session = try owner.createToken("\"scopes\": [\"projects:\(action)\"]")
            for (needed, method, path, body) in calls {
                let response = try session.send(method, path, body)
                #expect((response.code == "insufficient_scope") == (needed != action), "\(action): \(method) \(path)")
            }
        }
    }

    @Test(
        "the project in X-Project-ID must exist and be included in the token", arguments: TestDatabase.selected
    )
    func projectHeader(_: TestDatabase) throws {
        let mine = try createProject("mine")
        let other = try createProject("other")
        let limited = try owner.createToken("\"project_ids\": [\"\(mine.id)\"]")
        let foreign = try #require(try stranger().whoami().decoded(User.self).defaultProjectID)
        for path in ["/v1/tokens", "/v1/projects", "/v1/projects/\(mine.id)"] {
            for (project, code) in [
                (mine.id, nil), (other.id, "project_forbidden"), (foreign, "not_found"), ("x", "not_found"),
                ("", "not_found"),
            ] {
                let response = try limited.send("GET", path, headers: [("X-Project-ID", project)])
                #expect(response.code == code, "\(path) \(project)")
            }
        }
        let anywhere = try limited.send("GET", "/v1/auth/whoami", headers: [("X-Project-ID", "x")])
        #expect(anywhere.status == 200, "a token may always look at itself")
        let twice = [("X-Project-ID", mine.id), ("X-Project-ID", mine.id)]
        #expect(try limited.send("GET", "/v1/projects", headers: twice).status == 400)
    }

    @Test(
        "a page of large projects ends before its limit, and the pages have every project",
        arguments: TestDatabase.selected)
    func largePages(_: TestDatabase) throws {
        let client = try TestClient()
        let text = String(repeating: "é", count: 1000)
        var created: Set<String> = []
        for index in 0..<90 {
            let response = try client.send(
                "POST", "/v1/projects", #"{"name": "p\#(index)", "description": "\#(text)"}"#)
            created.insert(try response.decoded(Project.self).id)
        }
        var found: [String] = []
        var cursor: String?
        var pages = 0
        repeat {
            let response = try client.send("GET", "/v1/projects?limit=200" + (cursor.map { "&cursor=\($0)" } ?? ""))
            #expect(response.body.utf8.count < 200 << 10)
            let page = try response.decoded(Page<Project>.self)
            found += page.elements.map(\.id)
            cursor = page.nextCursor
            pages += 1
        } while cursor != nil
        #expect(pages == 2 && found.count == Set(found).count)
        #expect(created.isSubset(of: found))
    }
}
