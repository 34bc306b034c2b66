import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Rotation of the token in use, against a running server", .blocking, .timeLimit(.minutes(5)))
struct RotationTests {
    let server: RunningServer
    let folder: TemporaryDirectory

    init() throws {
        server = try RunningServer()
        folder = try TemporaryDirectory()
    }

    /// A transport that fails after some requests, as if the process had been killed.
    final class Failing: Transport {
        let transport = CurlTransport(environment: PodstackEnvironment([:]))
        let left: Atomic<Int>
        /// Whether the first failing request still reaches the service.
        let losesResponse: Bool

        init(after requests: Int, losesResponse: Bool) {
            left = Atomic(requests)
            self.losesResponse = losesResponse
        }

        func send(_ request: TransportRequest) async throws -> TransportResponse {
            let left = left.subtract(1, ordering: .relaxed).newValue
            if left >= 0 { return try await transport.send(request) }
            if left == -1, losesResponse { _ = try await transport.send(request) }
            throw TransportFailure(reason: "the process was killed", isRetryable: false)
        }
    }

    func environment(_ variable: String = "PODSTACK_CREDENTIALS_FILE", _ file: String = "credentials")
        -> PodstackEnvironment
    {
        PodstackEnvironment([variable: folder.file(file), "PODSTACK_API_ENDPOINT": server.url])
    }

    func write(_ token: String, to file: String = "credentials") throws {
        let path = try folder.write("# mine\n[default]\napi_token = \(token)\nproject_id = p\n", to: file)
        #expect(chmod(path, 0o600) == 0)
    }

    @Test("the file has the new token in place of the old one, and both clients keep working")
    func profile() async throws {
        let old = try server.createToken()
        try write(old)
        let client = try Client(environment: environment())
        let other = try Client(environment: environment())
        let (token, secret) = try await client.auth.rotate(grace: .zero)
        #expect(token.generation == 2)
        secret.withSecret {
            #expect(folder.read("credentials") == "# mine\n[default]\napi_token = \($0)\nproject_id = p\n")
        }
        #expect(try await client.auth.whoami().email == RunningServer.email)
        // The other client still has the old token, which has no grace period, and reads the new one.
        #expect(try await other.auth.whoami().email == RunningServer.email)
        let stale = try Client(apiToken: old, apiEndpoint: server.url, environment: PodstackEnvironment([:]))
        let error = await #expect(throws: AuthenticationError.self) { try await stale.auth.whoami() }
        #expect(error?.code == .rotatedToken)
    }

