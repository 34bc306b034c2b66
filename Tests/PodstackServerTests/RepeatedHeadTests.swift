import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A head that a connection has seen before", .blocking, .databases, .timeLimit(.perTest))
struct RepeatedHeadTests {
    let server: RunningServer
    let token: String
    let connection: RawHTTP

    init() throws {
        server = try RunningServer()
        token = try server.createToken()
        connection = try RawHTTP(port: server.server.port)
    }

    func whoami(_ token: String, method: String = "GET", _ more: (String, String)...) throws -> TestResponse {
        let fields = ([("Authorization", "Bearer \(token)")] + more).map { "\($0.0): \($0.1)\r\n" }.joined()
        try connection.send("\(method) /v1/auth/whoami HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
        return try connection.response(hasBody: method != "HEAD")
    }

    @Test("is verified each time: a token of the same length is not the last one", arguments: TestDatabase.selected)
    func otherToken(_: TestDatabase) throws {
        let other = try server.createToken()
        let wrong = TestToken.generate(id: String(token.dropFirst(9).prefix(8)))
        for _ in 0..<3 {
            let first = try whoami(token).decoded(User.self)
            #expect(try whoami(wrong).code == "invalid_token")
            let second = try whoami(other).decoded(User.self)
            #expect(first.token?.id != second.token?.id)
            for _ in 0..<2 { #expect(try whoami(other).decoded(User.self).token?.id == second.token?.id) }
        }
    }

    @Test("gets a 401 as soon as the token is revoked", arguments: TestDatabase.selected)
    func revoked(_: TestDatabase) throws {
        for _ in 0..<3 { #expect(try whoami(token).status == 200) }
        #expect(try TestClient(server, token).send("DELETE", "/v1/tokens/self").status == 204)
        for _ in 0..<2 { #expect(try whoami(token).code == "revoked_token") }
    }

    @Test("gets a response with its own ID, once, and a date", arguments: TestDatabase.selected)
    func identifiers(_: TestDatabase) throws {
        var ids: Set<String> = []
        for index in 0..<50 {
            let response = try whoami(token, method: index % 5 == 3 ? "HEAD" : "GET")
            ids.insert(try #require(response.headers["x-request-id"]))
            #expect(response.status == 200 && response.headers["date"]?.hasSuffix(" GMT") == true)
            #expect(response.headers["podstack-token-expires"] != nil)
            #expect(response.headers["content-type"] == "application/json")
            #expect(response.body.isEmpty == (index % 5 == 3))
        }
        #expect(ids.count == 50)
        try connection.send("GET /v1/auth/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\n\r\n")
        let text = try connection.text { $0.contains("}") }
        for name in ["X-Request-ID:", "Date:", "Cache-Control:"] { #expect(text.split(separator: name).count == 2) }
    }

    @Test(
        "is not mistaken for one with other fields or another method",
        arguments: TestDatabase.selected)
    func fields(_: TestDatabase) throws {
        #expect(try whoami(token, ("Accept", "application/json")).status == 200)
        #expect(try whoami(token, ("Accept", "application/jsom")).status == 406)
        #expect(try whoami(token, ("aCCEPT", "application/jsom")).status == 406)
        #expect(try whoami(token, ("Accept", "application/json")).status == 200)
        #expect(try whoami(token, ("Authorization", "Bearer \(token)")).status == 400)
        #expect(try whoami(token).status == 200)
        #expect(try whoami(token, method: "PUT").status == 405)
        #expect(try whoami(token).status == 200)
    }

    @Test("fields are equal only if each name and each value is", arguments: TestDatabase.selected)
    func equality(_: TestDatabase) {
        func fields(_ pairs: (String, String)...) -> HeaderFields {
            var fields = HeaderFields()
            for (name, value) in pairs {
                Array(name.utf8).withUnsafeBytes { name in
                    Array(value.utf8).withUnsafeBytes { value in fields.append(name, value) }
                }
            }
            return fields
        }
        #expect(fields() == fields())
        #expect(fields(("a", "bc"), ("d", "")) == fields(("a", "bc"), ("d", "")))
        let different = [
            fields(), fields(("a", "bc")), fields(("ab", "c")), fields(("abc", "")), fields(("", "abc")),
            fields(("a", "b"), ("c", "")), fields(("a", ""), ("b", "c")), fields(("A", "bc")), fields(("a", "bC")),
        ]
        for (index, first) in different.enumerated() {
            for (other, second) in different.enumerated() { #expect((first == second) == (index == other)) }
        }
        #expect(fields(("Ab-C", " x \t")).parsed.map(\.name) == ["ab-c"])
    }
}
