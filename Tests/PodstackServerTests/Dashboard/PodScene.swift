import PodstackAPI
import PodstackTestSupport

@testable import PodstackServer

/// A server with a model of an engine, and users who are signed in to its dashboard.
struct PodScene: Sendable {
    let pods: PodServer
    let owner: TestClient

    init(clock: ManualClock? = nil, _ settings: ServiceSettings? = nil) throws {
        pods = try PodServer(clock: clock, settings)
        owner = TestClient(pods.server)
        try owner.enter(RunningServer.email)
        try pods.prepare()
    }

    var service: Service { pods.server.server.service }
    var engine: ModelEngine { pods.engine }

    /// Returns a signed-in user with an account of their own.
    func client(_ email: String) throws -> TestClient {
        try pods.server.server.addUser(email)
        let client = TestClient(pods.server)
        try client.enter(email)
        return client
    }

    func user(_ email: String = RunningServer.email) throws -> UserRecord {
        guard let user = try service.database.read({ try UserStore.find(email: email, in: $0) }) else {
            throw SetupFailure("there is no user with the address \(email)")
        }
        return user
    }

    /// Makes a user a member of the owner's default project, or changes the membership.
    func add(_ email: String, _ role: Role, deactivatedAt: Int64? = nil) throws {
        let (owner, member) = (try user(), try user(email))
        try service.database.write { connection in
            try MemberStore.insert(
                Membership(
                    projectID: owner.defaultProjectID, role: role, addedAt: service.now(), deactivatedAt: deactivatedAt),
                userID: member.id, in: connection)
            guard let deactivatedAt else { return }
            try connection.run(
                "UPDATE members SET deactivated_at = ? WHERE project_id = ? AND user_id = ?",
                [.integer(deactivatedAt), .text(owner.defaultProjectID), .text(member.id)])
        }
    }

    /// Returns the fields of the form for a new pod, with some values changed.
    func form(_ changes: KeyValuePairs<String, String> = [:]) throws -> [(String, String)] {
        let page = try owner.get("/pods/new")
        var fields = [
            ("id", try page.field("id")), ("name", "trainer"), ("image", "test:1"),
            ("project_id", try user().defaultProjectID), ("gpu_type", ""), ("gpu_count", "1"), ("cpu", "2"),
            ("memory", "8"), ("disk", "20"), ("command", ""), ("ports", ""), ("env", ""), ("stop_after", ""),
            ("stop_after_unit", "hours"), ("delete_after", ""), ("delete_after_unit", "hours"), ("max_cost", ""),
        ]
        for name in Set(changes.map(\.key)) { fields.removeAll { $0.0 == name } }
        return fields + changes.map { ($0.key, $0.value) }
    }

    func record(_ id: String) throws -> PodRecord? { try service.database.read { try PodStore.find(id, in: $0) } }

    func allPods() throws -> [PodRecord] { try service.database.read { try PodStore.alive(in: $0) } }
}

extension PodServer {
    /// Sets prices and GPUs, and credits the owner's account.
    func prepare() throws {
        let service = server.server.service
        let now = service.pods.now()
        try service.database.write { connection in
            try BillingStore.set(
                GPUType(name: "A100", memoryGigabytes: 80, pricePerHour: 2_500_000, devices: ["0", "1"]), at: now,
                in: connection)
            try BillingStore.set(10_000, of: .cpu, in: connection)
            try BillingStore.set(2_000, of: .memory, in: connection)
            let user = try UserStore.find(email: RunningServer.email, in: connection)
            try BillingStore.credit(
                100_000_000, accountID: user?.accountID ?? "", reason: nil, at: now, in: connection)
        }
    }
}
