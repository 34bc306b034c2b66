public import Podstack
import PodstackAPI
import Synchronization

// MARK: - Transport

/// A transport that responds to requests without a network, and records them.
///
/// ```swift
/// let transport = RecordingTransport(.user(email: "you@example.com"))
/// let client = try Client(apiToken: "test", environment: PodstackEnvironment([:]), transport: transport)
/// let user = try await client.auth.whoami()
/// #expect(transport.requests.map(\.method) == ["GET"])
/// ```
public final class RecordingTransport: Transport {
    private let respond: @Sendable (TransportRequest) async throws -> TransportResponse
    private let recorded = Mutex<[TransportRequest]>([])

    /// Creates a transport that calls a closure for each request.
    ///
    /// - Parameter respond: A closure that returns the response. An error that it throws is the transport's error; a
    ///   `TransportFailure` means that no response arrived.
    public init(responding respond: @escaping @Sendable (TransportRequest) async throws -> TransportResponse) {
        self.respond = respond
    }

    /// Creates a transport that returns responses in order, and repeats the last one.
    ///
    /// - Parameter responses: The responses.
    public convenience init(_ responses: ScriptedResponse...) {
        let left = Mutex(responses[...])
        self.init { _ in
            let next = left.withLock { $0.count > 1 ? $0.removeFirst() : $0.first }
            guard let next else { throw TransportFailure(reason: "the test provided no response") }
            return try next.response()
        }
    }

    /// Records a request and returns its response.
    ///
    /// - Parameter request: The request.
    /// - Returns: The response.
    /// - Throws: The error of the closure, or of the scripted response.
    public func send(_ request: TransportRequest) async throws -> TransportResponse {
        recorded.withLock { $0.append(request) }
        return try await respond(request)
    }

    /// The requests in the order in which they were sent.
    ///
    /// Printing them shows no secret.
    public var requests: [TransportRequest] { recorded.withLock { $0 } }
}

// MARK: - Responses

/// A response that a ``RecordingTransport`` returns.
public enum ScriptedResponse: Sendable {
    /// A response.
    case response(TransportResponse)
    /// A documented failure.
    case failure(DocumentedFailure)

    /// Returns a response whose body is a value as JSON, as the service would encode it.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - status: The status (default: 200).
    ///   - headers: Headers besides `Content-Type`.
    /// - Returns: The response.
    /// - Throws: `EncodingError` if the value cannot be encoded.
    public static func json(
        _ value: some Encodable, status: Int = 200, headers: [HeaderField] = []
    ) throws -> ScriptedResponse {
        .response(
            TransportResponse(
                status: status, headers: [HeaderField("Content-Type", "application/json")] + headers,
                body: try APICoding.encode(value)))
    }

    /// Returns a response with a text as its body, such as the error page of a proxy.
    ///
    /// - Parameters:
    ///   - text: The body.
    ///   - status: The status (default: 200).
    ///   - headers: The headers.
    /// - Returns: The response.
    public static func text(_ text: String, status: Int = 200, headers: [HeaderField] = []) -> ScriptedResponse {
        .response(TransportResponse(status: status, headers: headers, body: Array(text.utf8)))
    }

    /// Returns the response to `auth.whoami()`.
    ///
    /// - Parameters:
    ///   - email: The user's email address.
    ///   - id: The user's ID.
    /// - Returns: The response.
    public static func user(email: String, id: String = "usr_00000000000000000000") -> ScriptedResponse {
        .text(#"{"id":\#(quoted(id)),"email":\#(quoted(email))}"#)
    }

    /// The response 204, which has no body.
    public static let noContent = ScriptedResponse.response(TransportResponse(status: 204, headers: [], body: []))

    /// Returns the response, or throws the failure of a request without one.
    ///
    /// - Returns: The response.
    /// - Throws: `TransportFailure` for ``DocumentedFailure/network(_:kind:)``.
    public func response() throws(TransportFailure) -> TransportResponse {
        switch self {
        case .response(let response): response
        case .failure(let failure): try failure.response()
        }
    }

    private static func quoted(_ text: String) -> String {
        (try? APICoding.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
