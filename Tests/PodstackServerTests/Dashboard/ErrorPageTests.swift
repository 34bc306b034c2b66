import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Error pages", .blocking, .databases, .timeLimit(.perTest))
struct ErrorPageTests {
    let server: RunningServer
    let client: TestClient

    init() throws {
        server = try RunningServer(clock: ManualClock())
        client = try TestClient(signedUpAt: server)
    }

    private func responses(of client: TestClient) throws -> [TestResponse] {
        let lost = [("Accept", "text/html")]
        return [
            try client.get("/account/nowhere"), try client.get("/account/tokens/00000000"),
            try client.get("/sign-out"), try client.get("/projects/prj_nowhere"),
            try client.get("/nowhere", headers: lost),
            try client.post("/account/tokens", ["form_key": "old"]),
        ]
    }

    @Test("keep the navigation and a working sign-out button for a signed-in viewer", arguments: TestDatabase.selected)
    func signedIn(_: TestDatabase) throws {
        try client.get("/account/sign-in")
        for response in try responses(of: client) {
            #expect((400..<500).contains(response.status))
            #expect(response.texts("<h1", until: "</h1>").count == 1)
            // In the sidebar and in the menu.
            let viewer = RunningServer.email + "Sign out"
            #expect(response.texts("<form class=\"viewer\"", until: "</form>") == [viewer, viewer])
            for link in ["/account/tokens", "/account/sign-in", "/projects", "/audit-log"] {
                #expect(response.body.contains("<a href=\"\(link)\""), "\(response.status): \(link)")
            }
            #expect(response.body.contains("req_"))
        }
        try client.get("/account/nowhere")
        #expect(try client.post("/sign-out").status == 303)
        #expect(try !client.isSignedIn)
    }

    @Test("do not reveal the viewer to other clients", arguments: TestDatabase.selected)
    func signedOut(_: TestDatabase) throws {
        let stranger = TestClient(server)
        let forger = TestClient(server)
        forger.cookies = ["podstack_session": "wss_made-up"]
        for client in [stranger, forger] {
            for path in ["/account/nowhere", "/sign-out", "/projects/x/y/z/nowhere"] {
                let response = try client.get(path)
                #expect((400..<500).contains(response.status), "\(path)")
                #expect(!response.body.contains("<nav"))
                #expect(!response.body.contains(RunningServer.email))
                #expect(!response.body.contains("form_key"))
            }
        }
    }

    @Test("do not extend a session", arguments: TestDatabase.selected)
    func unseen(_: TestDatabase) throws {
        let before = try client.session?.lastSeenAt
        try client.get("/account/nowhere")
        #expect(try client.session?.lastSeenAt == before)
    }
}
