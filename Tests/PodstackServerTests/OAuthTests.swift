import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The device flow for OAuth clients", .blocking, .databases, .timeLimit(.perTest))
struct OAuthTests {
    let clock: ManualClock
    let running: RunningServer
    var service: Service { running.server.service }
    static let form = "application/x-www-form-urlencoded"
    static let grant = "grant_type=urn:ietf:params:oauth:grant-type:device_code"
    static let authorization = "/v1/oauth/device_authorization"
    static let token = "/v1/oauth/token"

    init() throws {
        let clock = ManualClock()
        self.clock = clock
        running = try RunningServer(clock: clock)
    }

    struct Failure: Decodable, Equatable {
        var error: String
        var error_description: String
    }

    struct Success: Decodable {
        var access_token: String
        var token_type: String
        var expires_in: Int
        var scope: String
    }

    func post(
        _ path: String, _ body: String, type: String? = OAuthTests.form, server: RunningServer? = nil
    ) throws -> TestResponse {
        try TestClient(server ?? running).request(
            "POST", path, headers: type.map { [("Content-Type", $0)] } ?? [], body: body)
    }

    func begin(_ body: String = "client_id=My%20tool&scope=tokens:read+projects%3Aread") throws -> DeviceCode {
        try post(Self.authorization, body).decoded(DeviceCode.self)
    }

    /// Polls for the token after the required interval.
    func poll(_ code: DeviceCode, wait: Int64 = 5, client: String = "My+tool") throws -> TestResponse {
        clock.set(clock.now + wait)
        return try post(Self.token, "\(Self.grant)&device_code=\(code.deviceCode)&client_id=\(client)")
    }

    func decide(_ decision: (UserRecord, Change) throws -> Void) throws {
        let user = try #require(try service.database.read { try UserStore.find(email: RunningServer.email, in: $0) })
        try service.changes.perform(by: .administrator, at: service.now()) { try decision(user, $0) }
    }

    func approve(_ code: DeviceCode) throws {
        try decide { _ = try service.devices.approve(code.userCode, by: $0, in: $1) }
    }

