import Podstack
import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@Suite("Retries and a faulty server", .blocking, .timeLimit(.minutes(3)))
struct RetryTests {
    static let user = #"{"id":"usr_1","email":"you@example.com"}"#
    static let success = response(200, user)

    static func response(_ status: Int, _ body: String, _ headers: String = "") -> String {
        "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
    }

    let events = RecordedEvents()
    /// A clock whose waits end at once, so that deadlines do not depend on how busy the machine is.
    let clock = TestClock()

    var retries: [(retry: Int, delay: Duration, reason: String)] {
        events.all.compactMap {
            if case .requestRetried(_, _, let retry, let delay, let reason) = $0 { (retry, delay, reason) } else { nil }
        }
    }

    /// Creates a server that sends responses in order, and repeats the last one.
    static func server(_ responses: [ScriptedServer.Reply]) throws -> ScriptedServer {
        let next = Mutex(responses[...])
        return try ScriptedServer(replying: { _ in
            next.withLock { $0.count > 1 ? $0.removeFirst() : $0[$0.startIndex] }
        })
    }

    func client(
        _ server: ScriptedServer, retry: RetryConfiguration = RetryConfiguration(), timeout: Duration = .seconds(20)
    ) throws -> Client {
        try Client(
            apiToken: "secret-token", apiEndpoint: "http://127.0.0.1:\(server.port)", retry: retry, timeout: timeout,
            environment: PodstackEnvironment([:]), time: clock.time, onEvent: events.append)
    }

    @Test(
        "a failure that may pass is retried",
        arguments: [
            ScriptedServer.Reply.reset, .text(""), .text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
            .text("what is this\r\n\r\n"), .text(response(500, "{}")), .text(response(503, "<html>down</html>")),
            .text(response(429, "{}", "Retry-After: 0\r\n")), .text(response(408, "")), .text(response(425, "{}")),
            .text(response(408, "<html>Request Timeout</html>", "Connection: close\r\n")),
        ])
    func passing(fault: ScriptedServer.Reply) async throws {
        let server = try Self.server([fault, fault, .text(Self.success)])
        #expect(try await client(server).auth.whoami().email == "you@example.com")
        #expect(server.received.count == 3)
        #expect(retries.map(\.retry) == [1, 2])
    }

    @Test(
        "a failure that stays is not retried",
        arguments: [400, 401, 402, 403, 404, 409, 413, 422, 501])
    func lasting(status: Int) async throws {
        let server = try Self.server([.text(Self.response(status, "{}")), .text(Self.success)])
        let error = await #expect(throws: (any Error).self) { try await client(server).auth.whoami() }
        #expect(error is any PodstackError)
        #expect(server.received.count == 1)
    }

    @Test("after the last retry the error is that of the last response")
    func exhausted() async throws {
        let server = try Self.server([.reset, .text(Self.response(503, #"{"error":{"message":"gone fishing"}}"#))])
        let error = await #expect(throws: ServerError.self) { try await client(server).auth.whoami() }
        #expect(error?.message == "gone fishing")
        #expect(server.received.count == 4)
    }

    @Test("only the failures in retryOn are retried")
    func conditions() async throws {
        let server = try Self.server([.text(Self.response(503, "{}"))])
        let configuration = RetryConfiguration(retryOn: [.rateLimit, .networkError])
        await #expect(throws: ServerError.self) { try await client(server, retry: configuration).auth.whoami() }
        await #expect(throws: ServerError.self) { try await client(server, retry: .none).auth.whoami() }
        #expect(server.received.count == 2)
    }

    @Test("Retry-After is obeyed, and a wait that would end after the deadline does not begin")
    func retryAfter() async throws {
        let soon = try Self.server([.text(Self.response(429, "{}", "Retry-After: 1\r\n")), .text(Self.success)])
        _ = try await client(soon).auth.whoami()
        #expect(retries.allSatisfy { $0.delay >= .seconds(1) && $0.delay < .milliseconds(1100) })
        #expect(retries.count == 1)
        let late = try Self.server([.text(Self.response(429, "{}", "Retry-After: 3600\r\n"))])
        let error = await #expect(throws: RateLimitError.self) { try await client(late).auth.whoami() }
        #expect(error?.retryAfter == 3600)
        #expect(late.received.count == 1)
    }

    @Test("all attempts together end at the deadline")
    func deadline() async throws {
        let server = try Self.server([.drip(Self.success, milliseconds: 50)])
        let client = try Client(
            apiToken: "secret-token", apiEndpoint: "http://127.0.0.1:\(server.port)", timeout: .milliseconds(300),
            environment: PodstackEnvironment([:]))
        let error = await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
        #expect(error?.message.hasSuffix("the request timed out") == true)
        #expect(server.received.count == 1)
    }

    @Test("a repeated POST keeps its Idempotency-Key")
    func idempotencyKey() async throws {
        let server = try Self.server([.reset, .text(Self.response(502, "{}")), .text(Self.response(422, "{}"))])
        await #expect(throws: ValidationError.self) { try await client(server).tokens.create(name: "CI") }
        let keys = server.received.map { head in
            head.split(separator: "\r\n").filter { $0.hasPrefix("Idempotency-Key: ") }.map { String($0) }
        }
        #expect(keys.count == 3)
        #expect(Set(keys).count == 1)
        #expect(keys.first?.count == 1)
    }

    @Test("an outage does not multiply the requests, because the retries of a client are limited")
    func budget() async throws {
        let server = try Self.server([.text(Self.response(503, "{}"))])
        let client = try client(server, retry: RetryConfiguration(maxRetries: 5, initialDelay: .zero))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask { await #expect(throws: ServerError.self) { try await client.auth.whoami() } }
            }
        }
        // The 100 requests, and the reserve of 100 retries.
        #expect(server.received.count == 200)
    }

    @Test("a cancellation ends the wait between two attempts")
    func cancellation() async throws {
        let server = try Self.server([.text(Self.response(503, "{}", "Retry-After: 15\r\n"))])
        let client = try Client(
            apiToken: "secret-token", apiEndpoint: "http://127.0.0.1:\(server.port)", timeout: .seconds(600),
            environment: PodstackEnvironment([:]))
        let task = Task { try await client.auth.whoami() }
        try await server.waitForRequests(1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("no event and no error contains the token")
    func nothingLeaks() async throws {
        for fault in [
            ScriptedServer.Reply.reset, .text(Self.response(401, "secret-token")), .text(Self.response(500, "")),
        ] {
            let server = try Self.server([fault])
            do { _ = try await client(server).auth.whoami() } catch {
                var dumped = ""
                dump(error, to: &dumped)
                #expect(!"\(error) \(String(reflecting: error)) \(dumped)".contains("secret-token"))
            }
        }
        #expect(!events.all.isEmpty)
        #expect(!"\(events.all)".contains("secret-token"))
    }
}
