import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The password queue", .blocking, .databases, .timeLimit(.perTest))
struct SignInQueueTests {
    let server: RunningServer
    let client: TestClient
    let gate = Gate()
    var effort: PasswordHasher { client.service.signIn.passwords }

    init() throws {
        server = try .anywhere()
        client = try TestClient(signedUpAt: server)
    }

    /// Occupies the queue, as a long hash does, until the gate is opened.
    private func holdUp() {
        let isTaken = effort.queue.add { [gate] in gate.pass() }
        #expect(isTaken)
        #expect(gate.holds(1))
    }

    private func waitForQueue(_ count: Int) async throws {
        let queue = effort.queue
        try await eventually(within: .seconds(60), "\(count) passwords are in the queue") { queue.waiting == count }
    }

    @Test("does not delay tokens, pages and signed-in users", arguments: TestDatabase.selected)
    func others(_: TestDatabase) async throws {
        holdUp()
        let token = try server.createToken()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                let each = TestClient(server)
                group.addTask { try each.signIn(headers: from("192.0.2.\(number)")).status }
            }
            try await waitForQueue(8)
            // The listener has two threads.
            let holders = (0..<6).map { _ in TestClient(port: server.server.port, token, keepsConnection: true) }
            for _ in 0..<5 { for holder in holders { #expect(try holder.tokenState() == "ok") } }
            #expect(try client.isSignedIn)
            #expect(try TestClient(server).get("/sign-in").status == 200)
            #expect(effort.queue.waiting == 8)
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 303, count: 8))
    }

    @Test(
        "rejects a client when it is full, keeps the form and does not count an attempt",
        arguments: TestDatabase.selected)
    func full(_: TestDatabase) async throws {
        holdUp()
        let first = effort.hashed
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<effort.queue.capacity {
                let each = TestClient(server)
                group.addTask { try each.signIn(password: "wrong", headers: from("192.0.2.\(number)")).status }
            }
            try await waitForQueue(effort.queue.capacity)
            let late = TestClient(server)
            for _ in 0..<6 {
                let refused = try late.signIn(headers: from("198.51.100.1"))
                #expect(refused.status == 503 && refused.headers["retry-after"] == "1")
                #expect(refused.body.contains("try again.") && refused.body.contains(#"value="you@example.com""#))
            }
            gate.open()
            for try await status in group { #expect(status == 422) }
            #expect(effort.hashed - first == effort.queue.capacity)
            #expect(try late.signIn(headers: from("198.51.100.1")).status == 303)
        }
    }

    @Test("is not used by requests that are rejected without a password check", arguments: TestDatabase.selected)
    func refusedAtOnce(_: TestDatabase) throws {
        holdUp()
        let stranger = TestClient(server)
        try stranger.get("/sign-in")
        #expect(try stranger.post("/sign-in", ["form_key": "wrong", "password": "x"]).status == 403)
        #expect(try stranger.post("/welcome?link=0123456789abcdef", ["password": "x"]).status == 410)
        #expect(effort.queue.waiting == 0)
        gate.open()
    }

    @Test("rejects waiting requests when the service stops", arguments: TestDatabase.selected)
    func stopping(_: TestDatabase) async throws {
        holdUp()
        let each = TestClient(server, over: SocketTransport(port: server.server.port))
        async let status = each.signIn().status
        try await waitForQueue(1)
        server.server.stop()
        #expect(try await status == 503)
        gate.open()
    }
}
