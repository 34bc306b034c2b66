import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Passwords that wait for their turn", .blocking, .databases, .timeLimit(.perTest))
struct SignInQueueTests {
    let server: RunningServer
    let visitor: TestClient
    let gate = Gate()
    var effort: PasswordEffort { visitor.service.signIn.effort }

    init() throws {
        server = try .anywhere()
        visitor = try TestClient(signedUpAt: server)
    }

    /// As if a password were being hashed until the gate is opened.
    private func holdUp() {
        let isTaken = effort.queue.add { [gate] in gate.pass() }
        #expect(isTaken)
        #expect(gate.holds(1))
    }

    private func waitForQueue(_ count: Int) async throws {
        let queue = effort.queue
        try await eventually(within: .seconds(60), "\(count) passwords are in the queue") { queue.waiting == count }
    }

    @Test("hold up nobody else: tokens, pages, and those who are signed in", arguments: TestDatabase.selected)
    func others(_: TestDatabase) async throws {
        holdUp()
        let token = try server.makeToken()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                let each = TestClient(server)
                group.addTask { try each.signIn(headers: from("192.0.2.\(number)")).status }
            }
            try await waitForQueue(8)
            // The listener has two threads.
            let holders = (0..<6).map { _ in TestClient(port: server.server.port, token, keepsConnection: true) }
            for _ in 0..<5 { for holder in holders { #expect(try holder.tokenState() == "ok") } }
            #expect(try visitor.isSignedIn)
            #expect(try TestClient(server).get("/sign-in").status == 200)
            #expect(effort.queue.waiting == 8)
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 303, count: 8))
    }

    @Test(
        "are few: who comes after them is asked to try again, has the form again, and nothing counted against them",
        arguments: TestDatabase.selected)
    func full(_: TestDatabase) async throws {
        holdUp()
        let first = effort.hashed
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<effort.queue.mostWaiting {
                let each = TestClient(server)
                group.addTask { try each.signIn(password: "wrong", headers: from("192.0.2.\(number)")).status }
            }
            try await waitForQueue(effort.queue.mostWaiting)
            let late = TestClient(server)
            for _ in 0..<6 {
                let refused = try late.signIn(headers: from("198.51.100.1"))
                #expect(refused.status == 503 && refused.headers["retry-after"] == "1")
                #expect(refused.body.contains("try again.") && refused.body.contains(#"value="you@example.com""#))
            }
            gate.open()
            for try await status in group { #expect(status == 422) }
            #expect(effort.hashed - first == effort.queue.mostWaiting)
            #expect(try late.signIn(headers: from("198.51.100.1")).status == 303)
        }
    }

    @Test("are none of those that are refused without looking at a password", arguments: TestDatabase.selected)
    func refusedAtOnce(_: TestDatabase) throws {
        holdUp()
        let stranger = TestClient(server)
        try stranger.get("/sign-in")
        #expect(try stranger.post("/sign-in", ["form_key": "wrong", "password": "x"]).status == 403)
        #expect(try stranger.post("/welcome/used-up", ["password": "x"]).status == 410)
        #expect(effort.queue.waiting == 0)
        gate.open()
    }

    @Test("are refused when the service stops before their turn", arguments: TestDatabase.selected)
    func stopping(_: TestDatabase) async throws {
        holdUp()
        let each = TestClient(server, over: SocketTransport(port: server.server.port))
        async let status = each.signIn().status
        try await waitForQueue(1)
        try server.server.stop()
        #expect(try await status == 503)
        gate.open()
    }
}
