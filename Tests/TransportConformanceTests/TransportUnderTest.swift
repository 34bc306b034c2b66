import PodstackURLSession
import Testing

@testable import Podstack
@testable import PodstackTransport

#if canImport(Glibc)
    import Glibc
#endif

/// A transport and its limits.
///
/// A test of a limit checks what happens instead.
struct TransportUnderTest: Sendable, CustomTestStringConvertible {
    enum Limit: Sendable {
        /// The values of a repeated header are joined, and the order of headers is lost.
        case headersAreADictionary
        /// Requests with other proxies than the process's are rejected.
        case noProxyOfItsOwn
        /// Requests with certificate authorities of their own are rejected.
        case noAuthoritiesOfItsOwn
        /// A head that is too large is reported as a failed connection.
        case vagueAboutLargeHeads
        /// A response that ends in the middle of its head, or that has trailers, ends the process.
        case diesOfOddResponses
        /// A 401 that asks for a user's password arrives without its body.
        case losesBodyOfChallenge
        /// The library adds headers that the request does not contain.
        case addsHeaders
    }

    let testDescription: String
    let limits: Set<Limit>
    let make: @Sendable (PodstackEnvironment) -> any Transport

    func has(_ limit: Limit) -> Bool { limits.contains(limit) }

    static let all = [
        TransportUnderTest(testDescription: "CurlTransport", limits: []) { CurlTransport(environment: $0) },
        TransportUnderTest(
            testDescription: "URLSessionTransport",
            limits: [
                .headersAreADictionary, .noProxyOfItsOwn, .noAuthoritiesOfItsOwn, .vagueAboutLargeHeads,
                .diesOfOddResponses,
                .losesBodyOfChallenge, .addsHeaders,
            ]
        ) { URLSessionTransport(options: ConnectionOptions(environment: $0)) },
    ]

    /// Creates a transport with the given environment variables only.
    func transport(_ environment: [String: String] = [:]) -> any Transport { make(PodstackEnvironment(environment)) }
}

extension TransportRequest {
    static let secret = "secret-token"

    init(_ url: String, headers: [HeaderField] = [], timeout: Duration = .seconds(120)) {
        self.init("GET", url, headers: headers, timeout: timeout)
    }

    init(
        _ method: String, _ url: String, headers: [HeaderField] = [], body: [UInt8]? = nil,
        timeout: Duration = .seconds(120)
    ) {
        self.init(
            method: method, url: url, credential: TransportCredential(bearer: Self.secret), headers: headers,
            body: body,
            timeout: timeout)
    }
}

extension Transport {
    /// Returns the failure of a request; records an issue and returns nil if there was a response or another error.
    func failure(_ request: TransportRequest) async -> TransportFailure? {
        let failure = await #expect(throws: TransportFailure.self) { _ = try await send(request) }
        if let failure { #expect(!"\(failure)".contains(TransportRequest.secret)) }
        return failure
    }
}
