import PodstackAPI
import PodstackTestSupport

@testable import PodstackServer

/// A server with users who are signed in to its dashboard.
struct DashboardScene: Sendable {
    let server: RunningServer
    let owner: TestClient

    init(clock: ManualClock? = nil) throws {
        server = try RunningServer(clock: clock)
        owner = TestClient(server)
        try owner.enter(RunningServer.email)
    }

    var service: Service { server.server.service }

    /// Returns a signed-in user with an account of their own.
    func client(_ email: String) throws -> TestClient {
        try server.server.addUser(email)
        let client = TestClient(server)
        try client.enter(email)
        return client
    }

    func userID(_ email: String) throws -> String {
        try service.database.read { try UserStore.find(email: email, in: $0) }?.id ?? ""
    }

    /// Creates a project of the owner and returns its ID.
    func createProject(_ name: String, description: String = "") throws -> String {
        try owner.get("/projects")
        let response = try owner.post("/projects", ["name": name, "description": description])
        let path = response.headers["location"] ?? ""
        return String(path.dropFirst("/projects/".count).prefix { $0 != "?" })
    }

    /// Invites a user as the owner, and accepts for the user; nil permissions add an admin.
    @discardableResult
    func add(_ email: String, to project: String, _ permissions: [String]?) throws -> TestResponse {
        let response = try invite(email, to: project, permissions)
        guard response.status == 303 else { return response }
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            guard let user = try UserStore.find(email: email, in: change.connection) else { return }
            let change = change.with(Authority(user.grant, in: change.connection)).acting(for: user.id, email)
            _ = try service.members.accept(user.id, project, in: change)
        }
        return response
    }

    /// Invites a user as the owner; nil permissions invite an admin.
    @discardableResult
    func invite(_ email: String, to project: String, _ permissions: [String]?) throws -> TestResponse {
        try owner.get("/projects/\(project)")
        return try owner.post(
            "/projects/\(project)/members",
            [("email", email), ("role", permissions == nil ? "admin" : "user")]
                + (permissions ?? []).map { ("permissions", $0) })
    }
}

extension TestClient {
    /// Signs in without a password, which would take time to hash.
    func enter(_ email: String) throws {
        let secret = try service.changes.perform(by: Actor(origin: Origin()), at: service.now()) { change in
            let user = try UserStore.find(email: email, in: change.connection)
            return try service.signIn.sessions.begin(
                userID: user?.id ?? "", from: Origin(address: .unknown), in: change
            ).text
        }
        cookies = ["podstack_session": secret]
        try get("/account/sign-in")
    }
}
