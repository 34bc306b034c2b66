/// Sends one request and gives its answer. Implement it to test without a network, or to use another HTTP library.
///
/// Throw ``TransportFailure`` when no answer comes, and `CancellationError` when the task was cancelled.
/// An answer with any status is an answer. Never follow a redirect: it would carry the token elsewhere.
public protocol Transport: Sendable {
    func send(_ request: TransportRequest) async throws -> TransportResponse
}

/// A request as a transport gets it.
public struct TransportRequest: Sendable {
    public var method: String
    public var url: String
    /// Sent as `Authorization: Bearer …`; apart from the other headers, so that printing a request shows no secret.
    /// An empty one is not sent: the calls by which a program gets its first token need none.
    public var token: APIToken
    public var headers: [HeaderField]
    public var body: [UInt8]?
    /// From the call to the last byte of the answer.
    public var timeout: Duration
}

/// A header of a request or an answer.
public struct HeaderField: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

public struct TransportResponse: Sendable {
    public var status: Int
    public var headers: [HeaderField]
    public var body: [UInt8]

    public init(status: Int, headers: [HeaderField], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first value of a header, whatever the case of its name; `name` in lower case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name == name || $0.name.lowercased() == name }?.value
    }
}

/// Why no answer came, in words that follow "No answer from …:".
public struct TransportFailure: Error, Sendable, Hashable {
    public var reason: String
    /// Whether another try may do better: not when the certificate is wrong, or the answer too large.
    public var mayPass: Bool

    public init(reason: String, mayPass: Bool = true) {
        self.reason = reason
        self.mayPass = mayPass
    }
}
