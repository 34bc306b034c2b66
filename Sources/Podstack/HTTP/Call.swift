import PodstackAPI

/// A request to the API before it has a token and headers.
struct Call: Sendable {
    var method: String
    /// The path, which starts with `/v1`.
    ///
    /// Every value from outside was encoded with ``segment(_:)``.
    var path: String
    var query: [(name: String, value: String)] = []
    var body: [UInt8]?
    var idempotencyKey: String?
    /// The token to use instead of the client's.
    var token: APIToken?
    /// The media type of the body.
    var contentType = "application/json"
    /// The media type of the response.
    var accept = "application/json"
    /// The time that the request needs even if the client's own limit is shorter; nil for the client's.
    var leastTimeout: Duration?
    /// Whether the request may be sent again although an attempt may have been processed.
    var isRepeatable = true
    /// Whether the response has no end that can be waited for.
    var isEndless = false
    /// The body that is searched for misplaced tokens; nil for the one that is sent.
    var checkedBody: [UInt8]?
    /// Headers that a tracer adds.
    var headers: [HeaderField] = []

    static func get(_ path: String, query: [(name: String, value: String)] = []) -> Call {
        Call(method: "GET", path: path, query: query)
    }

    static func post(_ path: String, _ body: some Encodable) throws -> Call {
        Call(method: "POST", path: path, body: try APICoding.encode(body), idempotencyKey: generateKey())
    }

    static func post(_ path: String) -> Call { Call(method: "POST", path: path, idempotencyKey: generateKey()) }

    static func patch(_ path: String, _ body: some Encodable) throws -> Call {
        Call(method: "PATCH", path: path, body: try APICoding.encode(body))
    }

    func with(_ token: APIToken) -> Call {
        var call = self
        call.token = token
        return call
    }

    /// A copy of the request that is sent without a token.
    var anonymous: Call { with(APIToken("")) }

    static func delete(_ path: String) -> Call { Call(method: "DELETE", path: path) }

    /// Encodes a value so that it is exactly one segment of a path.
    static func segment(_ text: String) -> String { percentEncoded(text) }

    var queryString: String {
        guard !query.isEmpty else { return "" }
        return "?"
            + query.map { "\(Self.percentEncoded($0.name))=\(Self.percentEncoded($0.value))" }.joined(separator: "&")
    }

    /// Whether no segment of the path is empty or contains a slash: an empty ID would be the path of another resource.
    var hasCompletePath: Bool {
        var previous: (UInt8, UInt8) = (0, 0)
        for byte in path.utf8 {
            if byte == UInt8(ascii: "/"), previous.1 == byte { return false }
            if byte == UInt8(ascii: "F"), previous == (UInt8(ascii: "%"), UInt8(ascii: "2")) { return false }
            previous = (previous.1, byte)
        }
        return previous.1 != UInt8(ascii: "/")
    }

    /// Whether a token is part of the URL, or of the body of a request other than a report of leaked tokens.
    ///
    /// Then it was passed in place of an ID, a name or a filter.
    var revealsToken: Bool {
        if TokenRedaction.isTokenContained(in: path) { return true }
        if query.contains(where: { TokenRedaction.isTokenContained(in: $0.value) }) { return true }
        guard let body = checkedBody ?? body, path != Self.reports else { return false }
        return TokenRedaction.isTokenContained(in: String(decoding: body, as: UTF8.self))
    }

    /// The path of reports of leaked tokens.
    static let reports = "/v1/tokens/report"

    /// Whether the response to a repeated request shows that an earlier attempt succeeded: the resource is deleted.
    func hasSucceeded(before response: TransportResponse) -> Bool {
        guard method == "DELETE", response.status == 404 || response.status == 401 && path == Self.ownToken else {
            return false
        }
        let body = try? APICoding.decode(ErrorBody.self, from: response.body)
        guard response.status == 404 else { return body?.code == .revokedToken }
        // A resource that the path does not name was not deleted by this request.
        let isNamed = body?.details["resource_id"]?.stringValue.map { id in
            path.split(separator: "/").contains { $0 == Self.segment(id) }
        }
        return body?.code == .notFound && isNamed != false
    }

    /// The path with `{id}` in the place of each ID, to group requests by.
    var route: String {
        path.split(separator: "/").map { Self.words.contains($0) ? "/\($0)" : "/{id}" }.joined()
    }

    /// The segments of paths that are not IDs.
    private static let words: Set<Substring> = [
        "v1", "auth", "whoami", "can", "tokens", "self", "rotate", "report", "projects", "members", "accept", "decline",
        "invitations", "audit-logs", "device", "code", "token", "pods", "start", "stop", "restart", "logs", "exec",
        "files", "metrics", "events", "volumes", "gpus", "billing", "wallet", "usage",
    ]

    /// The path of the token that the request is sent with.
    static let ownToken = "/v1/tokens/self"

    private static func generateKey() -> String {
        var generator = SecureGenerator()
        let digits = (0..<2).flatMap { _ in Base62.encode(generator.next(), width: 11) }
        return String(decoding: digits, as: UTF8.self)
    }

    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if Base62.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
