import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The pages of people, for operators", .blocking, .databases, .timeLimit(.perTest))
struct PeoplePagesTests {
    let clock = ManualClock()
    let scene: DashboardScene
    var owner: TestClient { scene.owner }

    init() throws {
        scene = try DashboardScene(clock: clock)
        try setOperator(RunningServer.email)
    }

    private func setOperator(_ email: String, _ isOperator: Bool = true) throws {
        try scene.service.changes.perform(by: .administrator, at: clock.now) { change in
            let user = try #require(try UserStore.find(email: email, in: change.connection))
            try UserService.setOperator(isOperator, user, in: change)
        }
    }

    private func isOperator(_ email: String) throws -> Bool {
        try scene.service.database.read { try UserStore.find(email: email, in: $0) }?.isOperator ?? false
    }

    private func path(_ email: String, _ action: String = "") throws -> String {
        "/people/\(try scene.userID(email))" + (action.isEmpty ? "" : "/\(action)")
    }

    /// Loads the page that asks for confirmation, and sends its form.
    @discardableResult
    private func confirm(
        _ action: String, of email: String, by client: TestClient? = nil, transferringTo recipient: String = ""
    ) throws -> TestResponse {
        let client = client ?? owner
        let path = try path(email, action)
        let page = try client.get(path + (recipient.isEmpty ? "" : "?transfer_to=\(recipient)"))
        let plan = try? page.field("plan")
        return try client.post(path, plan.map { [("plan", $0), ("transfer_to", recipient)] } ?? [])
    }

    /// Returns the actions in the log of a user's account, with the email address of who did it.
    private func log(_ email: String) throws -> [String] {
        let user = try scene.userID(email)
        return try scene.service.database.read { connection in
            try connection.query(
                "SELECT action, user_email FROM audit_events WHERE resource_id = \(user) ORDER BY number"
            ).map { "\(try $0.text("action")) \(try $0.optionalText("user_email") ?? "-")" }
        }
    }

