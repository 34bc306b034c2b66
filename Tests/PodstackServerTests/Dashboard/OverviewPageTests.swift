import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The overview", .blocking, .databases, .timeLimit(.perTest))
struct OverviewPageTests {
    @Test("a new account sees its first step", arguments: TestDatabase.selected)
    func new(_: TestDatabase) throws {
        let server = try RunningServer()
        let client = TestClient(server)
        let welcome = try client.follow(client.signUp())
        #expect(welcome.says("Your password is saved") && welcome.says("Get started"))
        #expect(welcome.body.contains(#"<a class="button" href="/account/tokens/new">"#))
        #expect(!welcome.says("Needs attention") && welcome.says("No pod runs"))
        #expect(welcome.says("Recent activity") && welcome.says("Password set"))
        _ = try server.createToken()
        #expect(try !client.get("/").says("Get started"))
        #expect(try TestClient(server).get("/").headers["location"] == "/sign-in")
    }

    @Test(
        "tokens that end, that are not used or that have too many scopes need attention",
        arguments: TestDatabase.selected)
    func tokens(_: TestDatabase) throws {
        let clock = ManualClock()
        let scene = try DashboardScene(clock: clock)
        func token(_ name: String, days: Int64) throws -> TestClient {
            clock.advance(1)
            return TestClient(
                scene.server,
                try scene.server.server.createToken(
                    RunningServer.email, name: name, expiresAt: clock.now + days * 86_400))
        }
        let used = try token("nightly", days: 200)
        #expect(try used.whoami().status == 200)
        _ = try token("forgotten", days: 150)
        #expect(try !scene.owner.get("/").says("Needs attention"))
        clock.advance(73 * 86_400)
        _ = try token("soon", days: 30)
        clock.advance(27 * 86_400)
        #expect(try used.send("GET", "/v1/projects").status == 200)
        try scene.owner.enter(RunningServer.email)
        let page = try scene.owner.get("/")
        let items = page.texts("<li><span><span class=\"badge", until: "</li>")
        #expect(items.contains { $0.contains("soon Expires in 3 days.") }, "\(items)")
        #expect(items.contains { $0.contains("forgotten Never used, due for rotation.") }, "\(items)")
        #expect(items.contains { $0.contains("nightly Due for rotation, has scopes that it never uses.") }, "\(items)")
    }

    @Test("failed pods, budgets, an empty balance and invitations need attention", arguments: TestDatabase.selected)
    func others(_: TestDatabase) throws {
        let scene = try PodScene()
        let running = try scene.pods.runningPod(#""cpu": 1"#, name: "works")
        let failed = try scene.pods.runningPod(name: "broken")
        scene.engine.exit(failed.id, 3)
        try scene.pods.wait(for: .failed, failed.id)
        let user = try scene.user()
        let inviter = try scene.client("inviter@example.com")
        try inviter.get("/projects")
        let project = try inviter.follow(inviter.post("/projects", ["name": "Ocean"]))
        let id = String(
            project.body[try #require(project.body.firstRange(of: "action=\"/projects/")).upperBound...]
                .prefix { $0 != "/" && $0 != "\"" })
        try inviter.post(
            "/projects/\(id)/members", [("email", RunningServer.email), ("role", "admin")])
        try scene.service.database.write { connection in
            let now = scene.service.pods.now()
            let subject = BillingStore.Subject.project(user.defaultProjectID)
            try connection.run(
                "UPDATE projects SET spend_amount = 5000000, spend_period = 'total' WHERE id = ?",
                [.text(user.defaultProjectID)])
            for percent in [50, 80] {
                _ = try BillingStore.insertNotice(
                    of: subject, accountID: user.accountID, periodStart: 0, percent: percent, at: now, in: connection)
            }
            // A notice of a period that is over.
            _ = try BillingStore.insertNotice(
                of: subject, accountID: user.accountID, periodStart: 5, percent: 100, at: now, in: connection)
            try BillingStore.credit(
                -200_000_000, accountID: user.accountID, reason: nil, at: now, in: connection)
        }
        let page = try scene.owner.get("/")
        let items = page.texts("<li><span><span class=\"badge", until: "</li>")
        #expect(items.contains { $0.contains("broken") && $0.contains("View pod") }, "\(items)")
        #expect(items.contains { $0.contains("Has used 80 percent of its budget of 5.00 in total.") }, "\(items)")
        #expect(items.contains { $0.contains("The balance is used up") }, "\(items)")
        #expect(items.contains { $0.contains("Ocean inviter@example.com invites you.") }, "\(items)")
        #expect(items.count == 4, "\(items)")
        #expect(page.body.contains("href=\"/pods/\(running.id)\"") && page.says("works"))
        // Another account sees nothing of it.
        let stranger = try scene.client("stranger@example.com")
        let theirs = try stranger.get("/")
        #expect(!theirs.says("works") && !theirs.says("broken") && !theirs.says("Needs attention"))
    }
}
