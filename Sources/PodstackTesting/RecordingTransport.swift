import Podstack
import Synchronization

/// Answers requests without a network, and keeps them.
///
/// ```swift
/// let transport = RecordingTransport(.user(email: "you@example.com"))
/// let client = try Client(apiToken: "test", environment: PodstackEnvironment([:]), transport: transport)
/// let user = try await client.auth.whoami()
/// #expect(transport.requests.map(\.method) == ["GET"])
/// ```
public final class RecordingTransport: Transport {
    private let answer: @Sendable (TransportRequest) async throws -> TransportResponse
    private let recorded = Mutex<[TransportRequest]>([])

    /// Asks `answer` for each request. What it throws is what the transport throws: a `TransportFailure` is no answer.
    public init(answering answer: @escaping @Sendable (TransportRequest) async throws -> TransportResponse) {
        self.answer = answer
    }

    /// Gives `answers` in turn, and the last one from then on.
    public convenience init(_ answers: ScriptedAnswer...) {
        let left = Mutex(answers[...])
        self.init { _ in
            let next = left.withLock { $0.count > 1 ? $0.removeFirst() : $0.first }
            guard let next else { throw TransportFailure(reason: "the test gave no answer") }
            return try next.response()
        }
    }

    public func send(_ request: TransportRequest) async throws -> TransportResponse {
        recorded.withLock { $0.append(request) }
        return try await answer(request)
    }

    /// In the order in which they were sent. Their tokens print redacted, as everywhere.
    public var requests: [TransportRequest] { recorded.withLock { $0 } }
}
