import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

@Suite("Logging, metrics and tracing", .timeLimit(.minutes(1)))
struct ObservabilityTests {
    final class Log: ClientLogger {
        let lines = Mutex<[(ClientLogLevel, String, [String: String])]>([])
        func log(_ level: ClientLogLevel, _ message: String, _ metadata: [String: String]) {
            lines.withLock { $0.append((level, message, metadata)) }
        }
    }

    final class Metrics: ClientMetrics {
        let lines = Mutex<[String]>([])
        func count(_ name: String, _ dimensions: [(String, String)]) { record(name, "+1", dimensions) }
        func record(_ duration: Duration, _ name: String, _ dimensions: [(String, String)]) {
            record(name, "\(duration)", dimensions)
        }
        private func record(_ name: String, _ value: String, _ dimensions: [(String, String)]) {
            let text = dimensions.map { " \($0)=\($1)" }.joined()
            lines.withLock { $0.append("\(name) \(value)\(text)") }
        }
    }

    final class Tracer: ClientTracer {
        let lines = Mutex<[String]>([])

        struct Span: ClientSpan {
            let tracer: Tracer
            var headers: [HeaderField] { [HeaderField("traceparent", "00-1-2-01")] }
            func set(_ attribute: String, to value: String) {
                tracer.lines.withLock { $0.append("\(attribute)=\(value)") }
            }
        }

        func withSpan<Value: Sendable>(
            _ name: String, _ body: @Sendable (any ClientSpan) async throws -> Value
        ) async throws -> Value {
            lines.withLock { $0.append("begin \(name)") }
            defer { lines.withLock { $0.append("end") } }
            return try await body(Span(tracer: self))
        }
    }

    let log = Log()
    let metrics = Metrics()
    let tracer = Tracer()
    let clock = TestClock()

    func client(_ transport: RecordingTransport) throws -> Client {
        var options = ClientOptions()
        (options.environment, options.transport, options.time) = (PodstackEnvironment([:]), transport, clock.time)
        (options.logger, options.metrics, options.tracer) = (log, metrics, tracer)
        options.retry.initialDelay = .zero
        return try Client(apiToken: "secret-token", options: options)
    }

    /// Returns a transport whose responses take 12.5 ms each.
    func transport(_ responses: ScriptedResponse...) -> RecordingTransport {
        let left = Mutex(responses[...])
        let clock = clock
        return RecordingTransport { _ in
            clock.advance(by: .microseconds(12_500))
            return try left.withLock { try ($0.count > 1 ? $0.removeFirst() : $0[$0.startIndex]).response() }
        }
    }

    @Test("each attempt is logged, counted and timed with its request ID, and each call is one span")
    func everything() async throws {
        let transport = transport(
            .failure(.network("it rains")), .failure(.server(status: 503)),
            .text(
                #"{"id":"abc12345","name":"CI","prefix":"p","scopes":[],"created_at":"2027-01-31T12:00:00Z","generation":1}"#,
                headers: [HeaderField("X-Request-ID", "req_7")]))
        _ = try await client(transport).tokens.get("abc12345")
        let lines = log.lines.withLock { $0 }
        #expect(
            lines.map(\.1) == [
                "GET /v1/tokens/abc12345", "GET /v1/tokens/abc12345: no response after 12.5 ms: it rains",
                "GET /v1/tokens/abc12345: it rains; retry 1 in 0.0 ms", "GET /v1/tokens/abc12345",
                "GET /v1/tokens/abc12345: HTTP 503 after 12.5 ms",
                "GET /v1/tokens/abc12345: HTTP 503; retry 2 in 0.0 ms", "GET /v1/tokens/abc12345",
                "GET /v1/tokens/abc12345: HTTP 200 after 12.5 ms",
            ])
        #expect(lines.map(\.0) == [.debug, .warning, .info, .debug, .debug, .info, .debug, .debug])
        #expect(
            lines.last?.2 == [
                "method": "GET", "path": "/v1/tokens/abc12345", "status": "200", "duration_ms": "12.5",
                "request_id": "req_7",
            ])
        let dimensions = "method=GET route=/v1/tokens/{id}"
        #expect(
            metrics.lines.withLock { $0 } == [
                "podstack.client.requests 0.0125 seconds \(dimensions) status=none",
                "podstack.client.retries +1 \(dimensions)",
                "podstack.client.requests 0.0125 seconds \(dimensions) status=503",
                "podstack.client.retries +1 \(dimensions)",
                "podstack.client.requests 0.0125 seconds \(dimensions) status=200",
            ])
        #expect(
            tracer.lines.withLock { $0 } == [
                "begin GET /v1/tokens/{id}", "http.request.method=GET", "url.template=/v1/tokens/{id}",
                "server.address=https://api.podstack.ai", "http.response.status_code=200", "podstack.request_id=req_7",
                "end",
            ])
        #expect(transport.requests.count == 3)
        #expect(transport.requests.allSatisfy { $0.headers.contains(HeaderField("traceparent", "00-1-2-01")) })
    }

    @Test("the span of a failed call has its error")
    func failedSpan() async throws {
        await #expect(throws: PermissionError.self) {
            try await client(transport(.failure(.insufficientScope("projects:create")))).projects.create(name: "x")
        }
        #expect(
            tracer.lines.withLock { $0.suffix(4) } == [
                "http.response.status_code=403", "podstack.request_id=req_00000000000000000000",
                "error.type=insufficient_scope", "end",
            ])
        await #expect(throws: NetworkError.self) {
            try await client(transport(.failure(.network("it rains", kind: .timeout)))).auth.whoami()
        }
        #expect(tracer.lines.withLock { $0.suffix(2) } == ["error.type=timeout", "end"])
    }

    @Test("nothing that is logged contains the token, also not a request ID that repeats it")
    func secrecy() async throws {
        let echo = RecordingTransport { request in
            TransportResponse(status: 500, headers: [HeaderField("X-Request-ID", "a secret-token\u{1B}[0m")], body: [])
        }
        _ = try? await client(echo).auth.whoami()
        let text = "\(log.lines.withLock { $0 }) \(metrics.lines.withLock { $0 }) \(tracer.lines.withLock { $0 })"
        #expect(!text.contains("secret-token"))
        #expect(!text.contains("\u{1B}"))
        #expect(text.contains("request_id"))
    }

    @Test(
        "a route has no ID",
        arguments: [
            ("/v1/auth/whoami", "/v1/auth/whoami"),
            ("/v1/projects/prj_1/members/usr_2/accept", "/v1/projects/{id}/members/{id}/accept"),
            ("/v1/tokens/self/rotate", "/v1/tokens/self/rotate"), ("/v1/tokens/%2E%2E", "/v1/tokens/{id}"),
        ])
    func routes(path: String, route: String) { #expect(Call.get(path).route == route) }

    @Test("a client without receivers reports no event")
    func silence() throws {
        #expect(!EventSink(ClientOptions()).isActive)
    }
}
