import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

/// The service rejects or serves any input, and keeps running.
@Suite("Hostile input over a socket", .blocking, .databases, .timeLimit(.perTest))
struct RobustnessTests {
    let session: TestClient

    init() throws { session = try TestClient(maxActiveTokens: 10_000) }

    var port: UInt16 { session.server.server.port }

    /// Returns the status of the response; nil if the connection was closed without one.
    func status(of text: String) -> Int? {
        guard let connection = try? RawHTTP(port: port), (try? connection.send(text)) != nil else { return nil }
        return try? connection.response().status
    }

    func isAlive() -> Bool { status(of: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == 200 }

    @Test("malformed and ambiguous requests are rejected, and the next one is served", arguments: TestDatabase.selected)
    func broken(_: TestDatabase) throws {
        let auth = "Authorization: Bearer \(session.token)\r\n"
        let long = String(repeating: "a", count: 1 << 20)
        let requests = [
            "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
            "GET /v1/tokens HTTP/1.1\r\nHost: x\r\nX: \(long)\r\n\r\n",
            "GET /\(long) HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /v1/tokens HTTP/1.1\r\n\(auth)X-Project-ID: a\0b\r\nHost: x\r\n\r\n",
            "POST /v1/projects HTTP/1.1\r\nHost: x\r\n\(auth)Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
            "POST /v1/projects HTTP/1.1\r\nHost: x\r\n\(auth)Content-Length: -1\r\n\r\n{}",
            "POST /v1/projects HTTP/1.1\r\nHost: x\r\n\(auth)Content-Length: 99999999999999999999\r\n\r\n{}",
            "POST /v1/projects HTTP/1.1\r\nHost: x\r\n\(auth)Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/tokens/%2e%2e/%2f HTTP/1.1\r\nHost: x\r\n\(auth)\r\n",
        ]
        for request in requests {
            if let status = status(of: request) {
                #expect((400..<500).contains(status) || status == 505, "\(status): \(request.prefix(60))")
            }
            #expect(isAlive(), "\(request.prefix(60))")
        }
    }

    @Test("a query with a NUL is rejected, instead of being cut off silently", arguments: TestDatabase.selected)
    func nul(_: TestDatabase) throws {
        let start = "GET /v1/auth/whoami"
        let auth = "Authorization: Bearer \(session.token)"
        #expect(status(of: "\(start) HTTP/1.1\r\nHost: x\r\n\(auth)\r\n\r\n") == 200)
        #expect(status(of: "\(start)?a%00b=c HTTP/1.1\r\nHost: x\r\n\(auth)\r\n\r\n") == 400)
        #expect(status(of: "\(start)?a=b%00c HTTP/1.1\r\nHost: x\r\n\(auth)\r\n\r\n") == 400)
    }

    @Test("a request with contradicting length headers is not read as two", arguments: TestDatabase.selected)
    func smuggling(_: TestDatabase) throws {
        let hidden = "DELETE /v1/tokens/self HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(session.token)\r\n\r\n"
        for head in [
            "Content-Length: \(hidden.utf8.count + 5)\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Content-Length: 5\r\nContent-Length: \(hidden.utf8.count + 5)\r\n",
        ] {
            let request = "POST /v1/tokens/report HTTP/1.1\r\nHost: x\r\n\(head)\r\n0\r\n\r\n\(hidden)"
            let connection = try RawHTTP(port: port)
            try connection.send(request)
            if let response = try? connection.response() { #expect((400..<500).contains(response.status), "\(head)") }
            #expect(try session.whoami().status == 200, "\(head)")
        }
    }

    @Test(
        "a text with U+0000 is invalid on every database, whatever the field", arguments: TestDatabase.selected,
        [
            ("POST", "/v1/tokens", #"{"name": "n", "project_ids": ["\u0000"]}"#, "project_ids"),
            ("PATCH", "/v1/tokens/00000000", #"{"project_ids": ["a\u0000"]}"#, "project_ids"),
            ("POST", "/v1/tokens/report", #"{"tokens": ["\u0000"]}"#, "tokens"),
            ("POST", "/v1/device/token", #"{"device_code": "\u0000"}"#, "device_code"),
            ("POST", "/v1/device/code", #"{"client_name": "n", "scopes": ["\u0000"]}"#, "scopes"),
        ])
    func nulInTexts(_: TestDatabase, request: (method: String, path: String, body: String, field: String)) throws {
        let response = try session.send(request.method, request.path, request.body)
        #expect(response.status == 422 && response.body.contains("\"\(request.field)\""), "\(response.body)")
        #expect(response.body.contains("must not contain the character U+0000"), "\(response.body)")
    }

    @Test(
        "a request whose end another program could see elsewhere gets a 400, and its connection is closed",
        arguments: TestDatabase.selected,
        [
            "HTTP/1.1|Transfer-Encoding: chunked \r\n", "HTTP/1.1|Transfer-Encoding: chunked\t\r\n",
            "HTTP/1.1|Transfer-Encoding:\r\n chunked\r\n", "HTTP/1.1|Content-Length: 1\r\n 0\r\n",
            "HTTP/1.1|Content-Length:\r\n\t5\r\n", "HTTP/1.1|Content-Length: 5\r\nX: a\r\n b\r\n",
            "HTTP/1.1|X: a\r\n b\r\nContent-Length: 5\r\n", "HTTP/1.1|Content-Length: 5 \r\n",
            "HTTP/1.1|Content-Length: 5 5\r\n", "HTTP/1.1|Content-Length: +5\r\n", "HTTP/1.1|Content-Length: \r\n",
            "HTTP/1.0|Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n",
        ])
    func unclearEnds(_: TestDatabase, head: String) throws {
        let parts = head.split(separator: "|")
        let connection = try RawHTTP(port: port)
        let next = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        try connection.send("POST /v1/tokens/report \(parts[0])\r\nHost: x\r\n\(parts[1])\r\n0\r\n\r\n\(next)")
        #expect(try connection.response().status == 400)
        try blockUntil("the connection is closed") { connection.isClosed }
    }

    @Test("every URL of up to 4 KiB is responded to, however many parameters it has", arguments: TestDatabase.selected)
    func manyParameters(_: TestDatabase) throws {
        let token = "Authorization: Bearer \(session.token)\r\n"
        for (count, item, headers) in [
            (300, "a&", 0), (400, "a&", 0), (2000, "a&", 0), (4000, "&", 0), (1000, "a=&", 0), (300, "a&", 5500),
            (2000, "a&", 11_000),
        ] {
            let query = String(repeating: item, count: count)
            let filler = headers > 0 ? "X: \(String(repeating: "x", count: headers))\r\n" : ""
            let head = " HTTP/1.1\r\nHost: x\r\n\(token)\(filler)\r\n"
            #expect(status(of: "GET /healthz?\(query)\(head)") == 200, "\(count) \(item)")
            let unknown = status(of: "GET /v1/audit-logs?\(query)\(head)")
            #expect(unknown == (item == "&" ? 200 : 422), "\(count) \(item)")
        }
        let long = String(repeating: "a&", count: 3000)
        #expect(status(of: "GET /healthz?\(long) HTTP/1.1\r\nHost: x\r\n\r\n") == 414)
        for count in [100, 1000, 3000] {
            let cookies = String(repeating: "a=1; ", count: count)
            let found = status(of: "GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: \(cookies)\r\n\r\n")
            #expect(found == 200 || found == 431, "\(count) cookies")
        }
    }

    @Test("clients that stop in the middle of a request delay no other client", arguments: TestDatabase.selected)
    func slow(_: TestDatabase) throws {
        var held: [RawHTTP] = []
        for index in 0..<100 {
            let connection = try RawHTTP(port: port)
            try connection.send(
                index.isMultiple(of: 2)
                    ? "GET /v1/auth/whoami HTTP/1.1\r\nHost: x\r\nAuthor"
                    : "POST /v1/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            held.append(connection)
        }
        for _ in 0..<20 { #expect(try session.whoami().status == 200) }
        #expect(held.count == 100)
    }

    @Test(
        "2,000 random and damaged credentials are all rejected, without an internal error",
        arguments: TestDatabase.selected)
    func credentials(_: TestDatabase) throws {
        let connection = try RawHTTP(port: port)
        let alphabet = Array("podstack_Bearer 0aZ=,;:\t\"\\/éß")
        var generator = TestSeed.generator()
        for index in 0..<2000 {
            var text = Array("Bearer \(session.token)")
            for _ in 0...Int.random(in: 0..<4, using: &generator) {
                let place = Int.random(in: 7..<text.count, using: &generator)
                switch index % 3 {
                case 0: text[place] = alphabet.randomElement(using: &generator) ?? "x"
                case 1: text.remove(at: place)
                default: text.insert(alphabet.randomElement(using: &generator) ?? "x", at: place)
                }
            }
            let value = String(text)
            // More spaces before the token, or white space after it, change nothing.
            guard value.split(separator: " ").joined(separator: " ").trimmed != "Bearer \(session.token)" else {
                continue
            }
            let response = try connection.request("GET", "/v1/auth/whoami", headers: [("Authorization", value)])
            #expect(response.status == 401, "\(response.status)")
        }
    }

    @Test("1,000 random bodies and queries cause no internal error", arguments: TestDatabase.selected)
    func bodiesAndQueries(_: TestDatabase) throws {
        let project = try #require(try session.whoami().decoded(User.self).defaultProjectID)
        let paths = [
            ("POST", "/v1/tokens"), ("POST", "/v1/tokens/self/rotate"), ("PATCH", "/v1/tokens/00000000"),
            ("POST", "/v1/projects"), ("PATCH", "/v1/projects/\(project)"),
            ("POST", "/v1/projects/\(project)/members"), ("POST", "/v1/tokens/report"),
            ("POST", "/v1/device/code"), ("POST", "/v1/device/token"),
        ]
        var generator = TestSeed.generator()
        for _ in 0..<700 {
            let (method, path) = paths.randomElement(using: &generator) ?? paths[0]
            var body = String(decoding: try APICoding.encode(RandomJSON.object(&generator)), as: UTF8.self)
            if Int.random(in: 0..<4, using: &generator) == 0 { body = String(body.shuffled(using: &generator)) }
            let response = try session.send(method, path, body)
            #expect(response.status < 500, "\(method) \(path) \(body)")
            #expect(response.status < 300 || response.code != nil)
        }
        for _ in 0..<300 {
            let path =
                ["/v1/tokens", "/v1/projects", "/v1/audit-logs", "/v1/auth/can"].randomElement(using: &generator) ?? "/"
            let name =
                ["limit", "cursor", "q", "since", "user", "scope", "project", "%00"]
                .randomElement(using: &generator) ?? "q"
            let value = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
                "%" + String(Int.random(in: 16..<256, using: &generator), radix: 16)
            }
            let response = try session.send("GET", "\(path)?\(name)=\(value.joined())")
            #expect(response.status < 500, "\(path)?\(name)=\(value.joined())")
        }
        #expect(try session.whoami().status == 200)
    }
}

private enum RandomJSON {
    private static let names = [
        "name", "scopes", "project_ids", "expires_at", "expires_in_days", "id", "sha256", "grace_seconds",
        "description", "client_name", "device_code",
        "email", "role", "permissions", "status", "tokens", "",
    ]

    static func object(_ generator: inout SeededGenerator, depth: Int = 0) -> JSONValue {
        let fields = (0..<Int.random(in: 0..<5, using: &generator)).map { _ in
            (names.randomElement(using: &generator) ?? "", value(&generator, depth))
        }
        return .object(Dictionary(fields) { $1 })
    }

    private static func value(_ generator: inout SeededGenerator, _ depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth < 3 ? 9 : 7), using: &generator) {
        case 0: .null
        case 1: .bool(.random(using: &generator))
        case 2: .integer([0, 1, 7, 30, -1, 604_800, .max, .min].randomElement(using: &generator) ?? 0)
        case 3: .number([0.5, -1e300, 1e18].randomElement(using: &generator) ?? 0)
        case 4:
            .string(
                ["", "*", "tokens:*", "admin", "user", "active", "\u{0}", "\u{1F600}", "'; --"]
                    .randomElement(using: &generator) ?? "")
        case 5: .string(String(repeating: "a", count: Int.random(in: 0..<300, using: &generator)))
        case 6:
            .string(
                ["2027-01-31T12:00:00Z", "9999-12-31T23:59:59Z", "00000000", "read"].randomElement(using: &generator)
                    ?? "")
        case 7: .array((0..<Int.random(in: 0..<4, using: &generator)).map { _ in value(&generator, depth + 1) })
        default: object(&generator, depth: depth + 1)
        }
    }
}

extension String {
    /// Returns a value without the surrounding white space, which HTTP ignores.
    fileprivate var trimmed: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
