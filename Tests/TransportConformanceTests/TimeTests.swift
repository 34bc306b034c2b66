import PodstackTestSupport
import Testing

@testable import Podstack
@testable import PodstackTransport

@Suite("A transport's request ends", .blocking, .timeLimit(.minutes(5)))
struct TimeTests {
    /// The transports and what the server does.
    ///
    /// A transport that ends the process if a head breaks off may also do so if the timeout passes in the middle of
    /// one.
    static let deadlines = TransportUnderTest.all.flatMap { subject in
        (["nothing", "drip of the body"]
            + (subject.has(.diesOfOddResponses) ? [] : ["half a head", "drip of the head", "interim responses"]))
            .map { (subject, $0) }
    }

    @Test("at its timeout, whatever the server sends", arguments: deadlines)
    func deadline(_ subject: TransportUnderTest, behavior: String) async throws {
        let drip = (0..<500).flatMap { _ in [WireServer.Step.text("x"), .pause(milliseconds: 20)] }
        let server = try WireServer { _ in
            switch behavior {
            case "half a head": [.text("HTTP/1.1 200 OK\r\nContent-"), .hang]
            case "drip of the head": [.text("HTTP/1.1 200 OK\r\nX: ")] + drip
            case "drip of the body": [.text("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")] + drip
            case "interim responses":
                (0..<500).flatMap { _ in [.text("HTTP/1.1 102 X\r\n\r\n"), .pause(milliseconds: 20)] }
            default: [.hang]
            }
        }
        let start = ContinuousClock.now
        // A timeout that restarted with each piece would let the drip end, after ten seconds, in an incomplete response.
        let failure = await subject.transport().failure(TransportRequest(server.url, timeout: .milliseconds(300)))
        #expect(failure == .timedOut)
        #expect(ContinuousClock.now - start >= .milliseconds(290))
    }

    @Test("at once if its timeout is not positive", arguments: TransportUnderTest.all, [Duration.zero, .seconds(-5)])
    func noTime(_ subject: TransportUnderTest, timeout: Duration) async throws {
        let server = try WireServer { _ in [.hang] }
        let failure = await subject.transport().failure(TransportRequest(server.url, timeout: timeout))
        #expect(failure == .timedOut)
    }

    @Test("with its response also if its timeout is the longest possible", arguments: TransportUnderTest.all)
    func endlessTime(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response()] }
        let request = TransportRequest(server.url, timeout: .seconds(Int64.max))
        #expect(try await subject.transport().send(request).status == 200)
    }

    @Test("if its task is canceled: before, while it waits, after its response", arguments: TransportUnderTest.all)
    func cancellation(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { $0.target == "/fast" ? [.response()] : [.hang] }
        let transport = subject.transport()
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await transport.send(TransportRequest(server.url + "/early"))
        }
        await #expect(throws: CancellationError.self) { try await early.value }
        let waiting = Task { try await transport.send(TransportRequest(server.url + "/slow")) }
        try await server.waitForRequests(1)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let done = Task { try await transport.send(TransportRequest(server.url + "/fast")) }
        #expect(try await done.value.status == 200)
        done.cancel()
        #expect(server.requests.map(\.target) == ["/slow", "/fast"])
    }

    @Test("if its task is canceled in the middle of a body", arguments: TransportUnderTest.all)
    func cancelledBody(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), .hang] }
        let transport = subject.transport()
        let task = Task { try await transport.send(TransportRequest(server.url)) }
        try await server.waitForRequests(1)
        // Usually enough for the first half of the body to arrive; the test passes either way.
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("alone: other requests under way continue", arguments: TransportUnderTest.all)
    func cancellationAmongMany(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.pause(milliseconds: 2), .response()] }
        let transport = subject.transport()
        await withTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    let task = Task { try await transport.send(TransportRequest(server.url)) }
                    if index.isMultiple(of: 2) { task.cancel() }
                    switch await task.result {
                    case .success(let response): #expect(response.status == 200)
                    case .failure(let error): #expect(error is CancellationError && index.isMultiple(of: 2))
                    }
                }
            }
        }
    }

    @Test("before its transport, even if nothing else refers to that", arguments: TransportUnderTest.all)
    func transportGoes(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response()] }
        for _ in 0..<50 { #expect(try await subject.transport().send(TransportRequest(server.url)).status == 200) }
    }
}