    /// Expects an error response in the form of OAuth and returns its error.
    @discardableResult
    func error(_ response: TestResponse, status: Int = 400, sourceLocation: SourceLocation = #_sourceLocation) throws
        -> String
    {
        #expect(response.status == status, sourceLocation: sourceLocation)
        #expect(response.headers["cache-control"] == "no-store", sourceLocation: sourceLocation)
        #expect(response.headers["pragma"] == "no-cache", sourceLocation: sourceLocation)
        #expect(response.headers["content-type"] == "application/json", sourceLocation: sourceLocation)
        let failure = try response.decoded(Failure.self)
        let allowed = failure.error_description.utf8.allSatisfy {
            (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C
        }
        #expect(allowed && !failure.error_description.isEmpty, sourceLocation: sourceLocation)
        return failure.error
    }

    @Test("a program gets a token with the scopes that it asked for, once", arguments: TestDatabase.selected)
    func signIn(_: TestDatabase) throws {
        let begun = try post(Self.authorization, "client_id=My+tool&scope=tokens:read+projects:read&unknown=1")
        #expect(begun.status == 200)
        #expect(begun.headers["cache-control"] == "no-store")
        let code = try begun.decoded(DeviceCode.self)
        #expect(code.verificationURI == "http://localhost/device")
        #expect(code.verificationURIComplete == "http://localhost/device?code=\(code.userCode)")
        #expect(code.expiresIn == 600 && code.interval == 5)
        #expect(try error(try poll(code)) == "authorization_pending")
        #expect(try error(try poll(code, wait: 1)) == "slow_down")
        try approve(code)
        let response = try poll(code, wait: 10)
        #expect(response.status == 200)
        #expect(response.headers["cache-control"] == "no-store" && response.headers["pragma"] == "no-cache")
        let token = try response.decoded(Success.self)
        #expect(token.token_type == "Bearer")
        #expect(token.scope == "tokens:read projects:read")
        #expect(token.expires_in == 30 * 86_400)
        let user = try TestClient(running, token.access_token).whoami()
        #expect(user.status == 200 && user.body.contains("\"name\":\"My tool\""))
        #expect(try error(try poll(code, wait: 10)) == "invalid_grant")
    }

    @Test("a program that names no scope gets the user's", arguments: TestDatabase.selected)
    func noScope(_: TestDatabase) throws {
        for body in ["client_id=My+tool", "client_id=My+tool&scope="] {
            let code = try begin(body)
            try approve(code)
            #expect(try poll(code).decoded(Success.self).scope == "*")
        }
    }

    @Test("denied, expired, unknown and foreign codes get the errors of the RFC", arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        let denied = try begin()
        try decide { _ = try service.devices.deny(denied.userCode, by: $0, in: $1) }
        #expect(try error(try poll(denied)) == "access_denied")
        let late = try begin()
        clock.set(clock.now + 600)
        #expect(try error(try poll(late)) == "expired_token")
        let approved = try begin()
        try approve(approved)
        for client in ["Other+tool", "my+tool", "%20", "My+tool%00", String(repeating: "x", count: 200)] {
            let refused = try error(try poll(approved, client: client))
            #expect(refused == (client.contains("%00") ? "invalid_request" : "invalid_grant"), "\(client)")
        }
        for code in ["x", String(repeating: "x", count: 5000), "dvc_%F0%9F%98%80"] {
            let refused = try post(Self.token, "\(Self.grant)&client_id=My+tool&device_code=\(code)")
            #expect(try error(refused) == "invalid_grant")
        }
        #expect(try poll(approved).status == 200)
    }

    @Test(
        "a code of the JSON flow whose secret the program generated is of no use here", arguments: TestDatabase.selected
    )
    func generatedByProgram(_: TestDatabase) throws {
        let own = TestToken.generate(id: "00000000")
        let begun = try TestClient(running).request(
            "POST", "/v1/device/code", headers: [("Content-Type", "application/json")],
            body: "{\"client_name\": \"My tool\", \(TestClient.fields(of: own))}")
        let code = try begun.decoded(DeviceCode.self)
        try approve(code)
        #expect(try error(try poll(code)) == "invalid_grant")
        #expect(try TestClient(running, own).whoami().status == 401)
    }

    @Test("an account at its limit of tokens denies the program access", arguments: TestDatabase.selected)
    func quota(_: TestDatabase) throws {
        let code = try begin()
        try approve(code)
        for _ in 0..<5 { _ = try running.createToken() }
        #expect(try error(try poll(code)) == "access_denied")
    }

    @Test(
        "a malformed request to either endpoint is an invalid_request",
        arguments: TestDatabase.selected, [OAuthTests.authorization, OAuthTests.token])
    func malformed(_: TestDatabase, path: String) throws {
        let good = "\(Self.grant)&client_id=n&device_code=x"
        for body in [
            "", "&", "=", "client_id", "client_id=", "scope=*&client_id=", good + "&client_id=n", good + "&client_id=m",
            good + "&x=1&x=2", good + "&scope=%zz", good + "&scope=%00", good + "&scope=%ff", good + "&scope=é",
            "{\"client_id\": \"n\"}",
        ] {
            #expect(try error(try post(path, body)) == "invalid_request", "\(body)")
        }
        for type in [
            nil, "application/json", "text/plain", "multipart/form-data; boundary=x", "\(Self.form)x",
            "\(Self.form); charset=iso-8859-1", "",
        ] {
            #expect(try error(try post(path, good, type: type)) == "invalid_request", "\(type ?? "none")")
        }
        for query in ["?client_id=n", "?client_secret=s", "?x"] {
            #expect(try error(try post(path + query, good)) == "invalid_request", "\(query)")
        }
        let twice = try TestClient(running).request(
            "POST", path, headers: [("Content-Type", Self.form), ("Content-Type", "text/plain")], body: good)
        #expect(try error(twice) == "invalid_request")
    }

    @Test(
        "a client that sends credentials gets invalid_client and the scheme, at both endpoints",
        arguments: TestDatabase.selected, [OAuthTests.authorization, OAuthTests.token])
    func credentials(_: TestDatabase, path: String) throws {
        let good = "\(Self.grant)&client_id=n&device_code=x"
        func send(_ body: String, _ authorization: String?) throws -> TestResponse {
            try TestClient(running).request(
                "POST", path,
                headers: [("Content-Type", Self.form)] + (authorization.map { [("Authorization", $0)] } ?? []),
                body: body)
        }
        for authorization in ["Basic bXk6c2VjcmV0", "basic bXk6", "Basic", "Basic !", "Digest x", ""] {
            for body in [good, "\(Self.grant)&device_code=x", ""] {
                let response = try send(body, authorization)
                #expect(try error(response, status: 401) == "invalid_client", "\(authorization)")
                #expect(response.headers["www-authenticate"] == #"Basic realm="podstack""#)
                #expect(!response.body.contains("bXk6"))
            }
        }
        for parameter in ["client_secret=s", "client_assertion=x&client_assertion_type=y"] {
            let response = try send("\(good)&\(parameter)", nil)
            #expect(try error(response, status: 401) == "invalid_client")
            #expect(response.headers["www-authenticate"] != nil)
        }
        #expect(try send("\(good)&client_secret=", nil).status != 401)
        // The token of a user is ignored.
        #expect(try send(good, "Bearer x").status != 401)
    }

    @Test(
        "a parameter without a value counts as omitted, and a charset of UTF-8 is allowed",
        arguments: TestDatabase.selected)
    func lenient(_: TestDatabase) throws {
        for type in ["\(Self.form);charset=UTF-8", "\(Self.form) ; charset=\"utf-8\"", Self.form.uppercased()] {
            let response = try post(
                Self.authorization, "client_id=&scope=&client_id=n&&client_secret=&extra", type: type)
            #expect(response.status == 200, "\(type) \(response.body)")
        }
    }

    @Test("client_id and scope follow the rules of names and scopes", arguments: TestDatabase.selected)
    func values(_: TestDatabase) throws {
        for (body, expected) in [
            ("client_id=n&scope=cats", "invalid_scope"),
            ("client_id=n&scope=tokens%3Aread,pods%3Aread", "invalid_scope"),
            ("client_id=n&scope=+", "invalid_scope"), ("client_id=n&scope=%22%5C", "invalid_scope"),
            ("client_id=%0A", "invalid_request"),
            ("client_id=" + String(repeating: "x", count: 101), "invalid_request"),
            ("client_id=%0A&scope=cats", "invalid_request"),
        ] {
            #expect(try error(try post(Self.authorization, body)) == expected, "\(body)")
        }
        let secret = try running.createToken()
        for body in ["client_id=\(secret)", "client_id=n&scope=\(secret)", "client_id=n&\(secret)=1&\(secret)=1"] {
            let response = try post(Self.authorization, body)
            try error(response)
            #expect(!response.body.contains(secret.suffix(16)))
        }
    }

    @Test("the grant type is required, and every other one is unsupported", arguments: TestDatabase.selected)
    func grantType(_: TestDatabase) throws {
        #expect(try error(try post(Self.token, "client_id=n&device_code=x")) == "invalid_request")
        for grant in ["password", "authorization_code", "client_credentials", "refresh_token", "device_code", "x"] {
            let response = try post(Self.token, "grant_type=\(grant)&client_id=n")
            #expect(try error(response) == "unsupported_grant_type")
        }
        #expect(try error(try post(Self.token, "\(Self.grant)&client_id=n")) == "invalid_request")
        #expect(try error(try post(Self.token, "\(Self.grant)&device_code=x")) == "invalid_request")
    }

    @Test(
        "the limits are those of the JSON flow, and their errors are those of OAuth", arguments: TestDatabase.selected)
    func limits(_: TestDatabase) throws {
        let limited = try RunningServer(clock: clock, deviceCodes: 2)
        let json = try TestClient(limited).request(
            "POST", "/v1/device/code", headers: [("Content-Type", "application/json")], body: #"{"client_name": "n"}"#)
        #expect(json.status == 200)
        #expect(try post(Self.authorization, "client_id=n", server: limited).status == 200)
        let refused = try post(Self.authorization, "client_id=n", server: limited)
        #expect(try error(refused, status: 429) == "temporarily_unavailable")
        #expect(refused.headers["retry-after"] != nil)
        let polls = try (0..<41).map { _ in try post(Self.token, "client_id=n", server: limited) }
        #expect(try error(try #require(polls.last), status: 429) == "slow_down")
    }

    @Test("errors outside of the handlers have the form of OAuth too", arguments: TestDatabase.selected)
    func outside(_: TestDatabase) throws {
        for path in [Self.authorization, Self.token] {
            let wrongMethod = try TestClient(running).get(path)
            #expect(try error(wrongMethod, status: 405) == "invalid_request")
            #expect(wrongMethod.headers["allow"] == "POST")
            let large = String(repeating: "x", count: 70_000)
            let tooLarge = try TestClient(port: running.server.port).request(
                "POST", path, headers: [("Content-Type", Self.form)], body: "client_id=\(large)")
            #expect(try error(tooLarge, status: 413) == "invalid_request")
        }
    }

    @Test("the metadata names the endpoints at the URL that clients use", arguments: TestDatabase.selected)
    func metadata(_: TestDatabase) throws {
        let response = try TestClient(running).get("/.well-known/oauth-authorization-server")
        let metadata = try response.decoded(JSONValue.self)
        #expect(metadata["issuer"] == "http://localhost")
        #expect(metadata["device_authorization_endpoint"] == "http://localhost/v1/oauth/device_authorization")
        #expect(metadata["token_endpoint"] == "http://localhost/v1/oauth/token")
        #expect(metadata["grant_types_supported"] == .array(["urn:ietf:params:oauth:grant-type:device_code"]))
        #expect(metadata["token_endpoint_auth_methods_supported"] == .array(["none"]))
        // An empty list is invalid: RFC 8414, section 3.2.
        #expect(metadata["response_types_supported"] == .array(["none"]))
        guard case .array(let scopes)? = metadata["scopes_supported"] else {
            Issue.record("there are no scopes")
            return
        }
        #expect(scopes.contains("*") && scopes.contains("tokens:read") && scopes.contains("pods:*"))
        let text = scopes.compactMap(\.stringValue).joined(separator: "+").replacing(":", with: "%3A")
        #expect(try post(Self.authorization, "client_id=n&scope=\(text)").status == 200)
    }
}

/// OAuth clients that were written for other services.
@Suite(
    "Other OAuth clients", .blocking, .timeLimit(.perTest),
    .enabled(if: PythonOracle.isThere, "PODSTACK_TEST_PYTHON is not set: run scripts/test"))
struct OAuthClientTests {
    private struct Step: Decodable {
        var step: String
        var error: String?
        var user_code: String?
        var verification_uri_complete: String?
        var type: String?
        var expires: Int?
        var scope: String?
        var user: User?
    }

    private func steps(_ process: ToolProcess) throws -> [Step] {
        try process.standardOutput.split(separator: "\n").map { try APICoding.decode(Step.self, from: Array($0.utf8)) }
    }

    @Test(
        "signs in with nothing but the URL of the service, while a user approves it in the dashboard",
        arguments: ["authlib", "oauthlib"])
    func signIn(library: String) throws {
        let place = try ServerPlace()
        let server = try ToolProcess(
            attached: try ToolProcess.path(of: "podstack-server"),
            ["serve", "--listen", "127.0.0.1:0", "--data", place.data], ending: "TERM")
        try server.waitForOutput { $0.contains("first-account-link\n") }
        let line = server.standardOutput.prefix { $0 != "\n" }
        let url = String(line.dropFirst("podstack-server listening on ".count))
        let port = try #require(UInt16(url.split(separator: ":").last ?? ""))
        let added = try ToolProcess.run("podstack-server", ["user", "add", RunningServer.email, "--data", place.data])
        let link = try #require(added.output.split(separator: "\n").last)
        let viewer = TestClient(port: port)
        #expect(try viewer.choose(at: String(link.dropFirst(url.count))).status == 303)

        let program = try PythonOracle.start("oauth_client.py", [library, url])
        try program.waitForEither { $0.contains("slow_down") || $0.contains("Traceback") }
        let begun = try steps(program)
        #expect(begun.map(\.error) == [nil, "authorization_pending", "slow_down"], "\(program.standardError)")
        let code = try #require(begun.first?.user_code)
        #expect(begun.first?.verification_uri_complete == "\(url)/device?code=\(code)")
        let page = try viewer.get("/device?code=\(code)")
        #expect(page.says("Café build server"))
        #expect(try viewer.post("/device/approve", ["code": code]).status == 303)
        #expect(program.wait() == 0, "\(program.standardError)")
        let end = try #require(try steps(program).last)
        #expect(end.step == "signed in" && end.type == "Bearer" && end.scope == "tokens:read projects:read")
        #expect(try #require(end.expires) > 29 * 86_400)
        #expect(end.user?.email == RunningServer.email && end.user?.token?.name == "Café build server")
    }
}
