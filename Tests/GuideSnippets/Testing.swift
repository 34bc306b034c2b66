import Podstack
import PodstackTesting

/// The snippets about testing code that uses the SDK.
enum Testing {
    @Sendable static func recording() async throws {
        // snippet
        let transport = RecordingTransport(.user(email: "you@example.com"))
        let client = try Client(apiToken: "test", environment: PodstackEnvironment([:]), transport: transport)
        let user = try await client.auth.whoami()
        print(user.email, transport.requests.map(\.method))
        // end
    }

    @Sendable static func failures() async throws {
        // snippet
        let transport = RecordingTransport(
            .failure(.rateLimited(retryAfter: 5)), .failure(.expiredToken()), .user(email: "you@example.com"))
        // end
        let client = try Client(
            apiToken: "test", environment: PodstackEnvironment([:]), transport: transport, time: TestClock().time)
        for _ in 0..<2 {
            do { print(try await client.auth.whoami().email) } catch { print(error) }
        }
    }

    @Sendable static func clock() async throws {
        let transport = RecordingTransport(.failure(.server(status: 503)))
        // snippet
        let clock = TestClock()
        let client = try Client(
            apiToken: "test", environment: PodstackEnvironment([:]), transport: transport, time: clock.time)
        _ = try? await client.auth.whoami()
        print(clock.sleeps.count)
        // end
    }

    @Sendable static func offline() async throws {
        let client = try Client(
            apiToken: "test", retry: .none, environment: PodstackEnvironment([:]), transport: OfflineTransport())
        do { _ = try await client.auth.whoami() } catch { print(error) }
    }
}

// snippet
struct OfflineTransport: Transport {
    func send(_ request: TransportRequest) async throws -> TransportResponse {
        throw TransportFailure(reason: "this machine is offline")
    }
}
// end
