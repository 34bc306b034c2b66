import Podstack
import PodstackTestSupport
import Testing

@Suite("CurlTransport and a faulty server", .blocking, .timeLimit(.minutes(2)))
struct CurlTransportTests {
    func client(_ port: UInt16, timeout: Duration = .seconds(20)) throws -> Client {
        try Client(
            apiToken: "secret-token", apiEndpoint: "http://127.0.0.1:\(port)", retry: .none, timeout: timeout,
            environment: PodstackEnvironment([:]))
    }

    @Test("a canceled task ends at once, before and after its request was sent")
    func cancellation() async throws {
        let silent = try ScriptedServer { _ in nil }
        let client = try client(silent.port)
        let task = Task { try await client.auth.whoami() }
        try await silent.waitForRequests(1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.auth.whoami()
        }
        await #expect(throws: CancellationError.self) { try await early.value }
    }

    @Test("a request without a response ends at its timeout")
    func deadline() async throws {
        let silent = try ScriptedServer { _ in nil }
        let client = try client(silent.port, timeout: .milliseconds(200))
        let error = await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
        #expect(error?.message.contains("timed out") == true)
    }

    @Test("a redirect is not followed, so the other host receives nothing")
    func redirect() async throws {
        let thief = try ScriptedServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
        let port = thief.port
        let server = try ScriptedServer { _ in
            "HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:\(port)/v1/auth/whoami\r\nContent-Length: 0\r\n\r\n"
        }
        await #expect(throws: ServerError.self) { try await client(server.port).auth.whoami() }
        #expect(thief.received.isEmpty)
        #expect(server.received.first?.contains("Authorization: Bearer secret-token") == true)
    }

    @Test(
        "a response that is not the API's is an error with its status and first words",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<html>hi</html>",
            "HTTP/1.1 502 Bad\r\nContent-Length: 15\r\n\r\n<html>hi</html>",
        ])
    func notTheAPI(response: String) async throws {
        let server = try ScriptedServer { _ in response }
        let error = await #expect(throws: ServerError.self) { try await client(server.port).auth.whoami() }
        #expect(error?.message.contains("<html>hi</html>") == true)
        #expect(error?.message.contains("secret-token") == false)
    }

    @Test("an incomplete response is a NetworkError")
    func cutOff() async throws {
        let server = try ScriptedServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf" }
        await #expect(throws: NetworkError.self) { try await client(server.port).auth.whoami() }
    }

    @Test("a proxy of the process's environment is ignored if the client has another environment")
    func noAmbientProxy() async throws {
        let server = try RunningServer()
        let client = try Client(
            apiToken: try server.createToken(), apiEndpoint: server.url,
            environment: PodstackEnvironment(["http_proxy": "http://127.0.0.1:1"]))
        await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
        let direct = try Client(
            apiToken: try server.createToken(), apiEndpoint: server.url,
            environment: PodstackEnvironment(["http_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"]))
        #expect(try await direct.auth.whoami().email == RunningServer.email)
    }
}
