import PodstackAPI
import PodstackCryptography
import PodstackTestSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Requests of one token's holder, over a socket.
struct Session: Sendable {
    let server: RunningServer
    let token: String

    init(_ server: RunningServer, _ token: String) {
        self.server = server
        self.token = token
    }

    /// With a token of the operator's making.
    init(clock: ManualClock? = nil, maxActiveTokens: Int = 5) throws {
        server = try RunningServer(clock: clock, maxActiveTokens: maxActiveTokens)
        token = try server.makeToken()
    }

    var id: String { String(token.dropFirst(9).prefix(8)) }

    func with(_ token: String) -> Session { Session(server, token) }

    func send(
        _ method: String, _ path: String, _ body: String? = nil, headers: [(String, String)] = []
    ) throws -> RawHTTP.Answer {
        var headers = headers + [("Authorization", "Bearer \(token)")]
        if body != nil { headers.append(("Content-Type", "application/json")) }
        return try RawHTTP(port: server.server.port).request(method, path, headers: headers, body: body)
    }

    func whoami() throws -> RawHTTP.Answer { try send("GET", "/v1/auth/whoami") }

    /// A session with a new token of this one's making.
    func makeToken(_ fields: String = "") throws -> Session {
        let answer = try send("POST", "/v1/tokens", #"{"name": "made"\#(fields.isEmpty ? "" : ", ")\#(fields)}"#)
        return with(try answer.decoded(CreatedToken.self).secret ?? "")
    }

    static func time(_ seconds: Int64) -> String {
        Timestamp.format(Date(timeIntervalSince1970: TimeInterval(seconds)))
    }

    /// The fields of a rotation to a secret that the caller made.
    static func fields(of token: String, grace: Int? = nil) -> String {
        #""id": "\#(token.dropFirst(9).prefix(8))", "sha256": "\#(Sodium.sha256(token.utf8).hexadecimal)""#
            + (grace.map { #", "grace_seconds": \#($0)"# } ?? "")
    }
}

extension RawHTTP.Answer {
    func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try APICoding.decode(type, from: Array(body.utf8))
    }

    /// The code of an error; nil of a success.
    var code: String? { try? decoded(ErrorBody.self).code?.rawValue }
    var error: ErrorBody? { try? decoded(ErrorBody.self) }
}
