import PodstackURLSession
import Testing

@testable import Podstack
@testable import PodstackTransport

#if canImport(Glibc)
    import Glibc
#endif

/// An implementation, and what it cannot do. A test of such a thing asserts what happens instead.
struct TransportUnderTest: Sendable, CustomTestStringConvertible {
    enum Limit: Sendable {
        /// Repeated headers are one value, and their order is lost.
        case headersAreADictionary
        /// Proxies other than the process's are refused.
        case noProxyOfItsOwn
        /// A bundle other than the process's is refused.
        case noAuthoritiesOfItsOwn
        /// Of a head that is too large it is only told that the connection failed.
        case vagueAboutLargeHeads
        /// An answer whose head breaks off, or that has trailers, ends the process.
        case diesOfOddAnswers
        /// A 401 that asks for a user's password has no body.
        case losesBodyOfChallenge
        /// The library adds headers that nobody asked for.
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
                .diesOfOddAnswers,
                .losesBodyOfChallenge, .addsHeaders,
            ]
        ) { URLSessionTransport(options: ConnectionOptions(environment: $0)) },
    ]

    /// With no environment but this.
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
    /// The failure; nil, and an issue, when there was an answer or another error.
    func failure(_ request: TransportRequest) async -> TransportFailure? {
        let failure = await #expect(throws: TransportFailure.self) { _ = try await send(request) }
        if let failure { #expect(!"\(failure)".contains(TransportRequest.secret)) }
        return failure
    }
}
