import PodstackSystem
import PodstackTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Sends requests to a Docker engine, and turns what goes wrong into an ``EngineFailure``.
///
/// The version of the API is negotiated before the first request, and again after the engine could not be reached, since
/// it may have been upgraded.
final class DockerClient: Sendable {
    /// The versions of the API between which one is chosen: Docker 20.10 and the newest that this service knows.
    static let versions = DockerAPIVersion(1, 41)...DockerAPIVersion(1, 51)

    private let transport: StreamingTransport
    private let base: String
    private let negotiated = Monitor<Negotiated?>(nil)
    private let knownInfo = Monitor<Docker.Info?>(nil)

    /// The result of the negotiation.
    struct Negotiated: Sendable {
        var apiVersion: DockerAPIVersion
        var engineVersion: String
    }

    init(_ address: EngineEndpoint.Address) {
        var options = ConnectionOptions()
        switch address {
        case .socket(let path):
            options.unixSocket = path
            base = "http://engine"
        case .secure(let host, let identity):
            options.clientCertificate = (identity.certificate, identity.key)
            options.certificateAuthorities = identity.authorities.text
            base = "https://\(host)"
        }
        transport = StreamingTransport(options: options)
    }

    // MARK: - Requests

    /// The path and the query of a request.
    ///
    /// The parts of the path and the values of the query are escaped.
    struct Target {
        fileprivate var text: String

        init(_ path: String...) { text = path.map { "/" + Self.escape($0, alsoAllowing: "") }.joined() }

        /// Creates the path of an image, whose name has slashes that stay as they are.
        init(image: DockerImageName, _ action: String) {
            text = "/images/\(Self.escape(image.text, alsoAllowing: "/:@"))/\(action)"
        }

        /// Creates the path of what the registry of an image says about it.
        init(distribution image: DockerImageName) {
            text = "/distribution/\(Self.escape(image.text, alsoAllowing: "/:@"))/json"
        }

        /// Returns the path with an item added to its query.
        func with(_ name: String, _ value: String) -> Target {
            var copy = self
            copy.text +=
                "\(text.utf8.contains(UInt8(ascii: "?")) ? "&" : "?")\(name)=\(Self.escape(value, alsoAllowing: ""))"
            return copy
        }

