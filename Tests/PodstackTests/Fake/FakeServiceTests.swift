import PodstackTesting
import Testing

@testable import Podstack

@Suite("FakeService", .timeLimit(.minutes(1)))
struct FakeServiceTests {
    let service = FakeService()

    @Test("planned failures come first, and the client retries them")
    func failures() async throws {
        let client = try service.client()
        service.fail(with: .server(status: 503), times: 2)
        _ = try await client.projects.create(name: "training")
        #expect(service.requests.count == 3)
        #expect(service.clock.sleeps.count == 2)
        service.fail(with: .insufficientBalance(required: 5, available: 1))
        await #expect(throws: InsufficientBalanceError.self) { try await client.projects.create(name: "x") }
    }

    @Test("a request whose response is lost takes effect once")
    func lostResponse() async throws {
        let client = try service.client()
        service.loseResponse()
        let project = try await client.projects.create(name: "training")
        #expect(try await client.projects.list().all().map(\.name).sorted() == ["default", "training"])
        service.loseResponse()
        try await client.projects.delete(project.id)
        #expect(try await client.projects.list().all().map(\.name) == ["default"])
    }

    @Test("two services with the same calls give out the same IDs")
    func sameIDs() async throws {
        var ids: [[String]] = []
        for _ in 0..<2 {
            let client = try FakeService().client()
            ids.append([try await client.projects.create(name: "a").id, try await client.auth.whoami().id])
        }
        #expect(ids[0] == ids[1])
        #expect(ids[0][0].utf8.count == 24)
    }

    @Test("a disabled user's tokens are rejected until the user is enabled")
    func disabled() async throws {
        let client = try service.client("b@example.com")
        service.setDisabled("b@example.com")
        let error = await failure { try await client.auth.whoami() }
        #expect(error?.code == .accountDisabled)
        service.setDisabled("b@example.com", false)
        _ = try await client.auth.whoami()
    }

    @Test("a canceled request has no effect")
    func cancellation() async throws {
        let client = try service.client()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.projects.create(name: "training")
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await client.projects.list().all().count == 1)
    }

    @Test("no printed request or service contains a secret")
    func secrecy() async throws {
        let token = service.createToken()
        _ = try await service.client(token: token).auth.whoami()
        var dumped = ""
        dump(service, to: &dumped)
        let secret = token.withSecret { String($0.dropFirst(18)) }
        #expect(!"\(service.requests) \(dumped)".contains(secret))
    }
}
