import Podstack
import PodstackTesting

/// The snippets about testing code that uses the SDK.
enum Testing {
    @Sendable static func service() async throws {
        // snippet
        let service = FakeService()
        let client = try service.client(scopes: [.projectsRead, .projectsCreate])
        let project = try await client.projects.create(name: "training")
        print(try await client.projects.list().all().map(\.name))
        // end
        print(project.id)
    }

    @Sendable static func time() async throws {
        // snippet
        let service = FakeService()
        let client = try service.client()
        service.clock.advance(by: .seconds(31 * 86_400))
        do { _ = try await client.auth.whoami() } catch { print(error) }
        // end
    }

    @Sendable static func faults() async throws {
        // snippet
        let service = FakeService()
        let client = try service.client()
        service.fail(with: .server(status: 503), times: 2)
        service.loseResponse()
        _ = try await client.projects.create(name: "training")
        print(service.requests.count)
        // end
    }

    @Sendable static func samples() async throws {
        // snippet
        let token = Token.sample
        let error = PermissionError("Access denied to resource", code: .insufficientScope)
        print(token.name, error.message)
        // end
    }

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
