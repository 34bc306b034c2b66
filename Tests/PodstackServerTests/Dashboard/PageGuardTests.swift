import PodstackTestSupport
import Testing

@testable import PodstackServer

/// Checks that hold for every page, generated from the route table so that no page is left out.
@Suite("Access to every page", .blocking, .databases, .timeLimit(.perTest))
struct PageGuardTests {
    let server: RunningServer
    let client: TestClient
    let routes: [PageRoute]
    let link: String
    let asset = String(Asset.style.link.text.split(separator: "/")[1])

    /// The pages that do not require signing in, to which a new one must be added deliberately.
    let open: Set = [
        "GET /help", "GET /status",
        "GET /sign-in", "POST /sign-in", "GET /welcome/{link}", "GET /welcome", "POST /welcome", "GET /assets/{name}",
    ]

    init() throws {
        // The clock stands still, so that requests do not update the time a session was seen.
        server = try RunningServer(clock: ManualClock())
        client = try TestClient(signedUpAt: server)
        routes = server.server.service.dashboard.routes
        try server.server.addUser("other@example.com")
        link = try server.server.signInLink("other@example.com")
        // There are no pages of people for other users.
        let service = server.server.service
        try service.database.write { connection in
            let user = try #require(try UserStore.find(email: RunningServer.email, in: connection))
            try UserStore.setOperator(true, userID: user.id, in: connection)
        }
        // Gets a form key.
        try client.get("/account/sign-in")
    }

    func name(_ route: PageRoute) -> String { "\(route.method) /\(route.pattern.joined(separator: "/"))" }

    func path(_ route: PageRoute) -> String {
        "/"
            + route.pattern.map { part in
                switch part {
                case "{link}": String(link.dropFirst("/welcome/".count))
                case "{name}": asset
                case _ where part.hasPrefix("{"): "00000000"
                default: String(part)
                }
            }.joined(separator: "/")
    }

    @Test("the key of a form has 128 bits, and no part of it is enough", arguments: TestDatabase.selected)
    func formKeyLength(_: TestDatabase) throws {
        try client.get("/account/sign-in")
        let key = try #require(client.formKey)
        #expect(key.count == 32 && key.allSatisfy(\.isHexDigit))
        for part in [String(key.prefix(2)), String(key.prefix(31)), ""] {
            #expect(try client.post("/projects", ["name": "p", "form_key": part]).status == 403)
        }
        #expect(try client.post("/projects", ["name": "p", "form_key": key]).status == 303)
    }

    @Test("a signed-out client sees only the open pages and is redirected to sign in", arguments: TestDatabase.selected)
    func signedOut(_: TestDatabase) throws {
        for route in routes {
            let isOpen = route.access == .open || route.access == .file
            #expect(isOpen == open.contains(name(route)), "\(name(route))")
            if isOpen { continue }
            let stranger = TestClient(server)
            try stranger.get("/sign-in")
            let response = route.method == "GET" ? try stranger.get(path(route)) : try stranger.post(path(route))
            if route.access == .background {
                #expect(response.status == 204, "\(name(route))")
                continue
            }
            #expect(response.status == 303, "\(name(route))")
            #expect(response.headers["location"]?.hasPrefix("/sign-in") == true, "\(name(route))")
            #expect(response.body.isEmpty)
        }
    }

    @Test("a form with a wrong key, from another site or of another type is rejected", arguments: TestDatabase.selected)
    func forged(_: TestDatabase) throws {
        let other = TestClient(server)
        try other.get("/sign-in")
        let foreign = try #require(other.formKey)
        let own = try #require(client.formKey)
        let before = try server.everything()
        for route in routes where route.method == "POST" {
            let path = path(route)
            func expectRefusal(_ response: TestResponse, _ status: Int = 403, line: Int = #line) {
                #expect(response.status == status, "\(name(route)), line \(line)")
                #expect(response.headers["content-type"] == "text/html; charset=utf-8")
            }
            for key in ["", "x", foreign, own.uppercased() + "0", String(own.dropLast())] {
                expectRefusal(try client.post(path, ["form_key": key]))
            }
            for (name, value) in [
                ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", "none"),
                ("Origin", "https://evil.example"), ("Origin", "null"), ("Origin", "https://localhost"),
                ("Origin", "http://localhost.evil.example"), ("Origin", "http://localhost:81"),
            ] {
                expectRefusal(try client.post(path, ["form_key": own], headers: [(name, value)]))
            }
            // A key in the query does not count.
            expectRefusal(try client.post(path + "?form_key=\(own)", ["form_key": ""]))
            for type in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
                expectRefusal(try client.post(path, ["form_key": own], headers: [("Content-Type", type)]), 415)
            }
            let cookieless = TestClient(server)
            let response = try cookieless.post(path, ["form_key": own])
            if route.access == .open { expectRefusal(response) } else { #expect(response.status == 303) }
        }
        #expect(try server.everything() == before)
        #expect(try client.isSignedIn)
    }

