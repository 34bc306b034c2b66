/// A way to send one HTTP request and receive its response.
///
/// Implement it to test code without a network, or to use another HTTP library:
///
/// ```swift
/// struct OfflineTransport: Transport {
///     func send(_ request: TransportRequest) async throws -> TransportResponse {
///         throw TransportFailure(reason: "this machine is offline")
///     }
/// }
/// ```
///
/// A response with any status is a response, not an error. An implementation never follows a redirect, because that
/// would send the credential to another server.
public protocol Transport: Sendable {
    /// Sends a request and returns the whole response.
    ///
    /// - Parameter request: The request to send.
    /// - Returns: The response, whatever its status.
    /// - Throws: ``TransportFailure`` if no response arrives, and `CancellationError` if the task is canceled.
    func send(_ request: TransportRequest) async throws -> TransportResponse
}

// MARK: - Request

/// An HTTP request, as a ``Transport`` receives it.
public struct TransportRequest: Sendable {
    /// The method in capital letters, such as `GET`.
    public var method: String
    /// The absolute URL, with the scheme `http` or `https`.
    public var url: String
    /// The credential that is sent in the header `Authorization`, or nil to send none.
    ///
    /// It is apart from the other headers so that printing a request shows no secret.
    public var credential: TransportCredential?
    /// The other headers, in the order in which they are sent.
    public var headers: [HeaderField]
    /// The body, or nil if there is none.
    public var body: [UInt8]?
    /// The longest time from the call of ``Transport/send(_:)`` to the last byte of the response.
    public var timeout: Duration

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - method: The method in capital letters, such as `GET`.
    ///   - url: The absolute URL, with the scheme `http` or `https`.
    ///   - credential: The credential for the header `Authorization`, or nil to send none.
    ///   - headers: The other headers, in order.
    ///   - body: The body, or nil if there is none.
    ///   - timeout: The longest time from the call to the last byte of the response.
    public init(
        method: String, url: String, credential: TransportCredential? = nil, headers: [HeaderField] = [],
        body: [UInt8]? = nil, timeout: Duration
    ) {
        self.method = method
        self.url = url
        self.credential = credential
        self.headers = headers
        self.body = body
        self.timeout = timeout
    }
}

/// A secret that is sent as `Authorization: Bearer …` (RFC 6750, section 2.1) and prints as `…`.
public struct TransportCredential: Sendable, Hashable {
    private let secret: String

    /// Creates a bearer credential.
    ///
    /// - Parameter secret: The text that follows `Bearer` and a space in the header.
    public init(bearer secret: String) { self.secret = secret }

    /// Calls a closure with the secret.
    ///
    /// - Parameter body: A closure that must not keep or print the secret.
    /// - Returns: The closure's result.
    /// - Throws: The closure's error.
    public func withSecret<Result, Failure>(_ body: (String) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(secret)
    }
}

extension TransportCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A placeholder that contains no part of the secret.
    public var description: String { "…" }
    /// A placeholder that contains no part of the secret.
    public var debugDescription: String { description }
    /// A mirror without children, so that `dump` shows no part of the secret.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// One header of a request or a response.
public struct HeaderField: Sendable, Hashable {
    /// The name, in the case in which it was sent or received.
    public var name: String
    /// The value, without the white space around it.
    public var value: String

    /// Creates a header.
    ///
    /// - Parameters:
    ///   - name: The name, such as `Content-Type`.
    ///   - value: The value. A value that contains a line break is rejected when the request is sent.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// Whether the header contains no character that would end its line.
    package var isOneLine: Bool {
        func isPlain(_ byte: UInt8) -> Bool { byte != 0x0D && byte != 0x0A && byte != 0 }
        return name.utf8.allSatisfy(isPlain) && value.utf8.allSatisfy(isPlain)
    }
}

// MARK: - Response

