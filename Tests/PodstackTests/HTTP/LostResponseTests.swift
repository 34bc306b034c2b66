import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

@Suite("A request whose response is lost, against a running server", .blocking, .timeLimit(.minutes(2)))
struct LostResponseTests {
    /// A transport that sends every request, and loses the first response to each method except GET.
    final class LosingTransport: Transport {
        private let real = CurlTransport(environment: PodstackEnvironment([:]))
        private let lost = Mutex<Set<String>>([])

        func send(_ request: TransportRequest) async throws -> TransportResponse {
            let response = try await real.send(request)
            if request.method != "GET", lost.withLock({ $0.insert(request.method).inserted }) {
                throw TransportFailure(reason: "the response was lost")
            }
            return response
        }
    }

    let server: RunningServer

    init() throws { server = try RunningServer() }

    func client(_ token: String, transport: (any Transport)? = nil) throws -> Client {
        try Client(
            apiToken: token, apiEndpoint: server.url, environment: PodstackEnvironment([:]), transport: transport,
            time: TestClock().time)
    }

    @Test("takes effect once and succeeds: create, change and delete a project")
    func lost() async throws {
        let token = try server.createToken()
        let losing = try client(token, transport: LosingTransport())
        let created = try await losing.projects.create(name: "training")
        #expect(try await losing.projects.update(created.id, name: "inference").name == "inference")
        try await losing.projects.delete(created.id)
        #expect(try await client(token).projects.list().all().count == 1)
    }

    @Test("takes effect once and succeeds: a token that revokes itself or another one")
    func tokens() async throws {
        let token = try server.createToken()
        let other = try await client(token).tokens.create(name: "other")
        try await client(token, transport: LosingTransport()).tokens.revoke(other.token.id)
        try await client(token, transport: LosingTransport()).auth.revoke()
        let error = await #expect(throws: AuthenticationError.self) { try await client(token).auth.whoami() }
        #expect(error?.code == .revokedToken)
    }

    @Test("is still an error for a resource that never existed, and for a token that was revoked before")
    func received() async throws {
        let token = try server.createToken()
        let client = try client(token)
        await #expect(throws: ResourceNotFoundError.self) { try await client.projects.delete("prj_nowhere") }
        try await client.auth.revoke()
        await #expect(throws: AuthenticationError.self) { try await client.auth.revoke() }
    }
}
