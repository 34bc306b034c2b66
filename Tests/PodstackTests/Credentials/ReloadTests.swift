import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

@Suite("A token that was replaced elsewhere", .blocking)
struct ReloadTests {
    let folder: TemporaryDirectory
    let events = RecordedEvents()

    init() throws { folder = try TemporaryDirectory() }

    /// Accepts one token only.
    func service(accepting token: String) -> RecordingTransport {
        RecordingTransport { request in
            request.token == APIToken(token)
                ? TransportResponse(
                    status: 200, headers: [], body: Array(#"{"id":"u","email":"you@example.com"}"#.utf8))
                : try DocumentedFailure.rotatedToken().response()
        }
    }

    /// A source that is asked again has the time of the client, which a busy machine may take.
    let generous = Duration.seconds(600)

    func client(_ token: String, _ transport: RecordingTransport, variable: String = "PODSTACK_CREDENTIALS_FILE") throws
        -> Client
    {
        try write(token)
        return try Client(
            timeout: generous, environment: PodstackEnvironment([variable: folder.file("file")]), transport: transport,
            onEvent: events.append)
    }

    func write(_ token: String) throws { _ = try folder.write("[default]\napi_token = \(token)\n", to: "file") }

    var reloads: Int {
        events.all.filter { if case .tokenReloaded = $0 { true } else { false } }.count
    }

    @Test("many requests that are refused at once read the file, and all succeed")
    func many() async throws {
        let transport = service(accepting: "new")
        let client = try client("old", transport)
        try write("new")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<200 { group.addTask { _ = try await client.auth.whoami() } }
            try await group.waitForAll()
        }
        #expect(reloads >= 1)
        let before = transport.requests.count
        _ = try await client.auth.whoami()
        #expect(transport.requests.count == before + 1, "the new one is kept")
    }

    @Test("a mounted secret that was replaced is read again")
    func mounted() async throws {
        _ = try folder.write("old\n", to: "mounted")
        let client = try Client(
            timeout: generous, environment: PodstackEnvironment(["PODSTACK_API_TOKEN_FILE": folder.file("mounted")]),
            transport: service(accepting: "new"))
        _ = try folder.write("new\n", to: "mounted")
        #expect(try await client.auth.whoami().email == "you@example.com")
    }

    @Test("a file that holds the same token still is not tried twice, nor one that is broken now")
    func same() async throws {
        let transport = service(accepting: "new")
        let client = try client("old", transport)
        await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(transport.requests.count == 1)
        _ = try folder.write("what is this", to: "file")
        await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(transport.requests.count == 2)
    }

    @Test("the request is repeated once, not for ever")
    func onceOnly() async throws {
        let count = Mutex(0)
        let path = folder.file("file")
        let transport = RecordingTransport { _ in
            let next = count.withLock {
                $0 += 1
                return $0
            }
            _ = try? TemporaryDirectory.replace(path, with: "[default]\napi_token = t\(next)\n")
            return try DocumentedFailure.invalidToken.response()
        }
        let client = try client("t0", transport)
        await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(transport.requests.count == 2)
    }

    @Test("a token that was passed, or came from a variable, is not looked for in a file")
    func explicit() async throws {
        let transport = service(accepting: "new")
        try write("new")
        let client = try Client(
            timeout: generous,
            environment: PodstackEnvironment([
                "PODSTACK_API_TOKEN": "old", "PODSTACK_CREDENTIALS_FILE": folder.file("file"),
            ]), transport: transport)
        let error = await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(transport.requests.count == 1)
        #expect(
            error?.hint == "It was rotated at 2026-01-01T00:00:00Z; use the token that replaced it. "
                + "The token came from PODSTACK_API_TOKEN. A different token is in \(folder.file("file")):2 [default]")
    }

    @Test("a provider is asked for each first token and after each refusal")
    func provider() async throws {
        struct Counting: CredentialProvider {
            let asked = Shared()
            final class Shared: Sendable { let tokens = Mutex<[APIToken?]>([]) }

            func credential(insteadOf refused: APIToken?) async throws -> Credential {
                asked.tokens.withLock { $0.append(refused) }
                return Credential(APIToken(refused == nil ? "old" : "new"))
            }
        }
        let provider = Counting()
        let client = try Client(
            credentials: provider, timeout: generous, environment: PodstackEnvironment([:]),
            transport: service(accepting: "new"),
            onEvent: events.append)
        #expect(try await client.auth.whoami().email == "you@example.com")
        #expect(provider.asked.tokens.withLock { $0 } == [nil, APIToken("old")])
        #expect(events.all.contains(.tokenReloaded(origin: "credentials:")))
    }
}
