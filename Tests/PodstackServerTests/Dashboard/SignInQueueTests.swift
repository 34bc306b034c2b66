import PodstackTestSupport
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite("The password queue", .blocking, .everyDatabase)
struct SignInQueueTests {
    let server: RunningServer
    let visitor: PageVisitor
    let gate = Gate()
    var effort: PasswordEffort { visitor.service.signIn.effort }

    init() throws {
        server = try .anywhere()
        visitor = try PageVisitor(signedUpAt: server)
    }

    /// Occupies the queue, as a long hash does, until the gate is opened.
    private func holdUp() {
        let isTaken = effort.queue.add { [gate] in gate.pass() }
        #expect(isTaken)
        #expect(gate.holds(1))
    }

    private func waits(_ count: Int) -> Bool {
        for _ in 0..<6000 where effort.queue.waiting != count { usleep(10_000) }
        return effort.queue.waiting == count
    }

    @Test("does not delay tokens, pages and signed-in users")
    func others() async throws {
        holdUp()
        let token = try server.makeToken()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                let each = PageVisitor(server)
                group.addTask { try each.signIn(headers: from("192.0.2.\(number)")).status }
            }
            #expect(waits(8))
            // The listener has two threads.
            let holders = (0..<6).map { _ in Holder(token, at: server.server.port) }
            for _ in 0..<5 { for holder in holders { #expect(try holder.whoami() == "ok") } }
            #expect(try visitor.isSignedIn)
            #expect(try PageVisitor(server).get("/sign-in").status == 200)
            #expect(effort.queue.waiting == 8)
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 303, count: 8))
    }

    @Test("rejects a client when it is full, keeps the form and does not count an attempt")
    func full() async throws {
        holdUp()
        let first = effort.hashed
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<effort.queue.mostWaiting {
                let each = PageVisitor(server)
                group.addTask { try each.signIn(password: "wrong", headers: from("192.0.2.\(number)")).status }
            }
            #expect(waits(effort.queue.mostWaiting))
            let late = PageVisitor(server)
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

    @Test("is not used by requests that are rejected without a password check")
    func refusedAtOnce() throws {
        holdUp()
        let stranger = PageVisitor(server)
        try stranger.get("/sign-in")
        #expect(try stranger.post("/sign-in", ["form_key": "wrong", "password": "x"]).status == 403)
        #expect(try stranger.post("/welcome/used-up", ["password": "x"]).status == 410)
        #expect(effort.queue.waiting == 0)
        gate.open()
    }

    @Test("rejects waiting requests when the service stops")
    func stopping() async throws {
        holdUp()
        let each = PageVisitor(server)
        async let status = each.signIn().status
        #expect(waits(1))
        try server.server.stop()
        #expect(try await status == 503)
        gate.open()
    }
}