    /// Returns the path of the sign-in link that a page shows.
    private func link(on page: TestResponse) throws -> String {
        let text = try #require(page.texts("<code id=\"invitation\" data-once", until: "</code>").first)
        return String(text[try #require(text.firstRange(of: "/welcome/")).lowerBound...])
    }

    // MARK: - Authority

    @Test("for a user who is not an operator, there are no such pages", arguments: TestDatabase.selected)
    func authority(_: TestDatabase) throws {
        let ann = try scene.client("ann@example.com")
        #expect(try !ann.get("/projects").body.contains("/people"))
        #expect(try owner.get("/projects").body.contains("<a href=\"/people\""))
        let routes = scene.service.dashboard.routes.filter { $0.pattern.first == "people" }
        #expect(routes.count == 16 && routes.allSatisfy { $0.access == .operators })
        let before = try scene.server.everything()
        let ownID = try scene.userID(RunningServer.email)
        for route in routes {
            let path =
                "/"
                + route.pattern.map { $0 == "{user}" ? ownID : String($0) }
                .joined(separator: "/")
            let response = route.method == "GET" ? try ann.get(path) : try ann.post(path, ["email": "x@example.com"])
            #expect(response.status == 404, "\(route.method) \(path)")
            #expect(response.says("There is no page at this address."), "\(route.method) \(path)")
            #expect(!response.says(RunningServer.email), "\(route.method) \(path)")
        }
        #expect(try scene.server.everything() == before)
        // The role counts at once, and only while it lasts.
        try setOperator("ann@example.com")
        #expect(try ann.get("/people").status == 200)
        try setOperator("ann@example.com", false)
        #expect(try ann.get("/people").status == 404)
        // A token of an operator has no such role.
        let token = TestClient(scene.server, try scene.server.createToken())
        #expect(try token.send("GET", "/people").status == 303)
    }

    @Test("an unknown user is not found", arguments: TestDatabase.selected)
    func unknown(_: TestDatabase) throws {
        for action in ["", "/disable", "/remove", "/renew-link"] {
            #expect(try owner.get("/people/usr_00000000000000000000\(action)").status == 404)
        }
        #expect(try owner.post("/people/usr_00000000000000000000/disable").status == 404)
        #expect(try owner.post("/people/usr_00000000000000000000/remove").status == 404)
    }

    // MARK: - List

    @Test("the list has tokens, sessions, projects and states, and can be searched", arguments: TestDatabase.selected)
    func list(_: TestDatabase) throws {
        let ann = try scene.client("ann@example.com")
        _ = try scene.server.server.createToken("ann@example.com")
        try scene.server.server.addUser("50%_off!@example.com")
        try confirm("disable", of: "50%_off!@example.com")
        _ = ann
        let rows = try owner.get("/people").texts("<tr role=\"row\"", until: "</tr>").dropFirst()
        #expect(rows.map { $0.prefix { $0 != "@" } } == ["50%_off!", "ann", "you"])
        #expect(rows.first?.hasSuffix("Never001disabled") == true)
        #expect(rows.dropFirst().first?.hasSuffix("111invited") == true, "\(rows)")
        #expect(rows.last?.hasSuffix("operator") == true)
        for (query, found) in [
            ("ANN%40", ["ann"]), ("example", ["50%_off!", "ann", "you"]), ("50%25_", ["50%_off!"]), ("0%25%25", []),
            ("off!", ["50%_off!"]), ("nobody", []),
        ] {
            let page = try owner.get("/people?q=\(query)")
            let emails = page.texts("<th scope=\"row\"", until: "</th>").map { String($0.prefix { $0 != "@" }) }
            #expect(emails == found, "\(query)")
            #expect(page.says("No people found") == found.isEmpty)
        }
        let escaped = try owner.get("/people?q=%3Cscript%3E").body
        #expect(!escaped.contains("<script>"))
    }

    @Test("many people have several pages, which keep the search", arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        try scene.service.changes.perform(by: .administrator, at: clock.now) { change in
            for number in 100..<220 {
                try AccountCreation.create(email: "U\(number)@example.com", name: "Ü \(number)", in: change)
            }
        }
        var seen: [String] = []
        var path: String? = "/people?q=u"
        while let page = try path.map({ try owner.get($0) }) {
            seen += page.texts("<th scope=\"row\"", until: "</th>").map { String($0.prefix { $0 != "@" }) }
            let end = page.body.firstRange(of: "\">More people</a>")
            path = try end.map { end in
                let start = try #require(page.body[..<end.lowerBound].ranges(of: "href=\"").last).upperBound
                return String(page.body[start..<end.lowerBound]).replacing("&amp;", with: "&")
            }
        }
        #expect(seen == (100..<220).map { "U\($0)" } + ["you"])
    }

    // MARK: - Invitations

    @Test("an invitation creates an account and shows a link once that works", arguments: TestDatabase.selected)
    func invite(_: TestDatabase) throws {
        try owner.get("/people/new")
        let page = try owner.post("/people", ["email": "Ann@example.com", "name": " Ann "])
        #expect(page.status == 200 && page.headers["cache-control"] == "no-store")
        #expect(page.body.contains("data-copy=\"invitation\""))
        let link = try link(on: page)
        #expect(page.body.components(separatedBy: link).count == 2)
        let guest = TestClient(scene.server)
        try guest.choose("correct horse battery staple", at: link)
        #expect(try guest.isSignedIn)
        #expect(
            try log("ann@example.com").prefix(2) == ["user_created you@example.com", "password_chosen Ann@example.com"])
        #expect(try owner.get("/people").says("active"))
        // The form can be sent again without harm.
        let again = try owner.post("/people", ["email": "ann@EXAMPLE.com", "name": ""])
        #expect(again.status == 409 && again.says("This address already has an account."))
        let wrong = try owner.post("/people", ["email": "no address", "name": "a\u{7}b"])
        #expect(wrong.status == 422)
        #expect(wrong.texts("<p class=\"field-problem\"", until: "</p>").count == 2)
        #expect(wrong.body.contains("value=\"no address\""))
    }

    @Test("a new link replaces the earlier one, and only until a password is chosen", arguments: TestDatabase.selected)
    func renewLink(_: TestDatabase) throws {
        try owner.get("/people/new")
        let first = try link(on: try owner.post("/people", ["email": "ann@example.com"]))
        let second = try link(on: try confirm("renew-link", of: "ann@example.com"))
        #expect(try TestClient(scene.server).get(first).status == 410)
        #expect(try log("ann@example.com").last == "sign_in_link_created you@example.com")
        let page = try owner.get(path("ann@example.com"))
        #expect(page.says("Create a new link…"))
        try TestClient(scene.server).choose("correct horse battery staple", at: second)
        #expect(try !owner.get(path("ann@example.com")).says("Create a new link…"))
        #expect(try owner.get(path("ann@example.com", "renew-link")).status == 303)
        // A link for an account in use would let the operator act as its user.
        let refused = try owner.post(path("ann@example.com", "renew-link"))
        #expect(refused.status == 409 && !refused.body.contains("/welcome/"))
    }

    // MARK: - Disabling

    @Test("a disabled user is signed out, and the user's log names the operator", arguments: TestDatabase.selected)
    func disable(_: TestDatabase) throws {
        let ann = try scene.client("ann@example.com")
        let token = TestClient(scene.server, try scene.server.server.createToken("ann@example.com"))
        let question = try owner.get(path("ann@example.com", "disable"))
        #expect(question.texts("<h1", until: "</h1>") == ["Disable ann@example.com?"])
        #expect(try ann.isSignedIn)
        let done = try confirm("disable", of: "ann@example.com")
        #expect(try owner.follow(done).says("The user is disabled and signed out everywhere."))
        #expect(try !ann.isSignedIn)
        #expect(try token.whoami().code == "account_disabled")
        try confirm("disable", of: "ann@example.com")
        #expect(try owner.follow(try confirm("enable", of: "ann@example.com")).says("The user is enabled."))
        #expect(try token.whoami().status == 200)
        #expect(
            try log("ann@example.com").filter { $0.hasPrefix("user_") } == [
                "user_created -", "user_disabled you@example.com", "user_enabled you@example.com",
            ])
    }