        private static func escape(_ text: String, alsoAllowing others: String) -> String {
            var result: [UInt8] = []
            for byte in text.utf8 {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    result.append(byte)
                case _ where "-._~".utf8.contains(byte) || others.utf8.contains(byte): result.append(byte)
                default:
                    let digits = String(byte, radix: 16, uppercase: true)
                    result += "%\(digits.utf8.count == 1 ? "0" : "")\(digits)".utf8
                }
            }
            return String(decoding: result, as: UTF8.self)
        }
    }

    /// The longest silence of the engine in a request that is not a stream.
    private static let patience = Duration.seconds(120)

    /// Sends a request and returns the whole response, whatever its status.
    func send(
        _ method: String, _ target: Target, body: (any Encodable)? = nil, headers: [HeaderField] = [],
        silence: Duration = patience
    ) throws -> TransportResponse {
        var request = try request(method, target, body: body)
        request.headers += headers
        request.idleTimeout = silence
        return try translating { try transport.response(to: request) }
    }

    /// Sends a request and returns the value of its successful response.
    func value<Value: Decodable>(
        _ type: Value.Type, _ method: String, _ target: Target, body: (any Encodable)? = nil
    ) throws -> Value {
        let response = try send(method, target, body: body)
        guard response.isSuccess else { throw failure(response.status, response.body) }
        return try Self.decode(type, response.body)
    }

    /// The end of a stream.
    enum StreamEnd {
        /// The engine or the receiver has ended it.
        case complete
        /// Its time is over.
        case timeUp
    }

    /// Sends a request whose response is a stream.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - target: The path.
    ///   - body: The body.
    ///   - headers: Further headers.
    ///   - silence: The longest silence of the engine; nil for none.
    ///   - limit: The time after which the stream ends; nil for none.
    ///   - cancellation: Ends the stream.
    ///   - receive: Receives the parts of a successful response.
    /// - Returns: The reason for the end.
    /// - Throws: The failure of another response.
    @discardableResult
    func stream(
        _ method: String, _ target: Target, body: (any Encodable)? = nil, headers: [HeaderField] = [],
        silence: Duration? = nil, limit: Duration? = nil, _ cancellation: EngineCancellation? = nil,
        receive: (UnsafeRawBufferPointer) throws -> Bool
    ) throws -> StreamEnd {
        var request = try request(method, target, body: body)
        request.headers += headers
        request.idleTimeout = silence
        request.timeout = limit
        var hasBegun = false
        var problem: [UInt8] = []
        let stream = StreamCancellation()
        func exchange() throws -> ResponseHead? {
            do {
                return try transport.send(request, stream) { head, bytes in
                    if head.isSuccess {
                        hasBegun = true
                        return try bytes.isEmpty || receive(bytes)
                    }
                    problem += bytes.prefix(Self.maxProblem - problem.count)
                    return true
                }
            } catch let failure as TransportFailure where failure.kind == .timeout && limit != nil && hasBegun {
                return nil
            }
        }
        let head = try translating {
            guard let cancellation else { return try exchange() }
            return try cancellation.interrupting(with: { stream.cancel() }, exchange)
        }
        guard let head else { return .timeUp }
        guard head.isSuccess else { throw failure(head.status, problem) }
        return .complete
    }

    /// The most bytes that are kept of the body of a failed request.
    private static let maxProblem = 64 << 10

    /// Sends a request with a streamed body.
    func upload(_ target: Target, contentType: String, next: () throws -> [UInt8]) throws {
        var request = try request("PUT", target, body: nil)
        request.headers.append(HeaderField("Content-Type", contentType))
        request.idleTimeout = Self.patience
        var body: [UInt8] = []
        let head = try translating {
            try transport.send(request, next: next) { _, bytes in
                body += bytes.prefix(Self.maxProblem - body.count)
                return true
            }
        }
        guard head.isSuccess else { throw failure(head.status, body) }
    }

    /// Sends a request after which the connection carries the input and output of a program.
    func connect(_ target: Target, body: any Encodable) throws -> UpgradedConnection {
        var request = try request("POST", target, body: body)
        request.idleTimeout = Self.patience
        switch try translating({ try transport.upgrade(request, to: "tcp") }) {
        case .connection(let connection): return connection
        case .refused(let response):
            throw response.isSuccess
                ? EngineFailure(kind: .failed, reason: "The engine did not open a connection to the command")
                : failure(response.status, response.body)
        }
    }

    private func request(_ method: String, _ target: Target, body: (any Encodable)?) throws -> StreamedRequest {
        var request = StreamedRequest(method, "\(base)/v\(try negotiate().apiVersion)\(target.text)")
        if let body {
            request.body = Array(try JSONEncoder().encode(body))
            request.headers.append(HeaderField("Content-Type", "application/json"))
        }
        return request
    }

    // MARK: - Negotiation

    /// Returns the version of the API that both sides know; asks the engine unless it has responded before.
    func negotiate() throws -> Negotiated {
        if let known = negotiated.change(waking: .none, { $0 }) { return known }
        var request = StreamedRequest("GET", base + "/version")
        request.idleTimeout = .seconds(30)
        let response = try translating { try transport.response(to: request) }
        guard response.isSuccess else { throw failure(response.status, response.body) }
        let result = try Self.negotiate(with: try Self.decode(Docker.Version.self, response.body))
        negotiated.change(waking: .none) { $0 = result }
        return result
    }

    static func negotiate(with version: Docker.Version) throws(EngineFailure) -> Negotiated {
        if let component = version.components?.first(where: { $0.name.lowercased().contains("podman") }) {
            throw EngineFailure(
                kind: .refused, reason: "\(component.name) is not supported; use Docker 20.10 or newer")
        }
        guard version.system == "linux" else {
            throw EngineFailure(
                kind: .refused, reason: "The engine runs containers for \(version.system); pods need Linux")
        }
        guard let newest = DockerAPIVersion(version.apiVersion),
            let oldest = DockerAPIVersion(version.minAPIVersion ?? version.apiVersion)
        else { throw EngineFailure(kind: .refused, reason: "The engine does not say which version of the API it has") }
        guard newest >= versions.lowerBound else {
            throw EngineFailure(
                kind: .refused,
                reason: "The engine \(version.version) is too old: it has version \(newest) of the API, and pods need"
                    + " \(versions.lowerBound), which Docker 20.10 has")
        }
        guard oldest <= versions.upperBound else {
            throw EngineFailure(
                kind: .refused,
                reason: "The engine \(version.version) is too new: its API begins with version \(oldest), and this"
                    + " podstack-server knows it up to \(versions.upperBound)")
        }
        return Negotiated(apiVersion: min(newest, versions.upperBound), engineVersion: version.version)
    }

    /// Returns what the engine says about itself; asks it only if `isFresh` or it has not responded before.
    ///
    /// The engine starts programs to find it out, which takes tens of milliseconds.
    func info(isFresh: Bool = false) throws -> Docker.Info {
        if !isFresh, let known = knownInfo.change(waking: .none, { $0 }) { return known }
        let info = try value(Docker.Info.self, "GET", .init("info"))
        knownInfo.change(waking: .none) { $0 = info }
        return info
    }

    // MARK: - Failures

    private func translating<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let failure as TransportFailure {
            // The engine may be another one when it responds again.
            negotiated.change(waking: .none) { $0 = nil }
            knownInfo.change(waking: .none) { $0 = nil }
            throw EngineFailure(kind: .unreachable, reason: "The container engine does not respond: \(failure.reason)")
        } catch is CancellationError {
            throw EngineFailure(kind: .canceled, reason: "The operation was ended")
        }
    }

    /// Returns the failure that a response of the engine means.
    func failure(_ status: Int, _ body: [UInt8]) -> EngineFailure {
        let message = (try? Self.decode(Docker.ErrorBody.self, body))?.message
        return DockerFailure.failure(status: status, message: message)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(EngineFailure) -> Value {
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
            throw EngineFailure(kind: .failed, reason: "The engine sent a response that is not as its API describes")
        }
    }
}

/// A version of the Docker Engine API, such as `1.41`.
struct DockerAPIVersion: Sendable, Comparable, CustomStringConvertible {
    var major: Int
    var minor: Int

    init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = UInt16(parts[0]), let minor = UInt16(parts[1]) else { return nil }
        self.init(Int(major), Int(minor))
    }

    var description: String { "\(major).\(minor)" }

    static func < (left: DockerAPIVersion, right: DockerAPIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
