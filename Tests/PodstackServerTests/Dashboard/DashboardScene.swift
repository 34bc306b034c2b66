import PodstackAPI
import PodstackTestSupport

@testable import PodstackServer

/// A server with people who are signed in to its dashboard.
struct DashboardScene: Sendable {
    let server: RunningServer
    let owner: TestClient

    init(clock: ManualClock? = nil) throws {
        server = try RunningServer(clock: clock)
        owner = TestClient(server)
        try owner.enter(RunningServer.email)
    }

    var service: Service { server.server.service }

    /// Somebody with an account of their own.
    func visitor(_ email: String) throws -> TestClient {
        try server.server.addUser(email)
        let visitor = TestClient(server)
        try visitor.enter(email)
        return visitor
    }

    func userID(_ email: String) throws -> String {
        try service.database.read { try AccountStore.user(email: email, in: $0) }?.id ?? ""
    }

    /// A new project of the owner's: its id.
    func makeProject(_ name: String, description: String = "") throws -> String {
        try owner.get("/projects")
        let answer = try owner.post("/projects", ["name": name, "description": description])
        let path = answer.headers["location"] ?? ""
        return String(path.dropFirst("/projects/".count).prefix { $0 != "?" })
    }

    /// As the owner does; nil permissions are those of an admin.
    @discardableResult
    func add(_ email: String, to project: String, _ permissions: [String]?) throws -> TestResponse {
        try owner.get("/projects/\(project)")
        return try owner.post(
            "/projects/\(project)/members",
            [("email", email), ("role", permissions == nil ? "admin" : "user")]
                + (permissions ?? []).map { ("permissions", $0) })
    }
}

extension TestClient {
    /// Signs in without the second that a password takes.
    func enter(_ email: String) throws {
        let request = Request(method: "GET", path: "/")
        let secret = try service.changes.make(by: Actor(request, nil), at: service.now()) { change in
            let user = try AccountStore.user(email: email, in: change.connection)
            return try service.signIn.sessions.begin(userID: user?.id ?? "", from: request, in: change).secret
        }
        cookies = ["podstack_session": secret]
        try get("/account/sign-in")
    }
}
