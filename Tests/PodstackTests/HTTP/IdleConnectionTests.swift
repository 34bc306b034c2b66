import PodstackTestSupport
import Testing

@testable import Podstack
@testable import PodstackTransport

#if canImport(Glibc)
    import Glibc
#endif

/// Connections stay registered with epoll between two requests; events on them must not lose a response.
@Suite("Idle connections of CurlTransport", .blocking, .timeLimit(.minutes(5)))
struct IdleConnectionTests {
    func request(_ url: String) -> TransportRequest {
        TransportRequest(
            method: "GET", url: url, credential: TransportCredential(bearer: "secret-token"), timeout: .seconds(120))
    }

    /// Returns the body of the response; nil if the service closed the connection at the same moment.
    func ask(_ transport: some Transport, _ url: String) async throws -> String? {
        do { return String(decoding: try await transport.send(request(url)).body, as: UTF8.self) } catch {
            // A request that misses its event would time out.
            let failure = try #require(error as? TransportFailure)
            #expect(failure != .timedOut)
            #expect(failure.isRetryable)
            return nil
        }
    }

    @Test("that the service closes are replaced, and their numbers with them")
    func closedWhileIdle() async throws {
        let silent = try LoopbackListener(nil)
        let closing = try WireServer { _ in [.response(), .close] }
        let transport = CurlTransport(environment: PodstackEnvironment([:]))
        // Keeps the loop busy, so that it handles the end of idle connections.
        let waiting = Task { try await transport.send(request("http://127.0.0.1:\(silent.port)")) }
        for round in 1...30 {
            let response = try await ask(transport, closing.url)
            // With a pause the loop handles the end of the connection first; without one, the next request may.
            if round.isMultiple(of: 2) { try await Task.sleep(for: .milliseconds(10)) }
            if response != nil { #expect(response == "{}") }
            // The old connection is closed before there is a new one.
            #expect(CurlHandleTests.connections(to: closing.port).count <= 1)
        }
        #expect(closing.connections >= 15)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test("can be many, to services that close them and others that do not, while other files reuse their numbers")
    func manyAtOnce() async throws {
        let closing = try WireServer { request in
            let pause = WireServer.Step.pause(milliseconds: UInt32.random(in: 0...2))
            return [.response(request.target)] + (request.number.isMultiple(of: 3) ? [pause, .close] : [])
        }
        let keeping = try WireServer { [.response($0.target)] }
        let transport = CurlTransport(environment: PodstackEnvironment([:]))
        let received = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<48 {
                group.addTask {
                    var received = 0
                    for round in 0..<40 {
                        let server = (worker + round).isMultiple(of: 2) ? closing : keeping
                        let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
                        defer { close(file) }
                        guard let response = try await ask(transport, "\(server.url)/\(worker)-\(round)") else {
                            continue
                        }
                        #expect(response == "/\(worker)-\(round)")
                        received += 1
                    }
                    return received
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(received > 960)
    }

    @Test("can be to names that are looked up")
    func names() async throws {
        var name = [CChar](repeating: 0, count: 256)
        try #require(gethostname(&name, 255) == 0)
        let machine = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let server = try WireServer { _ in [.response()] }
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Each transport looks up a name once. The last label is longer than allowed, so no DNS server is asked.
            let unknown = String(repeating: "x", count: 64)
            for index in 0..<20 {
                group.addTask {
                    let transport = CurlTransport(environment: PodstackEnvironment([:]))
                    for round in 0..<10 {
                        let wrong = await #expect(throws: TransportFailure.self) {
                            try await transport.send(request("http://\(index)-\(round).\(unknown)"))
                        }
                        #expect(wrong != .timedOut)
                        // If the name has another address than loopback, no server listens there.
                        if let response = try await ask(transport, "http://\(machine):\(server.port)") {
                            #expect(response == "{}")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
