import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The audit log's page", .blocking, .databases, .timeLimit(.perTest))
struct AuditLogPageTests {
    let clock = ManualClock()
    let scene: DashboardScene
    var owner: TestClient { scene.owner }

    init() throws { scene = try DashboardScene(clock: clock) }

    /// Returns the name of each entry's resource, in the order of the page.
    func names(_ path: String) throws -> [String] {
        let response = try owner.get(path)
        #expect(response.status == 200, "\(path): \(response.body)")
        return response.texts("<span class=\"resource\"", until: "</span>")
    }

    @Test(
        "an entry has a time, a user, an action, a resource, an address and the changed values",
        arguments: TestDatabase.selected)
    func entry(_: TestDatabase) throws {
        let id = try scene.createProject("before")
        try owner.get("/projects/\(id)")
        try owner.post(
            "/projects/\(id)", ["name": "after", "description": "new"], headers: [("User-Agent", "tests/1")])
        let response = try owner.get("/audit-log")
        let entries = response.body.components(separatedBy: "<tr role=\"row\"><td").dropFirst()
        let row = try #require(entries.first { $0.contains("Project changed") })
        for part in [
            "<time class=\"clock\" datetime=\"2030-03-17T17:46Z\" title=\"2030-03-17 17:46 UTC\">17:46</time>",
            "you@example.com", ">after</span>", "<code title=\"\(id)\">\(id.prefix(8))…\(id.suffix(4))</code>",
            "<dt>Resource ID</dt><dd><code>\(id)</code></dd>", "<a href=\"/projects/\(id)\">after</a>",
            ">127.0.0.1<",
            "<dt>Name</dt><dd><del>before</del> → <ins>after</ins></dd>",
            "<dt>Description</dt><dd><del>none</del> → <ins>new</ins></dd>", "<dt>Client</dt><dd>tests/1</dd>",
        ] {
            #expect(row.contains(part), "\(part) in \(row)")
        }
        // The details are a row of their own, so that opening them does not move the columns.
        let details = try #require(row.components(separatedBy: "<tr role=\"row\" class=\"details\">").last)
        #expect(details.hasPrefix("<td role=\"cell\" colspan=\"6\"><dl>") && details.contains("<dt>Client</dt>"))
        #expect(response.headers["server-timing"]?.contains("render;dur=") == true)
        #expect(try #require(try names("/audit-log").first) == "after")
    }

