import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Rotation of the token in use, against a running server", .blocking)
struct RotationTests {
    let server: RunningServer
    let folder: TemporaryDirectory

    init() throws {
        server = try RunningServer()
        folder = try TemporaryDirectory()
    }

    /// Lets so many requests through; then the process might as well be dead.
    final class Failing: Transport {
        let transport = CurlTransport(environment: PodstackEnvironment([:]))
        let left: Atomic<Int>
        /// The last request arrives, and its answer is lost.
        let losesAnswer: Bool

        init(after requests: Int, losesAnswer: Bool) {
            left = Atomic(requests)
            self.losesAnswer = losesAnswer
        }

        func send(_ request: TransportRequest) async throws -> TransportResponse {
            let left = left.subtract(1, ordering: .relaxed).newValue
            if left >= 0 { return try await transport.send(request) }
            if left == -1, losesAnswer { _ = try await transport.send(request) }
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

    @Test("the file holds the new token in the place of the old one, and both clients go on")
    func profile() async throws {
        let old = try server.makeToken()
        try write(old)
        let client = try Client(environment: environment())
        let other = try Client(environment: environment())
        let (token, secret) = try await client.auth.rotate(grace: .zero)
        #expect(token.generation == 2)
        secret.withSecret {
            #expect(folder.read("credentials") == "# mine\n[default]\napi_token = \($0)\nproject_id = p\n")
        }
        #expect(try await client.auth.whoami().email == RunningServer.email)
        // It still has the old one, which has no grace, and finds the new one by itself.
        #expect(try await other.auth.whoami().email == RunningServer.email)
        let stale = try Client(apiToken: old, apiEndpoint: server.url, environment: PodstackEnvironment([:]))
        let error = await #expect(throws: AuthenticationError.self) { try await stale.auth.whoami() }
        #expect(error?.code == .rotatedToken)
    }

    @Test("a file that holds just a token is replaced too")
    func tokenFile() async throws {
        _ = try folder.write(try server.makeToken(), to: "token")
        let client = try Client(environment: environment("PODSTACK_API_TOKEN_FILE", "token"))
        let (_, secret) = try await client.auth.rotate()
        secret.withSecret { #expect(folder.read("token") == "\($0)\n") }
        #expect(folder.read("token.pending") == nil)
    }

    @Test("a token that was passed is replaced in the client, and given to the caller")
    func argument() async throws {
        let client = try Client(
            apiToken: try server.makeToken(), apiEndpoint: server.url, environment: PodstackEnvironment([:]))
        let (_, secret) = try await client.auth.rotate(grace: .zero)
        #expect(try await client.auth.whoami().email == RunningServer.email)
        let next = try secret.withSecret {
            try Client(apiToken: $0, apiEndpoint: server.url, environment: PodstackEnvironment([:]))
        }
        #expect(try await next.auth.whoami().token?.generation == 2)
    }

    @Test(
        "a crash at any step leaves a token in the file that works",
        arguments: [(0, false), (0, true), (1, false), (1, true)], ["credentials", "token"])
    func crash(step: (requests: Int, losesAnswer: Bool), file: String) async throws {
        let variable = file == "token" ? "PODSTACK_API_TOKEN_FILE" : "PODSTACK_CREDENTIALS_FILE"
        let old = try server.makeToken()
        if file == "token" { _ = try folder.write(old, to: file) } else { try write(old) }
        let transport = Failing(after: step.requests, losesAnswer: step.losesAnswer)
        let client = try Client(environment: environment(variable, file), transport: transport)
        await #expect(throws: NetworkError.self) { try await client.auth.rotate(grace: .zero) }
        let next = try Client(environment: environment(variable, file))
        #expect(try await next.auth.whoami().email == RunningServer.email)
        // And it can be rotated again, as if nothing had been.
        try await next.auth.rotate(grace: .zero)
        let last = try Client(environment: environment(variable, file))
        #expect(try await last.auth.whoami().email == RunningServer.email)
        #expect(folder.read("credentials")?.contains("pending_api_token") != true)
    }

    /// A profile whose token two commands keep in a file.
    func keepByCommand(_ token: String, storing: String? = nil) throws -> PodstackEnvironment {
        let kept = try folder.write(token, to: "kept")
        let store = try folder.write(storing ?? "cat >'\(kept)'", to: "store.sh")
        let read = try folder.write(
            #"printf '{"version": 1, "api_token": "%s"}' "$(cat '\#(kept)')""#, to: "read.sh")
        let path = try folder.write(
            "[default]\ncredential_process = sh '\(read)' x\ncredential_store_process = sh '\(store)' x\n",
            to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        return environment()
    }

    @Test(
        "a command that keeps the token is given the new one, and has one that works after a crash at any step",
        arguments: [(0, false), (0, true), (1, false), (1, true), (9, false)])
    func command(step: (requests: Int, losesAnswer: Bool)) async throws {
        let environment = try keepByCommand(try server.makeToken())
        let running = try Client(environment: environment)
        _ = try await running.auth.whoami()
        let client = try Client(
            environment: environment, transport: Failing(after: step.requests, losesAnswer: step.losesAnswer))
        if step.requests > 1 {
            try await client.auth.rotate(grace: .zero)
        } else {
            await #expect(throws: NetworkError.self) { try await client.auth.rotate(grace: .zero) }
        }
        #expect(try await Client(environment: environment).auth.whoami().email == RunningServer.email)
        #expect(try await running.auth.whoami().email == RunningServer.email)
        let (_, secret) = try await Client(environment: environment).auth.rotate(grace: .zero)
        secret.withSecret { #expect(folder.read("kept") == "\($0)\n") }
        #expect(try await Client(environment: environment).auth.whoami().email == RunningServer.email)
    }

    @Test("a command that cannot keep the token stops the rotation before it begins, or leaves the old one working")
    func failingCommand() async throws {
        let broken = try keepByCommand(try server.makeToken(), storing: "echo 'vault is sealed' >&2; exit 3")
        let transport = RecordingTransport(.failure(.invalidToken))
        let client = try Client(environment: broken, transport: transport)
        let error = await #expect(throws: ConfigurationError.self) { try await client.auth.rotate() }
        #expect(error?.message.hasSuffix("failed with status 3: vault is sealed") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("credential_store_process of \(folder.file("credentials"))") == true)
        #expect(transport.requests.isEmpty)
        let once = "[ -e '\(folder.file("once"))' ] && exit 3; touch '\(folder.file("once"))'"
        let environment = try keepByCommand(try server.makeToken(), storing: once)
        await #expect(throws: ConfigurationError.self) {
            try await Client(environment: environment).auth.rotate(grace: .zero)
        }
        #expect(try await Client(environment: environment).auth.whoami().email == RunningServer.email)
    }

    @Test("a rotation that is refused leaves the file as it was")
    func refused() async throws {
        try write(try server.makeToken())
        let before = folder.read("credentials")
        let client = try Client(environment: environment())
        await #expect(throws: ValidationError.self) { try await client.auth.rotate(grace: .seconds(604_801)) }
        #expect(folder.read("credentials") == before)
    }

    @Test("a file that cannot be written stops the rotation before it begins")
    func unwritable() async throws {
        guard getuid() != 0 else { return try await immutable() }
        try write(try server.makeToken())
        #expect(chmod(folder.path, 0o500) == 0)
        defer { chmod(folder.path, 0o700) }
        try await isRefusedBeforeAnythingIsSent()
    }

    /// Root may write anywhere, but not beside a file whose temporary name is a folder.
    func immutable() async throws {
        try write(try server.makeToken())
        #expect(mkdir(folder.file("credentials.tmp"), 0o700) == 0)
        try await isRefusedBeforeAnythingIsSent()
    }

    func isRefusedBeforeAnythingIsSent() async throws {
        let transport = RecordingTransport(.failure(.invalidToken))
        let client = try Client(environment: environment(), transport: transport)
        await #expect(throws: ConfigurationError.self) { try await client.auth.rotate() }
        #expect(transport.requests.isEmpty)
    }

    @Test("two who rotate the same file at once leave a token in it that works")
    func twoAtOnce() async throws {
        for _ in 0..<10 {
            try write(try server.makeToken())
            let clients = try (0..<2).map { _ in try Client(environment: environment()) }
            await withTaskGroup(of: Void.self) { group in
                // One may lose to the other; the file must not.
                for client in clients { group.addTask { _ = try? await client.auth.rotate(grace: .zero) } }
            }
            let next = try Client(environment: environment())
            #expect(try await next.auth.whoami().email == RunningServer.email)
            try await next.auth.revoke()
        }
    }
}
