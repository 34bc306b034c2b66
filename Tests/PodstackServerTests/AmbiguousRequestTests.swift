import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Requests that could be read in two ways", .blocking, .timeLimit(.perTest))
struct AmbiguousRequestTests {
    let client: TestClient

    init() throws { client = try TestClient() }

    /// Returns the names of the fields with problems.
    func fields(_ response: TestResponse) throws -> [String] {
        guard response.code == "validation_failed",
            case .object(let errors)? = try response.decoded(ErrorBody.self).details["field_errors"]
        else { return [] }
        return errors.keys.sorted()
    }

    @Test(
        "a field that a body has twice is rejected by its name, on every route with a body",
        arguments: [
            ("POST", "/v1/tokens", #"{"name": "a", "scopes": ["*"], "scopes": ["tokens:read"]}"#, "scopes"),
            ("POST", "/v1/tokens", #"{"name": "a", "n\u0061me": "b"}"#, "name"),
            ("POST", "/v1/tokens", #"{"name": "a", "scopes": [{"x": 1, "x": 2}]}"#, "scopes.x"),
            ("POST", "/v1/projects", #"{"name": "a", "name": "a"}"#, "name"),
            ("POST", "/v1/tokens/self/rotate", #"{"grace_seconds": 1, "grace_seconds": 2}"#, "grace_seconds"),
            ("POST", "/v1/tokens/report", #"{"tokens": [], "tokens": []}"#, "tokens"),
            ("POST", "/v1/device/code", #"{"client_name": "a", "client_name": "b"}"#, "client_name"),
            ("POST", "/v1/device/token", #"{"device_code": "a", "device_code": "b"}"#, "device_code"),
        ])
    func repeatedFields(method: String, path: String, body: String, field: String) throws {
        let response = try client.send(method, path, body)
        #expect(response.status == 422)
        #expect(try fields(response) == [field])
        #expect(response.body.contains("is given twice"))
    }

    @Test("a repeated field whose name may be a token is not repeated in the response")
    func secretFieldName() throws {
        let name = client.token
        let response = try client.send("POST", "/v1/projects", #"{"\#(name)": 1, "\#(name)": 2}"#)
        #expect(try fields(response) == ["…"])
        #expect(!response.body.contains(name))
    }

    @Test("a client does not choose the size of an error with the names that it sends")
    func unknownNames() throws {
        let names = (0..<5000).map { "\"k\($0)\":0" }.joined(separator: ",")
        for path in ["/v1/tokens/report", "/v1/device/code", "/v1/device/token", "/v1/tokens", "/v1/projects"] {
            let response = try client.send("POST", path, "{\(names)}")
            #expect(response.status == 422 && response.body.utf8.count < 4096, "\(path): \(response.body.utf8.count)")
            #expect(response.body.contains("and 4990 other names"), "\(path): \(response.body.prefix(500))")
            let controls = (0..<1000).map { "\"\($0)\(String(repeating: "\\u0001", count: 6))\":0" }
            let escaped = try client.send("POST", path, "{\(controls.joined(separator: ","))}")
            #expect(escaped.status == 422 && escaped.body.utf8.count < 8192, "\(path): \(escaped.body.utf8.count)")
        }
        let query = (0..<600).map { "k\($0)" }.joined(separator: "&")
        let response = try client.send("GET", "/v1/audit-logs?\(query)")
        #expect(response.status == 422 && response.body.utf8.count < 4096)
        #expect(response.body.contains("and 590 other names"))
        let (email, next) = (String(repeating: "'", count: 10_000), String(repeating: "\"", count: 40_000))
        let form = "email=\(email)&next=/\(next)&password=x"
        let viewer = TestClient(client.server)
        try viewer.get("/sign-in")
        let page = try viewer.request(
            "POST", "/sign-in",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: form + "&form_key=\(viewer.formKey ?? "")")
        #expect(page.status == 422 && page.body.utf8.count < 20_000, "\(page.status) \(page.body.utf8.count)")
    }

    @Test("a parameter that a query has twice is rejected by its name", arguments: ["limit", "cursor"])
    func repeatedParameters(name: String) throws {
        for path in ["/v1/tokens", "/v1/projects", "/v1/audit-logs"] {
            let response = try client.send("GET", "\(path)?\(name)=5&\(name)=6")
            #expect([400, 422].contains(response.status))
            #expect(response.body.contains(name))
        }
        #expect(try client.send("GET", "/v1/tokens?limit=%2B5").status == 400)
    }

    @Test(
        "a header that a request may have once is rejected by its name if it is there twice",
        arguments: ["application/json", "text/plain", ""])
    func repeatedHeaders(second: String) throws {
        for (method, path) in [
            ("POST", "/v1/projects"), ("POST", "/v1/tokens"), ("POST", "/v1/tokens/report"),
            ("POST", "/v1/device/code"),
        ] {
            let response = try client.send(
                method, path, #"{"name": "a"}"#,
                headers: [("Content-Type", "application/json"), ("Content-Type", second)])
            #expect(response.status == 400 && response.code == "bad_request", "\(path)")
            #expect(response.body.contains("Content-Type is given twice"), "\(response.body)")
        }
        let once = try client.send(
            "POST", "/v1/projects", #"{"name": "a"}"#, headers: [("Content-Type", "application/json")])
        #expect(once.status == 201)
    }

    @Test("a form with a field twice, or with two types or origins, changes nothing and names it")
    func repeatedFormFields() throws {
        let viewer = try TestClient(signedUpAt: try RunningServer(clock: ManualClock()))
        try viewer.get("/projects")
        let key = try #require(viewer.formKey)
        let form = "application/x-www-form-urlencoded"
        func post(_ body: String, _ headers: [(String, String)] = []) throws -> TestResponse {
            try viewer.request(
                "POST", "/projects", headers: [("Content-Type", form)] + headers, body: "form_key=\(key)&" + body)
        }
        for (body, name) in [
            ("name=a&name=b", "name"), ("name=a&name=a", "name"), ("name=a&description=&description=b", "description"),
            ("form_key=\(key)&name=a", "form_key"), ("name=a&x=1&x=2", "x"), ("name=a&na%6De=b", "name"),
        ] {
            let response = try post(body)
            #expect(response.status == 400, "\(body)")
            #expect(response.says("The field \(name) is given twice"), "\(body)")
        }
        for (header, value) in [("Content-Type", form), ("Origin", viewer.origin), ("Sec-Fetch-Site", "same-origin")] {
            let first = header == "Content-Type" ? [] : [(header, value)]
            let response = try post("name=a", first + [(header, value)])
            #expect(response.status == 400, "\(header)")
            #expect(response.says("The header \(header) is given twice"), "\(header)")
        }
        let page = try viewer.get("/projects?done=a&done=b")
        #expect(page.status == 400 && page.says("The parameter done is given twice"))
        #expect(try !viewer.get("/projects").says("no such thing"))
        #expect(try post("name=a").status == 303)
        // Several checkboxes of a group have one name.
        let several = try viewer.request(
            "POST", "/account/tokens", headers: [("Content-Type", form)],
            body: "form_key=\(key)&name=t&access=custom&scope=tokens%3Aread&scope=projects%3Aread")
        #expect(several.status != 400)
    }

    @Test(
        "a time that does not exist is rejected with the name of its field",
        arguments: [
            "2027-02-30T00:00:00Z", "2027-06-31T12:00:00+02:00", "2027-01-01T24:00:00Z", "2027-06-30T23:59:60Z",
        ])
    func times(text: String) throws {
        let created = try client.send("POST", "/v1/tokens", #"{"name": "a", "expires_at": "\#(text)"}"#)
        #expect(created.status == 422)
        #expect(try fields(created) == ["expires_at"])
        for name in ["since", "until"] {
            let listed = try client.send("GET", "/v1/audit-logs?\(name)=\(text.replacing("+", with: "%2B"))")
            #expect(listed.status == 422)
            #expect(try fields(listed) == [name])
        }
    }

    @Test(
        "an integer field takes digits only", arguments: ["1.0", "1e1", "-0", "1e400", "9223372036854775808", "\"1\""])
    func integers(text: String) throws {
        let rotated = try client.send("POST", "/v1/tokens/self/rotate", #"{"grace_seconds": \#(text)}"#)
        #expect(rotated.status == 422)
        #expect(try fields(rotated) == ["grace_seconds"])
        let created = try client.send("POST", "/v1/tokens", #"{"name": "a", "expires_in_days": \#(text)}"#)
        #expect(try fields(created) == ["expires_in_days"])
    }

    @Test(
        "a body with a Content-Encoding gets a 415, and identity is none",
        arguments: ["gzip", "GZIP", "x-gzip", "br", "identity, gzip", "zstd", "deflate"])
    func encodedBodies(coding: String) throws {
        let body = #"{"name": "a"}"#
        for path in ["/v1/projects", "/v1/device/code", "/v1/tokens/self/rotate"] {
            let response = try client.send(
                "POST", path, body,
                headers: [
                    ("Content-Type", "application/json"), ("Content-Encoding", coding),
                ])
            #expect(response.status == 415)
            #expect(response.code == "unsupported_media_type")
            #expect(response.headers["accept-encoding"] == "identity")
        }
        #expect(try client.post("/sign-in", ["email": "a"], headers: [("Content-Encoding", coding)]).status == 415)
        #expect(try client.send("GET", "/v1/tokens", headers: [("Content-Encoding", coding)]).status == 200)
    }

    @Test("identity is not an encoding", arguments: ["identity", "Identity", "", " , identity"])
    func identity(coding: String) throws {
        let headers = [("Content-Type", "application/json"), ("Content-Encoding", coding)]
        #expect(try client.send("POST", "/v1/projects", #"{"name": "a"}"#, headers: headers).status == 201)
    }

    @Test("any number of spaces may follow Bearer, and nothing else", arguments: [" ", "  ", "          "])
    func bearer(spaces: String) throws {
        let anonymous = TestClient(client.server)
        func whoami(_ credential: String) throws -> TestResponse {
            try anonymous.request("GET", "/v1/auth/whoami", headers: [("Authorization", credential)])
        }
        #expect(try whoami("Bearer\(spaces)\(client.token)").status == 200)
        #expect(try whoami("bearer\(spaces)\(client.token)").status == 200)
        #expect(try whoami("Bearer\(spaces)").code == "malformed_token")
        #expect(try whoami("Bearer\(spaces)\(client.token) x").code == "malformed_token")
        #expect(try whoami("Bearer\t\(client.token)").status == 401)
    }

    @Test(
        "a host may be any name or address that a resolver knows",
        arguments: [
            "my_service:8080", "_x._tcp.example.com", "a-b.example", "127.0.0.1:8080", "[::1]:8443", "localhost.",
            "[::1]",
            "x:1", "x:65535", "[2001:db8::1]:8443", "xn--bcher-kva.example",
        ])
    func hosts(host: String) throws {
        var request = Request(method: "GET", path: "/")
        request.headers = [("host", host)]
        #expect(try PublicURL().of(request) == "http://\(host)")
        #expect(try PublicURL.checked("https://\(host)") == "https://\(host)")
        for invalid in Self.invalidHosts + [""] {
            request.headers = [("host", invalid)]
            #expect(throws: PublicURL.InvalidHost.self) { try PublicURL().of(request) }
            #expect(throws: PublicURL.InvalidURL.self) { try PublicURL.checked("https://\(invalid)") }
        }
    }

    static let invalidHosts = [
        "a b", "a/b", "a\"b", "a<b", "ä", "a@b", "a?b", "a#b", "a\\b", "x:99999", "x:65536", "x:-1", "x:+1", "x:8o",
        "x:1:2",
        "::1", ":80", "[::1", "::1]", "[::1]x", "[::1]80", "[]", "[x]", "[127.0.0.1]", "x:80 ", "[::1]:99999", "x:0x50",
    ]

    @Test("a request whose host cannot exist gets a 400 on every path", arguments: AmbiguousRequestTests.invalidHosts)
    func invalidHost(host: String) throws {
        for path in ["/healthz", "/v1/tokens", "/sign-in", "/.well-known/oauth-authorization-server"] {
            let connection = try RawHTTP(port: client.server.server.port)
            try connection.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            // The space at the end is not part of the value.
            #expect(try connection.response().status == 400 || host.hasSuffix(" "), "\(path)")
        }
    }
}

@Suite("User codes", .timeLimit(.perTest))
struct UserCodeTests {
    @Test(
        "a code is found however it is typed",
        arguments: [
            "WDJB-MJHT", "wdjbmjht", "WDJB MJHT", "w d j b m j h t", "WDJB\u{2010}MJHT", "WDJB\u{2011}MJHT",
            "WDJB\u{2012}MJHT", "WDJB\u{2013}MJHT", "WDJB\u{2014}MJHT", "WDJB\u{2015}MJHT", "WDJB\u{2212}MJHT",
            "WDJB\u{FE58}MJHT", "WDJB\u{FE63}MJHT", "WDJB\u{FF0D}MJHT", "WDJB\u{30FC}MJHT", "WDJB\u{FF70}MJHT",
            "WDJB\u{301C}MJHT", "WDJB_MJHT", "WDJB.MJHT", "WDJB\u{AD}MJHT", "WDJB\u{A0}MJHT", "WDJB\u{3000}MJHT",
            "WDJB\u{202F}MJHT", "WDJB\u{2009}-\u{2009}MJHT", "\u{200B}WDJB-MJHT\u{FEFF}", "\u{202A}WDJB-MJHT\u{202C}",
            " WDJB-MJHT\n", "ＷＤＪＢ－ＭＪＨＴ", "ｗｄｊｂ　ｍｊｈｔ", "“WDJB-MJHT”", "(WDJB-MJHT)", "WDJB--MJHT",
        ])
    func found(typed: String) { #expect(UserCode.parse(typed) == "WDJB-MJHT") }

    @Test(
        "other letters and other lengths are not a code",
        arguments: [
            "", "-", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "WDJB-MJH\u{417}", "WDJB+MJHT",
            "𝐖𝐃𝐉𝐁𝐌𝐉𝐇𝐓", String(repeating: "-", count: 200) + "WDJBMJHT",
        ])
    func rejected(typed: String) { #expect(UserCode.parse(typed) == nil) }
}