/// An HTTP response, as a ``Transport`` returns it.
public struct TransportResponse: Sendable {
    /// The status code, 100 to 599.
    public var status: Int
    /// The headers in the order in which they arrived, without those of interim responses and without trailers.
    public var headers: [HeaderField]
    /// The body; empty if there is none.
    public var body: [UInt8]

    /// Creates a response.
    ///
    /// - Parameters:
    ///   - status: The status code.
    ///   - headers: The headers, in order.
    ///   - body: The body; empty if there is none.
    public init(status: Int, headers: [HeaderField], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Returns the first value of a header.
    ///
    /// - Parameter name: The name in lower case; the case of the response's header does not matter.
    /// - Returns: The value, or nil if the response has no such header.
    public func header(_ name: String) -> String? {
        headers.first { $0.name == name || $0.name.lowercased() == name }?.value
    }

    /// Whether the status is 200 to 299.
    package var isSuccess: Bool { (200..<300).contains(status) }
}

// MARK: - Failure

/// The error of a ``Transport`` that received no response.
public struct TransportFailure: Error, Sendable, Hashable {
    /// The reason as the end of a sentence, such as `the request timed out`.
    ///
    /// It contains no secret.
    public var reason: String
    /// Whether another attempt may succeed: false for an invalid certificate or a response that is too large.
    public var isRetryable: Bool
    /// The kind of failure.
    public var kind: Kind

    /// Creates a failure.
    ///
    /// - Parameters:
    ///   - reason: The reason as the end of a sentence, such as `the request timed out`.
    ///   - isRetryable: Whether another attempt may succeed.
    ///   - kind: The kind of failure.
    public init(reason: String, isRetryable: Bool = true, kind: Kind = .other) {
        self.reason = reason
        self.isRetryable = isRetryable
        self.kind = kind
    }

    /// A kind of failure, for programs that react to it.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The host name could not be resolved.
        case nameResolution = "name_resolution"
        /// No connection could be made, such as to a port that no program listens on.
        case connection
        /// The proxy could not be reached, or refused; the reason then begins with what happened, and names the proxy.
        case proxy
        /// No secure connection could be made.
        case tls
        /// The service's certificate is invalid, or its authority is not trusted.
        case certificate
        /// The time for the request, or for its token, passed.
        case timeout
        /// The connection ended before the response was complete.
        case connectionLost = "connection_lost"
        /// The response is not HTTP, or is too large.
        case invalidResponse = "invalid_response"
        /// Another failure, or that of a transport that does not say.
        case other

        /// Whether the service may have received the request.
        package var mayBeSent: Bool {
            switch self {
            case .nameResolution, .connection, .proxy, .tls, .certificate: false
            case .timeout, .connectionLost, .invalidResponse, .other: true
            }
        }
    }

    /// Returns the failure with another kind.
    package func with(_ kind: Kind) -> TransportFailure {
        TransportFailure(reason: reason, isRetryable: isRetryable, kind: kind)
    }
}

extension TransportFailure {
    /// The failure of a request whose timeout passed.
    package static let timedOut = TransportFailure(reason: "the request timed out", kind: .timeout)

    /// Returns the failure of a request that did not get past the proxy, which the reason names.
    package static func proxy(_ reason: String, isRetryable: Bool) -> TransportFailure {
        TransportFailure(reason: reason, isRetryable: isRetryable, kind: .proxy)
    }

    /// The failure of a request whose response body exceeds the limit.
    package static func tooLarge(bytes: Int) -> TransportFailure {
        TransportFailure(
            reason: "the response is larger than \(bytes) bytes", isRetryable: false, kind: .invalidResponse)
    }

    /// The failure of a request with a header that does not fit on one line.
    package static func invalidHeader(_ name: String) -> TransportFailure {
        TransportFailure(reason: "the header \(name) contains a line break, which no header may", isRetryable: false)
    }
}

extension Duration {
    /// The duration in whole milliseconds, rounded toward zero.
    package var milliseconds: Int {
        Int(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
    }
}
