import PodstackAPI
import PodstackTestSupport

/// Requests of one token's holder to one instance, on one connection that stays open.
final class Holder {
    let token: String
    private let port: UInt16
    private var connection: RawHTTP?

    init(_ token: String, at port: UInt16) {
        self.token = token
        self.port = port
    }

    var id: String { String(token.dropFirst(9).prefix(8)) }

    func send(
        _ method: String, _ path: String, _ body: String? = nil, headers: [(String, String)] = []
    ) throws -> RawHTTP.Answer {
        var headers = headers + [("Authorization", "Bearer \(token)")]
        if body != nil { headers.append(("Content-Type", "application/json")) }
        let open = try connection ?? RawHTTP(port: port)
        connection = nil
        let answer = try open.request(method, path, headers: headers, body: body)
        connection = open
        return answer
    }

    /// `ok`, or the code of the error.
    func whoami() throws -> String { try send("GET", "/v1/auth/whoami").code ?? "ok" }
}