    @Test("a file that contains only a token is replaced")
    func tokenFile() async throws {
        _ = try folder.write(try server.createToken(), to: "token")
        let client = try Client(environment: environment("PODSTACK_API_TOKEN_FILE", "token"))
        let (_, secret) = try await client.auth.rotate()
        secret.withSecret { #expect(folder.read("token") == "\($0)\n") }
        #expect(folder.read("token.pending") == nil)
    }

    @Test("a pending secret of another token is never sent, and is replaced by the next rotation")
    func pendingOfAnotherToken() async throws {
        let (current, other) = (try server.createToken(), try server.createToken())
        let path = try folder.write(
            "[default]\napi_token = \(current)\npending_api_token = \(other)\n", to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        _ = try folder.write(current, to: "token")
        _ = try folder.write(other, to: "token.pending")
        for environment in [environment(), environment("PODSTACK_API_TOKEN_FILE", "token")] {
            let transport = RecordingTransport(.failure(.expiredToken()))
            let client = try Client(environment: environment, transport: transport)
            await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
            await #expect(throws: AuthenticationError.self) { try await client.auth.rotate() }
            #expect(!transport.requests.isEmpty)
            #expect(!transport.requests.contains { $0.token == APIToken(other) })
        }
        _ = try await Client(environment: environment()).auth.rotate(grace: .seconds(60))
        #expect(folder.read("credentials")?.contains(other.suffix(38)) == false)
        #expect(folder.read("credentials")?.contains("pending") == false)
    }

    @Test("a login during a rotation keeps its token")
    func loginDuringRotation() async throws {
        let (current, new) = (try server.createToken(), try server.createToken())
        try write(current)
        let folder = folder
        let curl = CurlTransport(environment: PodstackEnvironment([:]))
        let transport = RecordingTransport { request in
            let response = try await curl.send(request)
            if request.method == "GET" {
                var file = try CredentialsFile(path: folder.file("credentials"))
                try file.set(.apiToken, to: new, profile: "default")
                try file.save()
            }
            return response
        }
        _ = try await Client(environment: environment(), transport: transport).auth.rotate(grace: .seconds(60))
        #expect(folder.read("credentials") == "# mine\n[default]\napi_token = \(new)\nproject_id = p\n")
    }

    @Test("a new token or another endpoint removes the pending secret of the former one")
    func pendingOfFormerSettings() throws {
        for key in [CredentialsFile.Key.apiToken, .apiEndpoint] {
            let text = "[default]\napi_token = a\napi_endpoint = https://a\npending_api_token = b\n"
            _ = try folder.write(text, to: "credentials")
            var same = try CredentialsFile(path: folder.file("credentials"))
            let value = try #require(same.value(key, profile: "default"))
            try same.set(key, to: value, profile: "default")
            #expect(same.value(.pendingAPIToken, profile: "default") == "b")
            var changed = same
            try changed.set(key, to: "https://c", profile: "default")
            #expect(changed.value(.pendingAPIToken, profile: "default") == nil)
            try same.remove(key, profile: "default")
            #expect(same.value(.pendingAPIToken, profile: "default") == nil)
        }
    }

    @Test("a token passed as an argument is replaced in the client and returned")
    func argument() async throws {
        let client = try Client(
            apiToken: try server.createToken(), apiEndpoint: server.url, environment: PodstackEnvironment([:]))
        let (_, secret) = try await client.auth.rotate(grace: .zero)
        #expect(try await client.auth.whoami().email == RunningServer.email)
        let next = try secret.withSecret {
            try Client(apiToken: $0, apiEndpoint: server.url, environment: PodstackEnvironment([:]))
        }
        #expect(try await next.auth.whoami().token?.generation == 2)
    }

    @Test(
        "a crash at any step leaves a working token in the file",
        arguments: [(0, false), (0, true), (1, false), (1, true)], ["credentials", "token"])
    func crash(step: (requests: Int, losesResponse: Bool), file: String) async throws {
        let variable = file == "token" ? "PODSTACK_API_TOKEN_FILE" : "PODSTACK_CREDENTIALS_FILE"
        let old = try server.createToken()
        if file == "token" { _ = try folder.write(old, to: file) } else { try write(old) }
        let transport = Failing(after: step.requests, losesResponse: step.losesResponse)
        let client = try Client(environment: environment(variable, file), transport: transport)
        await #expect(throws: NetworkError.self) { try await client.auth.rotate(grace: .zero) }
        let next = try Client(environment: environment(variable, file))
        #expect(try await next.auth.whoami().email == RunningServer.email)
        // The token can be rotated again.
        try await next.auth.rotate(grace: .zero)
        let last = try Client(environment: environment(variable, file))
        #expect(try await last.auth.whoami().email == RunningServer.email)
        #expect(folder.read("credentials")?.contains("pending_api_token") != true)
    }

    /// Returns an environment with a profile whose commands store the token in a file.
    func storeByCommand(_ token: String, storing: String? = nil) throws -> PodstackEnvironment {
        let stored = try folder.write(token, to: "stored")
        let store = try folder.write(storing ?? "cat >'\(stored)'", to: "store.sh")
        let read = try folder.write(
            #"printf '{"version": 1, "api_token": "%s"}' "$(cat '\#(stored)')""#, to: "read.sh")
        let path = try folder.write(
            "[default]\ncredential_process = sh '\(read)' x\ncredential_store_process = sh '\(store)' x\n",
            to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        return environment()
    }

    @Test(
        "a store command receives the new token, and has a working one after a crash at any step",
        arguments: [(0, false), (0, true), (1, false), (1, true), (9, false)])
    func command(step: (requests: Int, losesResponse: Bool)) async throws {
        let environment = try storeByCommand(try server.createToken())
        let running = try Client(environment: environment)
        _ = try await running.auth.whoami()
        let client = try Client(
            environment: environment, transport: Failing(after: step.requests, losesResponse: step.losesResponse))
        if step.requests > 1 {
            try await client.auth.rotate(grace: .zero)
        } else {
            await #expect(throws: NetworkError.self) { try await client.auth.rotate(grace: .zero) }
        }
        #expect(try await Client(environment: environment).auth.whoami().email == RunningServer.email)
        #expect(try await running.auth.whoami().email == RunningServer.email)
        let (_, secret) = try await Client(environment: environment).auth.rotate(grace: .zero)
        secret.withSecret { #expect(folder.read("stored") == "\($0)\n") }
        #expect(try await Client(environment: environment).auth.whoami().email == RunningServer.email)
    }

    @Test("a failing store command stops the rotation before it begins, or leaves the old token working")
    func failingCommand() async throws {
        let broken = try storeByCommand(try server.createToken(), storing: "echo 'vault is sealed' >&2; exit 3")
        let transport = RecordingTransport(.failure(.invalidToken))
        let client = try Client(environment: broken, transport: transport)
        let error = await #expect(throws: ConfigurationError.self) { try await client.auth.rotate() }
        #expect(error?.message.hasSuffix("failed with status 3: vault is sealed") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("credential_store_process of \(folder.file("credentials"))") == true)
        #expect(transport.requests.isEmpty)
        let once = "[ -e '\(folder.file("once"))' ] && exit 3; touch '\(folder.file("once"))'"
        let environment = try storeByCommand(try server.createToken(), storing: once)
        await #expect(throws: ConfigurationError.self) {
            try await Client(environment: environment).auth.rotate(grace: .zero)
        }
        #expect(try await Client(environment: environment).auth.whoami().email == RunningServer.email)
    }

    @Test("a rejected rotation leaves the file unchanged")
    func refused() async throws {
        try write(try server.createToken())
        let before = folder.read("credentials")
        let client = try Client(environment: environment())
        await #expect(throws: ValidationError.self) { try await client.auth.rotate(grace: .seconds(604_801)) }
        #expect(folder.read("credentials") == before)
    }

    @Test("after a final 503 the new secret stays, because the rotation may have taken effect")
    func unavailable() async throws {
        try write(try server.createToken())
        let transport = RecordingTransport(.failure(.server(status: 503)))
        let client = try Client(retry: .none, environment: environment(), transport: transport)
        await #expect(throws: ServerError.self) { try await client.auth.rotate() }
        #expect(folder.read("credentials")?.contains("\npending_api_token = podstack_") == true)
        _ = try folder.write(try server.createToken(), to: "token")
        let mounted = try Client(
            retry: .none, environment: environment("PODSTACK_API_TOKEN_FILE", "token"), transport: transport)
        await #expect(throws: ServerError.self) { try await mounted.auth.rotate() }
        #expect(folder.read("token.pending")?.hasPrefix("podstack_") == true)
    }

    @Test("a file that cannot be written stops the rotation before it begins")
    func unwritable() async throws {
        guard getuid() != 0 else { return try await immutable() }
        try write(try server.createToken())
        #expect(chmod(folder.path, 0o500) == 0)
        defer { chmod(folder.path, 0o700) }
        try await expectNoRequest()
    }

    /// Tests as root, which may write anywhere, with a folder in place of the temporary file.
    func immutable() async throws {
        try write(try server.createToken())
        #expect(mkdir(folder.file("credentials.tmp"), 0o700) == 0)
        try await expectNoRequest()
    }

    func expectNoRequest() async throws {
        let transport = RecordingTransport(.failure(.invalidToken))
        let client = try Client(environment: environment(), transport: transport)
        await #expect(throws: ConfigurationError.self) { try await client.auth.rotate() }
        #expect(transport.requests.isEmpty)
    }

    @Test("two concurrent rotations of one file leave a working token in it")
    func twoAtOnce() async throws {
        for _ in 0..<10 {
            try write(try server.createToken())
            let clients = try (0..<2).map { _ in try Client(environment: environment()) }
            await withTaskGroup(of: Void.self) { group in
                // One rotation may fail, but the file must have a working token.
                for client in clients { group.addTask { _ = try? await client.auth.rotate(grace: .zero) } }
            }
            let next = try Client(environment: environment())
            #expect(try await next.auth.whoami().email == RunningServer.email)
            try await next.auth.revoke()
        }
    }
}
