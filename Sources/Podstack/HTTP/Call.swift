import PodstackAPI

/// A call of the API, before it is a request.
struct Call: Sendable {
    var method: String
    /// Starts with `/v1`; anything from outside in it has gone through ``segment(_:)``.
    var path: String
    var query: [(name: String, value: String)] = []
    var body: [UInt8]?
    var idempotencyKey: String?
    /// Instead of the client's.
    var token: APIToken?

    static func get(_ path: String, query: [(name: String, value: String)] = []) -> Call {
        Call(method: "GET", path: path, query: query)
    }

    static func post(_ path: String, _ body: some Encodable) throws -> Call {
        Call(method: "POST", path: path, body: try APICoding.encode(body), idempotencyKey: makeKey())
    }

    static func patch(_ path: String, _ body: some Encodable) throws -> Call {
        Call(method: "PATCH", path: path, body: try APICoding.encode(body))
    }

    func with(_ token: APIToken) -> Call {
        var call = self
        call.token = token
        return call
    }

    /// One that needs no token.
    var anonymous: Call { with(APIToken("")) }

    static func delete(_ path: String) -> Call { Call(method: "DELETE", path: path) }

    /// A piece of a path that cannot leave its place.
    static func segment(_ text: String) -> String { percentEncoded(text) }

    var queryString: String {
        guard !query.isEmpty else { return "" }
        return "?"
            + query.map { "\(Self.percentEncoded($0.name))=\(Self.percentEncoded($0.value))" }.joined(separator: "&")
    }

    /// Whether each piece of the path is one: an empty id would make it another path, and a slash is never part of one.
    var hasWholePath: Bool {
        var previous: (UInt8, UInt8) = (0, 0)
        for byte in path.utf8 {
            if byte == UInt8(ascii: "/"), previous.1 == byte { return false }
            if byte == UInt8(ascii: "F"), previous == (UInt8(ascii: "%"), UInt8(ascii: "2")) { return false }
            previous = (previous.1, byte)
        }
        return previous.1 != UInt8(ascii: "/")
    }

    /// Whether the answer to a repeated call says that an earlier try has done it: what is to be deleted is gone.
    func isDone(by response: TransportResponse) -> Bool {
        guard method == "DELETE", response.status == 404 || response.status == 401 && path == Self.ownToken else {
            return false
        }
        let code = (try? APICoding.decode(ErrorBody.self, from: response.body))?.code
        return code == (response.status == 404 ? .notFound : .revokedToken)
    }

    static let ownToken = "/v1/tokens/self"

    private static func makeKey() -> String {
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
