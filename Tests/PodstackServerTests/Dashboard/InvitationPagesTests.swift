import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Invitations on the dashboard", .blocking, .databases, .timeLimit(.perTest))
struct InvitationPagesTests {
    let scene: DashboardScene
    let ann: TestClient
    let project: String
    var owner: TestClient { scene.owner }
    var path: String { "/projects/\(project)" }

    init() throws {
        scene = try DashboardScene()
        ann = try scene.client("ann@example.com")
        project = try scene.createProject("<Shared>")
    }

    /// Loads the page of the projects and sends a form.
    private func answer(_ action: String, _ client: TestClient? = nil) throws -> TestResponse {
        let client = client ?? ann
        try client.get("/projects")
        return try client.post("\(path)/\(action)")
    }

    @Test("an invited user sees the name of the project only, and accepts", arguments: TestDatabase.selected)
    func accept(_: TestDatabase) throws {
        let invited = try scene.invite("ann@example.com", to: project, ["read"])
        #expect(try owner.follow(invited).body.contains("The user is invited and has 24 hours to accept."))
        let row = try #require(
            try owner.get(path).texts("<tr", until: "</tr>").first { $0.hasPrefix("ann@example.com") })
        #expect(row.hasPrefix("ann@example.comuserreadinvited until "))
        #expect(try scene.invite("ann@example.com", to: project, ["read"]).status == 422)
        let list = try ann.get("/projects")
        #expect(list.body.contains("&lt;Shared&gt;") && list.body.contains(RunningServer.email))
        #expect(list.body.contains("action=\"\(path)/accept\"") && list.body.contains("action=\"\(path)/decline\""))
        #expect(!list.body.contains("<a href=\"\(path)\""))
        for page in ["", "/leave", "/delete", "/members/\(try scene.userID("ann@example.com"))"] {
            #expect(try ann.get(path + page).status == 404, "\(page)")
        }
        let accepted = try answer("accept")
        #expect(accepted.headers["location"] == "\(path)?done=joined")
        #expect(try ann.follow(accepted).body.contains("You are now a member of this project."))
        #expect(!(try ann.get("/projects").body.contains("Invited by")))
    }

    @Test("a user without the permission to read joins and can leave from the list", arguments: TestDatabase.selected)
    func withoutReading(_: TestDatabase) throws {
        try scene.invite("ann@example.com", to: project, ["create"])
        #expect(try answer("accept").headers["location"] == "/projects")
        let list = try ann.get("/projects")
        #expect(list.body.contains("Projects that you cannot view"))
        #expect(list.body.contains("href=\"\(path)/leave\""))
        #expect(try ann.get("\(path)/leave").texts("<h1", until: "</h1>") == ["Leave “&lt;Shared&gt;”?"])
        #expect(try ann.follow(answer("leave")).body.contains("You are no longer a member of that project."))
        #expect(try ann.get("\(path)/leave").status == 404)
        #expect(try ann.get("/projects").body.contains("cannot view") == false)
    }

    @Test("an invitation is declined, or withdrawn by an admin", arguments: TestDatabase.selected)
    func decline(_: TestDatabase) throws {
        try scene.invite("ann@example.com", to: project, nil)
        #expect(try ann.follow(answer("decline")).body.contains("The invitation is declined."))
        #expect(try answer("accept").status == 404)
        try scene.invite("ann@example.com", to: project, nil)
        let member = "\(path)/members/\(try scene.userID("ann@example.com"))"
        let page = try owner.get(member)
        #expect(page.body.contains("Invited to ") && page.body.contains("Withdraw invitation…"))
        #expect(!page.body.contains("Deactivate"))
        #expect(try owner.post("\(member)/activate").status == 409)
        #expect(
            try owner.get("\(member)/remove").texts("<h1", until: "</h1>") == [
                "Withdraw the invitation of ann@example.com?"
            ])
        #expect(try owner.post("\(member)/remove").status == 303)
        #expect(try answer("accept").status == 404)
        // Another user cannot answer it.
        try scene.invite("ann@example.com", to: project, nil)
        #expect(try answer("accept", try scene.client("bob@example.com")).status == 404)
    }

    @Test("the page says why a member cannot leave", arguments: TestDatabase.selected)
    func stay(_: TestDatabase) throws {
        #expect(try owner.get(path).body.contains("href=\"\(path)/leave\""))
        let refused = try answer("leave", owner)
        #expect(refused.status == 409 && refused.body.contains("That is the project&#39;s last admin"))
        let session = try #require(try owner.session)
        let own = "/projects/\(session.user.defaultProjectID)"
        #expect(!(try owner.get(own).body.contains("/leave")))
        try owner.get("/projects")
        #expect(try owner.post("\(own)/leave").status == 409)
    }

    @Test("the limit of projects is a problem of the form", arguments: TestDatabase.selected)
    func limit(_: TestDatabase) throws {
        let server = try RunningServer(maxProjects: 2)
        let client = TestClient(server)
        try client.enter(RunningServer.email)
        #expect(try client.post("/projects", ["name": "one"]).status == 303)
        try client.get("/projects")
        let refused = try client.post("/projects", ["name": "two"])
        #expect(refused.status == 409)
        #expect(refused.body.contains("Your account has reached its limit of 2 projects."))
        #expect(refused.body.contains("value=\"two\""))
    }
}
