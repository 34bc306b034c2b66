import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

/// The second and later tries of a call.
@Suite("Later tries of a call", .timeLimit(.minutes(1)))
struct RetryDelayTests {
    let clock = TestClock()

    func client(_ transport: RecordingTransport, timeout: Duration = .seconds(20)) throws -> Client {
        try Client(
            apiToken: "secret-token", retry: RetryConfiguration(initialDelay: .zero), timeout: timeout,
            environment: PodstackEnvironment([:]), transport: transport, time: clock.time)
    }

    @Test("the second try has only the time that is left until the call's deadline")
    func deadline() async throws {
        let clock = clock
        let transport = RecordingTransport { _ in
            // Each try takes six seconds.
            clock.advance(by: .seconds(6))
            return TransportResponse(status: 503, headers: [], body: [])
        }
        await #expect(throws: ServerError.self) { try await client(transport).auth.whoami() }
        #expect(transport.requests.map(\.timeout) == [.seconds(20), .seconds(14), .seconds(8), .seconds(2)])
    }

    @Test("a deletion that was refused with 429 and then finds nothing is not a success")
    func deletionAfterRefusal() async throws {
        let missing = #"{"error":{"code":"not_found","message":"no such project"}}"#
        let transport = RecordingTransport(
            .text("{}", status: 429, headers: [HeaderField("Retry-After", "0")]), .text(missing, status: 404))
        await #expect(throws: ResourceNotFoundError.self) { try await client(transport).projects.delete("prj_1") }
        #expect(transport.requests.map(\.method) == ["DELETE", "DELETE"])
    }

    @Test("a deletion whose first response was lost and that then finds nothing is a success")
    func deletionAfterLoss() async throws {
        let missing = #"{"error":{"code":"not_found","message":"no such project"}}"#
        let transport = RecordingTransport(.text("", status: 502), .text(missing, status: 404))
        try await client(transport).projects.delete("prj_1")
        #expect(transport.requests.count == 2)
    }

    @Test(
        "a number that no arithmetic can represent is a long wait, and no crash",
        arguments: [
            "9223372036854775807.5", "9223372036854775807", "18446744073709551616", "9223372036854775806.9999999999",
            String(repeating: "9", count: 400) + ".9", "0.\(String(repeating: "9", count: 400))",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ])
    func longest(value: String) async throws {
        let response = ScriptedResponse.text("{}", status: 429, headers: [HeaderField("Retry-After", value)])
        let once = RecordingTransport(response)
        let client = try Client(
            apiToken: "secret-token", retry: .none, environment: PodstackEnvironment([:]), transport: once,
            time: clock.time)
        let error = await #expect(throws: RateLimitError.self) { try await client.auth.whoami() }
        let wait = try #require(error?.retryAfter)
        #expect((0...3_000_000_000).contains(wait))
        #expect("\(String(describing: error))".isEmpty == false)
        let retried = RecordingTransport(response)
        await #expect(throws: RateLimitError.self) { try await self.client(retried).auth.whoami() }
    }

    @Test("a list whose pages are empty and have a new cursor each ends with an error")
    func endlessList() async throws {
        let count = Atomic(0)
        let transport = RecordingTransport { _ in
            let number = count.add(1, ordering: .relaxed).newValue
            return TransportResponse(
                status: 200, headers: [], body: Array(#"{"projects":[],"next_cursor":"c\#(number)"}"#.utf8))
        }
        let error = await #expect(throws: NetworkError.self) { try await client(transport).projects.list().all() }
        #expect(error?.kind == .invalidResponse)
        #expect(transport.requests.count == 100)
    }

    @Test("a duration in whole seconds has a limit", arguments: [Duration.seconds(1e20), .seconds(-1e20)])
    func wholeSeconds(duration: Duration) { #expect(abs(duration.wholeSeconds) == 10_000_000_000) }

    @Test(
        "dots in an ID are encoded: no URL parser takes them for a folder", arguments: [".", "..", "../tokens", "a.b"])
    func dots(id: String) async throws {
        let transport = RecordingTransport(.text("{}", status: 404))
        _ = try? await client(transport).tokens.get(id)
        guard id != "../tokens" else {
            // A slash is never part of an ID.
            #expect(transport.requests.isEmpty)
            return
        }
        let path = id.replacing(".", with: "%2E")
        #expect(transport.requests.map(\.url).map { $0.hasSuffix("/v1/tokens/\(path)") } == [true])
    }
}