    @Test("GET and HEAD change nothing", arguments: TestDatabase.selected)
    func looking(_: TestDatabase) throws {
        let before = try server.everything()
        for route in routes where route.method == "GET" {
            for someone in [client, TestClient(server)] {
                let got = try someone.get(path(route))
                #expect(got.status < 500, "\(name(route))")
                let head = try someone.send("HEAD", path(route))
                #expect(head.status == got.status, "\(name(route))")
                #expect(head.body.isEmpty)
                #expect(head.headers["content-length"] == got.headers["content-length"], "\(name(route))")
            }
        }
        // Forms are accepted only with POST.
        for route in routes where route.method == "POST" {
            let form = [("Content-Type", "application/x-www-form-urlencoded")]
            let key = try #require(client.formKey)
            for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let response = try client.request(method, path(route), headers: form, body: "form_key=\(key)")
                let isPageToo =
                    ["GET", "HEAD"].contains(method)
                    && routes.contains { $0.method == "GET" && $0.pattern == route.pattern }
                #expect(isPageToo || response.status == 405, "\(method) \(name(route))")
            }
        }
        #expect(try server.everything() == before)
    }

    @Test(
        "every page, including errors, forbids foreign scripts and styles, framing and caching",
        arguments: TestDatabase.selected)
    func headers(_: TestDatabase) throws {
        var responses = try routes.filter { $0.method == "GET" && !$0.pattern.contains("assets") }
            .map { ("\(name($0))", try client.get(path($0))) }
        responses += [
            ("404", try client.get("/account/nothing")), ("404 of a file", try client.get("/assets/nothing")),
            ("405", try client.send("DELETE", "/sign-in")), ("403", try client.post("/sign-in", ["form_key": "x"])),
        ]
        for (name, response) in responses {
            #expect(response.headers["cache-control"]?.contains("no-store") == true, "\(name)")
            if response.status == 303 { continue }
            #expect(response.headers["x-content-type-options"] == "nosniff", "\(name)")
            // Downloads and streams run nothing.
            let type = response.headers["content-type"] ?? ""
            if type.hasPrefix("text/csv") || type.hasPrefix("text/event-stream") { continue }
            let policy = response.headers["content-security-policy"] ?? ""
            #expect(policy.hasPrefix("default-src 'none'; "), "\(name)")
            for rule in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'self'"] {
                #expect(policy.contains(rule), "\(name)")
            }
            #expect(!policy.contains("unsafe"), "\(name)")
            #expect(response.headers["x-frame-options"] == "DENY", "\(name)")
            #expect(response.headers["referrer-policy"] == "strict-origin", "\(name)")
            #expect(response.headers["content-type"] == "text/html; charset=utf-8", "\(name)")
            #expect(response.body.hasPrefix("<!DOCTYPE html>"), "\(name)")
            // The pages contain nothing that the policy forbids.
            for inline in [" style=", "<style", "javascript:", " onclick=", "<script>"] {
                #expect(!response.body.contains(inline), "\(name)")
            }
        }
    }

    @Test(
        "assets are cached forever, under a name that contains a digest of their content",
        arguments: TestDatabase.selected)
    func assets(_: TestDatabase) throws {
        for asset in Asset.allCases {
            let response = try client.get(asset.link.text)
            #expect(response.status == 200)
            #expect(response.headers["cache-control"] == "public, max-age=31536000, immutable")
            #expect(response.headers["x-content-type-options"] == "nosniff")
            #expect(try client.get("/sign-out").body.contains(asset.link.text))
        }
        for wrong in ["/assets/", "/assets/../pepper", "/assets/%2e%2e", "/assets/dashboard.css"] {
            #expect(try client.get(wrong).status == 404)
        }
    }

    @Test(
        "the Allow header lists the methods of a page, with HEAD wherever GET is supported",
        arguments: TestDatabase.selected)
    func methods(_: TestDatabase) throws {
        for (path, methods) in [
            ("/account/tokens", "GET, HEAD, POST"), ("/account/tokens/new", "GET, HEAD"), ("/sign-out", "POST"),
        ] {
            let response = try client.send("PUT", path)
            #expect(response.status == 405)
            #expect(response.headers["allow"] == methods)
        }
    }

    @Test("an unknown path is a page for a browser and a JSON error for a program", arguments: TestDatabase.selected)
    func lost(_: TestDatabase) throws {
        let accept = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")]
        let page = try client.send("GET", "/nosuch", headers: accept)
        #expect(page.status == 404 && page.body.contains("<h1>Not found</h1>"))
        #expect(try client.send("GET", "/nosuch").code == "not_found")
        #expect(try client.send("GET", "/v1/nosuch", headers: accept).code == "not_found")
    }

    @Test("no two routes are equal", arguments: TestDatabase.selected)
    func table(_: TestDatabase) { #expect(Set(routes.map(name)).count == routes.count) }
}