    @Test("a row with the date precedes the entries of each day", arguments: TestDatabase.selected)
    func days(_: TestDatabase) throws {
        for name in ["a", "b"] { _ = try scene.createProject(name) }
        clock.set(clock.now + 2 * 86_400)
        try owner.enter(RunningServer.email)
        _ = try scene.createProject("c")
        let page = try owner.get("/audit-log?resource_type=project")
        #expect(page.texts("<tr role=\"row\" class=\"day\"", until: "</tr>") == ["2030-03-19", "2030-03-17"])
        let rows = page.texts("<tr role=\"row\"", until: "</tr>").map { $0.prefix(10) }
        #expect(
            rows.filter { $0.hasPrefix("2030") || $0.contains(":") }.map { $0.prefix(4) } == [
                "2030", "17:4", "2030", "17:4", "17:4",
            ])
    }

    @Test("text from other users is escaped on the page", arguments: TestDatabase.selected)
    func escaping(_: TestDatabase) throws {
        let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
        let id = try scene.createProject(evil, description: "\(evil)\nsecond line")
        try owner.get("/projects/\(id)")
        try owner.post("/projects/\(id)", ["name": "tame", "description": ""], headers: [("User-Agent", evil)])
        for path in [
            "/audit-log", "/audit-log?q=\("%3Cscript%3E%22")", "/audit-log?action=%3Cscript%3E",
            "/audit-log?since=%3Cscript%3E%22", "/projects", "/projects/\(id)",
        ] {
            let body = try owner.get(path).body
            #expect(!body.contains("<script>"), "\(path)")
            // The brand is the only picture.
            #expect(body.components(separatedBy: "<img").count == 2, "\(path)")
            #expect(!body.contains("value=\"<"), "\(path)")
        }
        let events = try scene.service.database.read { connection in
            try AuditStore.list(
                AuditFilter(accountID: try #require(try owner.session).user.accountID), limit: 50,
                in: connection)
        }
        let messages = String(decoding: AuditStreamMessages.encode(events, [id: evil]), as: UTF8.self)
        #expect(!messages.contains("<script>"))
        #expect(messages.split(separator: "\n").allSatisfy { $0.hasPrefix("id: ") || $0.hasPrefix("data: ") })
    }

    @Test("each filter of the form selects its entries, and empty fields are ignored", arguments: TestDatabase.selected)
    func filters(_: TestDatabase) throws {
        let start = clock.now
        _ = try scene.createProject("Alpha 100%")
        clock.set(start + 2 * 86_400)
        try owner.enter(RunningServer.email)
        _ = try scene.createProject("beta")
        let cases = [
            ("", ["beta", "Alpha 100%", "you@example.com"]), ("action=create", ["beta", "Alpha 100%"]),
            ("action=&resource_type=project&user=&since=&until=&q=", ["beta", "Alpha 100%"]),
            ("resource_type=user", ["you@example.com"]), ("user=YOU%40example.com", ["beta", "Alpha 100%"]),
            ("user=nobody", []), ("q=100%25", ["Alpha 100%"]), ("since=2030-03-18", ["beta"]),
            ("until=2030-03-17", ["Alpha 100%", "you@example.com"]), ("since=2030-03-19&until=2030-03-19", ["beta"]),
            ("since=2030-03-20", []), ("action=unheard_of", []),
        ]
        for (query, expected) in cases { #expect(try names("/audit-log?\(query)") == expected, "\(query)") }
        let page = try owner.get("/audit-log?action=create&q=beta&since=2030-03-18").body
        for part in ["<option value=\"create\" selected>", "value=\"beta\"", "value=\"2030-03-18\""] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(page.contains("/audit-log.csv?action=create&amp;q=beta&amp;since=2030-03-18"))
        #expect(page.contains("/audit-log/events?action=create&amp;q=beta&amp;since=2030-03-18&amp;after="))
    }

    @Test("an invalid date is reported at its field, and no entries are displayed", arguments: TestDatabase.selected)
    func invalidInput(_: TestDatabase) throws {
        let response = try owner.get("/audit-log?since=2030-02-31&until=x&q=beta")
        #expect(response.status == 422)
        #expect(response.texts("<p class=\"field-problem\"", until: "</p>").count == 2)
        // A date field cannot contain other text; the other fields keep their values.
        #expect(!response.body.contains("2030-02-31") && response.body.contains("value=\"beta\""))
        #expect(!response.body.contains("<table"))
        for query in ["acton=create", "limit=0", "limit=1001", "limit=x", "before=x", "after=-1"] {
            #expect(try owner.get("/audit-log?\(query)").status == 422, "\(query)")
        }
        #expect(try owner.get("/audit-log?q=a&q=b").status == 400)
        #expect(try owner.get("/audit-log.csv?since=x").status == 422)
        #expect(try owner.get("/audit-log/events?since=x&after=1").status == 422)
        #expect(try owner.get("/audit-log/events").status == 400)
    }

    @Test("links to older and newer entries cover the list without a gap", arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        for index in 0..<7 { _ = try scene.createProject("p\(index)") }
        var seen: [[String]] = []
        var path = "/audit-log?limit=3&action=create"
        func link(_ text: String) throws -> String? {
            let body = try owner.get(path).body
            guard let end = body.firstRange(of: "\">\(text)</a>") else { return nil }
            let begin = try #require(body[..<end.lowerBound].ranges(of: "href=\"").last)
            return String(body[begin.upperBound..<end.lowerBound]).replacing("&amp;", with: "&")
        }
        seen.append(try names(path))
        #expect(try link("Newer entries") == nil)
        while let older = try link("Older entries") {
            path = older
            seen.append(try names(path))
            #expect(!(try owner.get(path).body.contains("data-stream")))
        }
        #expect(seen == [["p6", "p5", "p4"], ["p3", "p2", "p1"], ["p0"]])
        var back: [[String]] = []
        while let newer = try link("Newer entries") {
            path = newer
            let page = try names(path)
            if page.isEmpty { break }
            back.append(page)
        }
        #expect(back == [["p3", "p2", "p1"], ["p6", "p5", "p4"]])
    }

    @Test("the CSV file contains the filtered entries, without formulas", arguments: TestDatabase.selected)
    func export(_: TestDatabase) throws {
        for name in ["=1+1", "plain"] { _ = try scene.createProject(name) }
        let response = try owner.get("/audit-log.csv?action=create&q=1%2B1")
        #expect(response.status == 200)
        #expect(response.headers["content-type"] == "text/csv; charset=utf-8")
        #expect(response.headers["content-disposition"] == "attachment; filename=\"audit-log.csv\"")
        #expect(response.body.split(separator: "\r\n").count == 2)
        #expect(response.body.contains(",\"'=1+1\","))
        #expect(!(try owner.get("/audit-log").body.contains("at most 10000")))
    }

    @Test(
        "the page says that a CSV file cannot hold all entries, and a page holds a thousand",
        arguments: TestDatabase.selected)
    func large(_: TestDatabase) throws {
        let session = try #require(try owner.session)
        try scene.service.database.write { connection in
            for number in 2...10_002 {
                let event = AuditRecord(
                    accountID: session.user.accountID, number: Int64(number), id: "evt_\(number)", createdAt: clock.now,
                    action: "create", resourceType: "project", resourceName: "p\(number)", details: "{}")
                try AuditStore.insert(.init(event: event, previousHash: [], hash: []), in: connection)
            }
        }
        #expect(try owner.get("/audit-log").body.contains("only the newest of these entries, at most 10000;"))
        #expect(!(try owner.get("/audit-log?q=p5000").body.contains("at most 10000")))
        let file = try owner.get("/audit-log.csv?resource_type=project")
        #expect(file.headers["content-disposition"]?.contains("newest-10000") == true)
        #expect(file.body.utf8.split(separator: UInt8(ascii: "\n")).count == 10_001)
        #expect(try names("/audit-log?limit=1000").count == 1000)
    }

    @Test(
        "the log is that of the account, or of a project that the viewer is a member of",
        arguments: TestDatabase.selected)
    func reach(_: TestDatabase) throws {
        let project = try scene.createProject("shared")
        let ann = try scene.client("ann@example.com")
        #expect(!(try ann.get("/audit-log").body.contains("shared")))
        for path in ["/audit-log", "/audit-log.csv", "/audit-log/events"] {
            #expect(try ann.get("\(path)?project=\(project)&after=0").status == 404, "\(path)")
        }
        try scene.add("ann@example.com", to: project, ["create"])
        #expect(try ann.get("/audit-log?project=\(project)").status == 403)
        #expect(try ann.get("/audit-log/events?after=0&project=\(project)").status == 403)
        let bob = try scene.client("bob@example.com")
        try scene.add("bob@example.com", to: project, ["read"])
        let response = try bob.get("/audit-log?project=\(project)")
        #expect(
            response.texts("<span class=\"resource\"", until: "</span>") == [
                "bob@example.com", "bob@example.com", "ann@example.com", "ann@example.com", "shared",
            ])
        #expect(try bob.get("/audit-log.csv?project=\(project)").body.contains("shared"))
    }

    @Test(
        "a signed-out client is redirected to the sign-in page and back to the same entries",
        arguments: TestDatabase.selected)
    func signedOut(_: TestDatabase) throws {
        let client = TestClient(scene.server)
        let response = try client.get("/audit-log?action=create")
        #expect(response.status == 303)
        #expect(response.headers["location"] == "/sign-in?next=%2Faudit-log%3Faction%3Dcreate")
        #expect(try client.get("/audit-log/events?after=0").status == 204)
        #expect(try client.get("/audit-log.csv").status == 303)
    }

    @Test("the details reader agrees with the general decoder", arguments: TestDatabase.selected)
    func details(_: TestDatabase) throws {
        let cases: [(String, [AuditDetailsReader.Detail])] = [
            ("{}", []),
            (
                #"{"a":"x","b":null,"c":["y","z"],"d":12,"e":true,"f":{}}"#,
                [
                    .init(name: "a", new: "x"), .init(name: "b", new: "none"), .init(name: "c", new: "y, z"),
                    .init(name: "d", new: "12"), .init(name: "e", new: "yes"), .init(name: "f", new: ""),
                ]
            ),
            (#"{"new":{"n":"b"},"old":{"n":"a","o":1}}"#, [.init(name: "n", old: "a", new: "b")]),
            (#"{"a":"\u003c\n","b":1.5}"#, [.init(name: "a", new: "<\n"), .init(name: "b", new: "1.5")]),
            ("{\"a\":\"é\"}", [.init(name: "a", new: "é")]), ("nonsense", []), ("", []), ("{\"a\"", []),
        ]
        for (text, expected) in cases { #expect(AuditDetailsReader.read(text) == expected, "\(text)") }
    }
}