    // MARK: - Operators

    @Test("an operator makes another one, but the last one keeps the role", arguments: TestDatabase.selected)
    func operators(_: TestDatabase) throws {
        let ann = try scene.client("ann@example.com")
        let last = try confirm("remove-operator", of: RunningServer.email)
        #expect(last.status == 409 && last.says("This is the last operator"))
        #expect(try isOperator(RunningServer.email))
        let made = try confirm("make-operator", of: "ann@example.com")
        #expect(try owner.follow(made).says("The user is an operator."))
        #expect(try ann.get("/people").status == 200)
        // A disabled operator cannot act, and does not count.
        try confirm("disable", of: "ann@example.com")
        #expect(try confirm("remove-operator", of: RunningServer.email).status == 409)
        try confirm("enable", of: "ann@example.com")
        try ann.enter("ann@example.com")
        let gone = try confirm("remove-operator", of: RunningServer.email)
        #expect(try owner.follow(gone).says("You are no longer an operator."))
        #expect(try owner.get("/people").status == 404)
        #expect(try confirm("remove-operator", of: "ann@example.com", by: ann).status == 409)
        #expect(try log("ann@example.com").contains("operator_added you@example.com"))
        #expect(try log(RunningServer.email).suffix(1) == ["operator_removed you@example.com"])
    }

    @Test("operators who take the role from each other at once leave one", arguments: TestDatabase.selected)
    func atOnce(_: TestDatabase) async throws {
        let ann = try scene.client("ann@example.com")
        for _ in 0..<Rounds.count(5, long: 50) {
            for email in [RunningServer.email, "ann@example.com"] { try setOperator(email) }
            for client in [owner, ann] { try client.get("/people") }
            let own = (try path(RunningServer.email, "remove-operator"), try path("ann@example.com", "remove-operator"))
            let client = owner
            async let first = client.post(own.0)
            async let second = ann.post(own.1)
            let statuses = try await [first.status, second.status].sorted()
            #expect(statuses == [303, 409])
            #expect(try isOperator(RunningServer.email) != isOperator("ann@example.com"))
        }
    }

    @Test("operators cannot disable, enable or remove their own account", arguments: TestDatabase.selected)
    func ownAccount(_: TestDatabase) throws {
        let page = try owner.get(path(RunningServer.email))
        #expect(page.says("This is your own account."))
        #expect(!page.says("Disable…") && !page.says("Remove…"))
        for action in ["disable", "enable", "remove"] {
            #expect(try owner.get(path(RunningServer.email, action)).status == 303, "\(action)")
            let response = try owner.post(path(RunningServer.email, action), ["plan": "0"])
            #expect(response.status == 409 && response.says("your own account"), "\(action)")
        }
        #expect(try owner.isSignedIn)
    }

