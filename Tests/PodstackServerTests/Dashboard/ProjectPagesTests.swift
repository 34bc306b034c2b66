import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The pages of projects and members", .blocking, .databases, .timeLimit(.perTest))
struct ProjectPagesTests {
    let scene: DashboardScene
    var owner: TestClient { scene.owner }

    init() throws { scene = try DashboardScene() }

    func member(_ email: String, of project: String) throws -> String {
        "/projects/\(project)/members/\(try scene.userID(email))"
    }

    /// Loads a page and sends a form from it.
    @discardableResult
    func send(
        _ client: TestClient, _ path: String, _ fields: [(String, String)] = [], from page: String = "/projects"
    ) throws -> TestResponse {
        try client.get(page)
        return try client.post(path, fields)
    }

    @Test("a project is created, displayed, changed and deleted", arguments: TestDatabase.selected)
    func lifecycle(_: TestDatabase) throws {
        #expect(try owner.get("/projects").texts("<span class=\"badge\"", until: "</span>") == ["default"])
        let created = try send(owner, "/projects", [("name", " Alpha "), ("description", "one\r\ntwo")])
        #expect(created.status == 303)
        let displayed = try owner.follow(created)
        #expect(displayed.texts("<h1", until: "</h1>") == ["Alpha"])
        #expect(displayed.body.contains("<p class=\"described\">one\ntwo</p>"))
        #expect(displayed.body.contains("The project is created."))
        let path = String(try #require(created.headers["location"]).prefix { $0 != "?" })
        let list = try owner.get("/projects")
        #expect(list.body.contains("<a href=\"\(path)\">Alpha</a>"))
        #expect(list.texts("<td", until: "</td>").starts(with: ["admin", "1"]))
        let changed = try send(owner, path, [("name", "Beta"), ("description", "")], from: path)
        #expect(try owner.follow(changed).texts("<h1", until: "</h1>") == ["Beta"])
        #expect(try owner.get("\(path)/delete").texts("<h1", until: "</h1>") == ["Delete “Beta”?"])
        let deleted = try owner.post("\(path)/delete")
        #expect(try owner.follow(deleted).body.contains("The project is deleted."))
        #expect(try owner.get(path).status == 404)
    }

    @Test("a problem is reported at its field, and the fields keep their values", arguments: TestDatabase.selected)
    func invalidInput(_: TestDatabase) throws {
        let long = String(repeating: "x", count: 101)
        let response = try send(owner, "/projects", [("name", long), ("description", "kept")])
        #expect(response.status == 422)
        #expect(response.texts("<p class=\"field-problem\"", until: "</p>") == ["Must have 1 to 100 characters."])
        #expect(response.body.contains("value=\"\(long)\""))
        #expect(response.body.contains(">\nkept</textarea>"))
        let id = try scene.createProject("p")
        let path = "/projects/\(id)"
        let refused = try send(
            owner, path, [("name", ""), ("description", String(repeating: "y", count: 1001))], from: path)
        #expect(refused.status == 422)
        #expect(refused.texts("<p class=\"field-problem\"", until: "</p>").count == 2)
        for (email, permissions, problem) in [
            ("nobody@example.com", ["read"], "No account has this email address; ask the operator to add one."),
            (
                "you@example.com", ["read"],
                "That user is already a member of the project; change the membership instead."
            ),
            ("no address", ["read"], "Must be an email address."),
            ("you@example.com", [], "Must name at least one of create, read, update, delete, and nothing else."),
        ] {
            let response = try scene.add(email, to: id, permissions)
            #expect(response.status == 422)
            #expect(response.texts("<p class=\"field-problem\"", until: "</p>") == [problem], "\(email)")
            #expect(response.body.contains("value=\"\(email)\""))
        }
    }

    @Test("trying many email addresses is limited, and the form keeps its values", arguments: TestDatabase.selected)
    func probing(_: TestDatabase) throws {
        let id = try scene.createProject("p")
        _ = try scene.client("ann@example.com")
        for number in 0..<20 { #expect(try scene.add("nobody\(number)@example.com", to: id, ["read"]).status == 422) }
        let refused = try scene.add("ann@example.com", to: id, ["read"])
        #expect(refused.status == 429 && refused.headers["retry-after"] != nil)
        #expect(refused.body.contains("Too many unknown email addresses. Try again in "))
        #expect(refused.body.contains("value=\"ann@example.com\""))
    }

    @Test(
        "a project that is not empty and a default project do not offer deletion but say what is in the way",
        arguments: TestDatabase.selected)
    func obstacles(_: TestDatabase) throws {
        let id = try scene.createProject("p")
        _ = try scene.client("ann@example.com")
        #expect(try scene.add("ann@example.com", to: id, nil).status == 303)
        let session = try #require(try owner.session)
        _ = try scene.service.database.write { connection in
            try connection.execute(
                """
                INSERT INTO volumes (id, account_id, project_id, user_id, name, created_at)
                VALUES ('vol', \(session.user.accountID), \(id), \(session.user.id), 'v', 0)
                """)
        }
        for (path, members) in [("/projects/\(id)", "#members"), ("/projects/\(id)/delete", "/projects/\(id)")] {
            let page = try owner.get(path)
            #expect(page.says("To delete this project, first remove:"))
            #expect(page.body.contains("<a class=\"standalone\" href=\"\(members)\">1 other member</a>"))
            #expect(page.says("1 volume"))
            #expect(!page.says("Delete…") && !page.says("Cancel"))
            #expect(!page.body.contains("Delete project</button>"))
        }
        #expect(try send(owner, "/projects/\(id)/delete").status == 409)
        for path in ["", "/delete"] {
            let mine = try owner.get("/projects/\(session.user.defaultProjectID)\(path)")
            #expect(mine.says("A default project cannot be deleted.") && !mine.says("Delete…"))
        }
        #expect(try send(owner, "/projects/\(session.user.defaultProjectID)/delete").status == 409)
    }

    @Test("a member is added, changed, deactivated, activated and removed", arguments: TestDatabase.selected)
    func members(_: TestDatabase) throws {
        let id = try scene.createProject("p")
        let ann = try scene.client("ann@example.com")
        #expect(try ann.get("/projects/\(id)").status == 404)
        let added = try scene.add("ann@example.com", to: id, ["read"])
        let page = try owner.follow(added)
        let row = try #require(page.texts("<tr", until: "</tr>").first { $0.hasPrefix("ann@example.com") })
        #expect(row.hasPrefix("ann@example.comuserreadactive"))
        #expect(try ann.get("/projects/\(id)").status == 200)
        let theirs = try ann.get("/projects").texts("<tr", until: "</tr>")
        #expect(theirs.contains { $0.hasPrefix("p") && $0.contains("user: read2") })
        let place = try member("ann@example.com", of: id)
        let form = try owner.get(place)
        #expect(form.body.contains("name=\"permissions\" value=\"read\" checked"))
        #expect(!form.body.contains("value=\"update\" checked"))
        let fields = [("role", "user"), ("permissions", "read"), ("permissions", "update")]
        #expect(try owner.follow(try owner.post(place, fields)).body.contains("value=\"update\" checked"))
        #expect(try send(ann, "/projects/\(id)", [("name", "by ann")]).status == 303)
        #expect(try send(owner, place, [("role", "admin"), ("permissions", "read")], from: place).status == 303)
        #expect(try ann.get("/projects/\(id)").body.contains("Invite a member"))
        let off = try send(owner, "\(place)/deactivate", from: place)
        #expect(try owner.follow(off).body.contains("<span class=\"badge warn\">deactivated</span>"))
        #expect(try ann.get("/projects/\(id)").status == 403)
        #expect(try send(owner, "\(place)/activate", from: place).status == 303)
        #expect(try ann.get("/projects/\(id)").status == 200)
        #expect(try owner.get("\(place)/remove").texts("<h1", until: "</h1>") == ["Remove ann@example.com?"])
        #expect(try owner.follow(try owner.post("\(place)/remove")).body.contains("The member is removed."))
        #expect(try ann.get("/projects/\(id)").status == 404)
        #expect(try owner.get(place).status == 404)
        #expect(
            try owner.get("/audit-log?resource_type=member").texts("<span class=\"badge", until: "</span>") == [
                "Member removed", "Member activated", "Member deactivated", "Permissions changed",
                "Permissions changed", "Invitation accepted", "Member invited",
            ])
    }

    @Test("the last admin cannot be demoted, deactivated or removed", arguments: TestDatabase.selected)
    func lastAdmin(_: TestDatabase) throws {
        let id = try scene.createProject("p")
        let place = try member(RunningServer.email, of: id)
        for (path, fields) in [
            (place, [("role", "user"), ("permissions", "read")]), ("\(place)/deactivate", []), ("\(place)/remove", []),
        ] {
            let response = try send(owner, path, fields, from: place)
            #expect(response.status == 409)
            #expect(response.body.contains("That is the project&#39;s last admin"), "\(path)")
        }
        _ = try scene.client("ann@example.com")
        try scene.add("ann@example.com", to: id, nil)
        let left = try send(owner, "\(place)/remove", from: place)
        #expect(try owner.follow(left).body.contains("You are no longer a member of that project."))
        #expect(try owner.get("/projects/\(id)").status == 404)
    }

    /// Checks the forms that the page of a project offers, and that other forms are rejected.
    @Test(
        "each role is offered what it may do, and everything else is rejected",
        arguments: TestDatabase.selected,
        [nil, [], ["read"], ["create"], ["read", "create"], ["read", "update"], ["read", "delete"]]
            as [[String]?])
    func roles(_: TestDatabase, _ permissions: [String]?) throws {
        let id = try scene.createProject("p")
        let path = "/projects/\(id)"
        let ann = try scene.client("ann@example.com")
        _ = try scene.client("bob@example.com")
        let isMember = permissions != []
        if isMember { #expect(try scene.add("ann@example.com", to: id, permissions).status == 303) }
        try scene.add("bob@example.com", to: id, ["read"])
        let bob = try member("bob@example.com", of: id)
        func may(_ action: String) -> Bool { permissions?.contains(action) ?? true }
        let isAdmin = permissions == nil
        let refusal = isMember ? 403 : 404

        let page = try ann.get(path)
        #expect(page.status == (may("read") ? 200 : refusal))
        if page.status == 200 {
            for (text, isThere) in [
                ("Invite a member", isAdmin), ("Name and description", may("update")),
                ("To delete this project", may("delete")),
                (">Change<", isAdmin), ("View this project&#39;s audit log", may("read")),
                ("bob@example.com", may("read")),
            ] {
                #expect(page.body.contains(text) == isThere, "\(text)")
            }
        }
        #expect(try ann.get("/projects").body.contains("<a href=\"\(path)\">") == may("read"))
        let member = try ann.get(bob)
        #expect(member.status == (may("read") ? 200 : refusal))
        #expect(member.body.contains("<button type=\"submit\">Save") == isAdmin)
        #expect(member.body.contains("Remove…") == isAdmin)
        #expect(try ann.get("\(path)/delete").status == (may("delete") ? 200 : refusal))
        #expect(try ann.get("\(bob)/remove").status == (isAdmin ? 200 : refusal))

        let role = [("role", "user"), ("permissions", "read"), ("permissions", "update")]
        for (target, fields, isAllowed, success) in [
            ("\(path)/delete", [], may("delete"), 409), (path, [("name", "q")], may("update"), 303),
            ("\(path)/members", [("email", "nobody@example.com")] + role, isAdmin, 422), (bob, role, isAdmin, 303),
            ("\(bob)/deactivate", [], isAdmin, 303), ("\(bob)/activate", [], isAdmin, 303),
            ("\(bob)/remove", [], isAdmin, 303),
        ] as [(String, [(String, String)], Bool, Int)] {
            let response = try send(ann, target, fields)
            #expect(response.status == (isAllowed ? success : refusal), "\(target) \(response.body)")
        }
    }

    @Test("a form without its key or from another origin changes nothing", arguments: TestDatabase.selected)
    func forgery(_: TestDatabase) throws {
        let id = try scene.createProject("p")
        for path in ["/projects", "/projects/\(id)", "/projects/\(id)/delete", "/projects/\(id)/members"] {
            #expect(try owner.post(path, ["name": "q", "form_key": "0"]).status == 403, "\(path)")
            #expect(
                try owner.post(path, ["name": "q"], headers: [("Origin", "http://evil.example")]).status == 403)
        }
        #expect(try owner.get("/projects/\(id)").texts("<h1", until: "</h1>") == ["p"])
    }

    @Test("long lists of projects and members have several pages", arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        for index in 0..<3 { _ = try scene.createProject("p\(index)") }
        let first = try owner.get("/projects?limit=2")
        #expect(first.body.contains("Older projects"))
        let link = try #require(first.body.firstRange(of: "href=\"/projects?cursor="))
        let second = try owner.get(
            String(first.body[link.lowerBound...].dropFirst(6).prefix { $0 != "\"" }).replacing("&amp;", with: "&"))
        #expect(!second.body.contains("Older projects"))
        #expect(try owner.get("/projects?cursor=x").status == 400)
    }

    @Test("names and descriptions are escaped", arguments: TestDatabase.selected)
    func escaping(_: TestDatabase) throws {
        let evil = "</textarea></title><script>alert(1)</script>"
        let id = try scene.createProject(evil, description: evil)
        for path in ["/projects", "/projects/\(id)", "/projects/\(id)/delete", "/audit-log?project=\(id)"] {
            let body = try owner.get(path).body
            #expect(!body.contains("<script>"), "\(path)")
            #expect(!body.contains("</textarea></title>"), "\(path)")
        }
    }
}
