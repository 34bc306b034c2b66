import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

@Suite("A token that was replaced elsewhere", .blocking, .timeLimit(.minutes(5)))
struct ReloadTests {
    let folder: TemporaryDirectory
    let events = RecordedEvents()

    init() throws { folder = try TemporaryDirectory() }

    /// Returns a transport that accepts one token.
    func service(accepting token: String) -> RecordingTransport {
        RecordingTransport { request in
            request.token == APIToken(token)
                ? TransportResponse(
                    status: 200, headers: [], body: Array(#"{"id":"u","email":"you@example.com"}"#.utf8))
                : try DocumentedFailure.rotatedToken().response()
        }
    }

    /// The client's timeout also limits reading the source again, which may take long on a busy machine.
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

    @Test("after many concurrent rejections the file is read again, and all requests succeed")
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
        #expect(transport.requests.count == before + 1, "the new token is cached")
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

    @Test("the request is not repeated when the file has the same token or has become invalid")
    func same() async throws {
        let transport = service(accepting: "new")
        let client = try client("old", transport)
        await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(transport.requests.count == 1)
        _ = try folder.write("what is this", to: "file")
        await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(transport.requests.count == 2)
    }

    @Test("the request is repeated only once")
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

    @Test("a token from a variable is not replaced by one from a file")
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

    @Test("a cancellation while the token is read again after a 401 is a cancellation")
    func canceled() async throws {
        struct Slow: CredentialProvider {
            let isAsked = AsyncStream.makeStream(of: Void.self)
            func credential(insteadOf refused: APIToken?) async throws -> Credential {
                guard refused != nil else { return Credential(APIToken("old")) }
                isAsked.continuation.yield()
                try await Task.sleep(for: .seconds(600))
                return Credential(APIToken("new"))
            }
        }
        let provider = Slow()
        let client = try Client(
            credentials: provider, timeout: generous, environment: PodstackEnvironment([:]),
            transport: service(accepting: "new"))
        let task = Task { try await client.auth.whoami() }
        for await _ in provider.isAsked.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a provider is asked for the first token and after a rejection")
    func provider() async throws {
        struct Counting: CredentialProvider {
            let page = Shared()
            final class Shared: Sendable { let tokens = Mutex<[APIToken?]>([]) }

            func credential(insteadOf refused: APIToken?) async throws -> Credential {
                page.tokens.withLock { $0.append(refused) }
                return Credential(APIToken(refused == nil ? "old" : "new"))
            }
        }
        let provider = Counting()
        let client = try Client(
            credentials: provider, timeout: generous, environment: PodstackEnvironment([:]),
            transport: service(accepting: "new"),
            onEvent: events.append)
        #expect(try await client.auth.whoami().email == "you@example.com")
        #expect(provider.page.tokens.withLock { $0 } == [nil, APIToken("old")])
        #expect(events.all.contains(.tokenReloaded(origin: "credentials:")))
    }
}