    // MARK: - Removal

    @Test("a removal says what it does, and does only that", arguments: TestDatabase.selected)
    func removal(_: TestDatabase) throws {
        let ann = try scene.client("ann@example.com")
        _ = try scene.server.server.createToken("ann@example.com")
        let project = try scene.createProject("shared")
        try scene.add("ann@example.com", to: project, ["read"])
        let page = try owner.get(path("ann@example.com", "remove"))
        for text in [
            "1 active token will be revoked", "1 session of the dashboard will end",
            "will be deleted, because it has no",
            "\"shared\": the membership ends; 1 other member stays", "This cannot be undone.", "Transfer the projects",
        ] { #expect(page.says(text.replacing("\"", with: "&quot;")), "\(text)") }
        let stale = try page.field("plan")
        // Meanwhile, the user gets another project.
        try ann.get("/projects")
        try ann.post("/projects", ["name": "new"])
        let refused = try owner.post(path("ann@example.com", "remove"), ["plan": stale, "transfer_to": ""])
        #expect(refused.status == 409 && refused.says("Nothing was removed"))
        #expect(refused.says("&quot;new&quot;"))
        #expect(try ann.isSignedIn)
        let done = try confirm("remove", of: "ann@example.com")
        #expect(try owner.follow(done).says("The user is removed."))
        #expect(try !ann.isSignedIn)
        #expect(try scene.userID("ann@example.com") == "")
    }

    @Test(
        "projects are transferred, and those that would have no admin block a removal", arguments: TestDatabase.selected
    )
    func transfer(_: TestDatabase) throws {
        let ann = try scene.client("ann@example.com")
        _ = try scene.client("bob@example.com")
        try ann.get("/projects")
        let created = try ann.post("/projects", ["name": "led by ann"])
        let project = String(try #require(created.headers["location"]).dropFirst(10).prefix { $0 != "?" })
        try scene.service.database.write { connection in
            let member = Membership(projectID: project, role: .user(["read"]), addedAt: clock.now)
            let bob = try #require(try UserStore.find(email: "bob@example.com", in: connection))
            try MemberStore.insert(member, userID: bob.id, in: connection)
        }
        let blocked = try owner.get(path("ann@example.com", "remove"))
        #expect(blocked.says("which blocks the removal") && !blocked.body.contains("Remove user</button>"))
        let plan = try blocked.field("plan")
        #expect(try owner.post(path("ann@example.com", "remove"), ["plan": plan]).status == 409)
        for (recipient, problem) in [
            ("nobody@example.com", "No user has the email address nobody@example.com."),
            ("ann@example.com", "The projects of ann@example.com cannot be transferred to the user who is removed."),
        ] {
            let page = try owner.get(path("ann@example.com", "remove?transfer_to=\(recipient)"))
            #expect(page.status == 422 && page.says(problem))
            let sent = try owner.post(
                path("ann@example.com", "remove"), ["plan": plan, "transfer_to": recipient])
            #expect(sent.status == 422 && sent.says(problem))
        }
        // The plan is that of another recipient.
        let other = [("plan", plan), ("transfer_to", "bob@example.com")]
        #expect(try owner.post(path("ann@example.com", "remove"), other).status == 409)
        let done = try confirm("remove", of: "ann@example.com", transferringTo: "bob@example.com")
        #expect(done.status == 303)
        let role = try scene.service.database.read { connection in
            try MemberStore.membership(
                userID: try scene.userID("bob@example.com"), projectID: project, in: connection)?.role
        }
        #expect(role == .admin)
    }

    @Test("a form that was overtaken by the loss of the role changes nothing", arguments: TestDatabase.selected)
    func overtaken(_: TestDatabase) throws {
        _ = try scene.client("ann@example.com")
        try owner.get(path("ann@example.com", "disable"))
        let session = try #require(try owner.session)
        try setOperator(RunningServer.email, false)
        #expect(try owner.post(path("ann@example.com", "disable")).status == 404)
        // As a request that passed the check of its route before the role was taken away.
        #expect(throws: DomainError.self) {
            try scene.service.changes.perform(
                by: Actor(session, from: Origin()), requiring: .operatorRole, at: clock.now
            ) { _ in }
        }
        #expect(try log("ann@example.com") == ["user_created -"])
    }
}
