import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Error pages", .blocking, .databases, .timeLimit(.perTest))
struct ErrorPageTests {
    let server: RunningServer
    let visitor: TestClient

    init() throws {
        server = try RunningServer(clock: ManualClock())
        visitor = try TestClient(signedUpAt: server)
    }

    private func answers(of visitor: TestClient) throws -> [TestResponse] {
        let lost = [("Accept", "text/html")]
        return [
            try visitor.get("/account/nowhere"), try visitor.get("/account/tokens/00000000"),
            try visitor.get("/sign-out"), try visitor.get("/projects/prj_nowhere"),
            try visitor.get("/nowhere", headers: lost),
            try visitor.post("/account/tokens", ["form_key": "old"]),
        ]
    }

    @Test("keep the navigation and a working sign-out button for a signed-in viewer", arguments: TestDatabase.selected)
    func signedIn(_: TestDatabase) throws {
        try visitor.get("/account/sign-in")
        for answer in try answers(of: visitor) {
            #expect((400..<500).contains(answer.status))
            #expect(answer.texts("<h1", until: "</h1>").count == 1)
            #expect(answer.texts("<span class=\"viewer\"", until: "</span>") == [RunningServer.email])
            for link in ["/account/tokens", "/account/sign-in", "/projects", "/audit-log"] {
                #expect(answer.body.contains("<a href=\"\(link)\""), "\(answer.status): \(link)")
            }
            #expect(answer.body.contains("req_"))
        }
        try visitor.get("/account/nowhere")
        #expect(try visitor.post("/sign-out").status == 303)
        #expect(try !visitor.isSignedIn)
    }

    @Test("do not reveal the viewer to other clients", arguments: TestDatabase.selected)
    func signedOut(_: TestDatabase) throws {
        let stranger = TestClient(server)
        let forger = TestClient(server)
        forger.cookies = ["podstack_session": "wss_made-up"]
        for visitor in [stranger, forger] {
            for path in ["/account/nowhere", "/sign-out", "/projects/x/y/z/nowhere"] {
                let answer = try visitor.get(path)
                #expect((400..<500).contains(answer.status), "\(path)")
                #expect(!answer.body.contains("<nav"))
                #expect(!answer.body.contains(RunningServer.email))
                #expect(!answer.body.contains("form_key"))
            }
        }
    }

    @Test("do not extend a session", arguments: TestDatabase.selected)
    func unseen(_: TestDatabase) throws {
        let before = try visitor.session?.lastSeenAt
        try visitor.get("/account/nowhere")
        #expect(try visitor.session?.lastSeenAt == before)
    }
}
