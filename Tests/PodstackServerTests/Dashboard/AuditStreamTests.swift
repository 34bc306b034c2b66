import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#endif

@Suite("The stream of audit log entries", .blocking, .databases, .timeLimit(.perTest))
struct AuditStreamTests {
    let scene: DashboardScene
    var owner: TestClient { scene.owner }

    init() throws { scene = try DashboardScene() }

    /// A browser that reads the stream.
    final class Stream {
        let connection: RawHTTP

        init(_ client: TestClient, _ query: String, headers: [(String, String)] = []) throws {
            connection = try RawHTTP(port: client.server.server.port)
            var head = "GET /audit-log/events?\(query) HTTP/1.1\r\nHost: localhost\r\n"
            for (name, value) in headers + client.cookies.map({ ("Cookie", "\($0.key)=\($0.value)") }) {
                head += "\(name): \(value)\r\n"
            }
            try connection.send(head + "\r\n")
        }

        /// Waits until the stream contains `text`, and returns everything received.
        func wait(for text: String) throws -> String {
            Self.body(of: try connection.text { Self.body(of: $0).contains(text) })
        }

        /// Waits for the end of the body, and returns everything received.
        func waitForEnd() throws -> String {
            Self.body(of: try connection.text { $0.hasSuffix("\r\n0\r\n\r\n") })
        }

        /// Returns the head and the decoded chunks, as described in RFC 9112, section 7.1.
        private static func body(of text: String) -> String {
            guard let end = text.firstRange(of: "\r\n\r\n") else { return text }
            var body = Array(text[..<end.upperBound].utf8)
            var rest = Array(text[end.upperBound...].utf8)[...]
            while let line = rest.firstIndex(of: UInt8(ascii: "\n")),
                let size = Int(String(decoding: rest[..<line].dropLast(), as: UTF8.self), radix: 16)
            {
                body += rest[(line + 1)...].prefix(size)
                rest = rest[(line + 1)...].dropFirst(size + 2)
            }
            return String(decoding: body, as: UTF8.self)
        }
    }

    func newest() throws -> Int64 {
        let account = try #require(try owner.session).user.accountID
        return try scene.service.database.read { try AuditStore.newest(of: [account], in: $0) }[account] ?? 0
    }

    @Test("a new entry arrives as a row of the page, with a number to resume from", arguments: TestDatabase.selected)
    func arrives(_: TestDatabase) throws {
        let stream = try Stream(owner, "after=\(try newest())")
        let head = try stream.wait(for: "retry: 3000")
        #expect(head.hasPrefix("HTTP/1.1 200"))
        for field in [
            "Content-Type: text/event-stream", "Cache-Control: no-store", "X-Accel-Buffering: no",
            "Transfer-Encoding: chunked",
        ] {
            #expect(head.contains(field), "\(field)")
        }
        _ = try scene.createProject("first <b>")
        let first = try stream.wait(for: "</tr>\n\n")
        #expect(first.contains("id: \(try newest())\n"))
        #expect(first.contains("first &lt;b&gt;"))
        let row = try #require(first.firstRange(of: "data: ")).upperBound
        let displayed = String(first[row...].prefix { $0 != "\n" })
        #expect(try owner.get("/audit-log").body.contains(displayed))
        _ = try scene.createProject("second")
        _ = try stream.wait(for: ">second<")
    }

    @Test("the filters of the page apply to new entries", arguments: TestDatabase.selected)
    func filtered(_: TestDatabase) throws {
        let stream = try Stream(owner, "after=0&action=create&q=wanted")
        _ = try scene.createProject("other")
        _ = try scene.createProject("wanted")
        let text = try stream.wait(for: ">wanted<")
        #expect(!text.contains("other"))
        #expect(!text.contains("User created"))
    }

    @Test("a client that reconnects receives every missed entry once", arguments: TestDatabase.selected)
    func resumes(_: TestDatabase) throws {
        _ = try scene.createProject("known")
        let known = try newest()
        _ = try scene.createProject("missed")
        let stream = try Stream(owner, "after=0", headers: [("Last-Event-ID", String(known))])
        let text = try stream.wait(for: ">missed<")
        #expect(!text.contains(">known<"))
        #expect(text.ranges(of: "id: ").count == 1)
    }

    @Test("several batches arrive completely and in order", arguments: TestDatabase.selected)
    func manyAtOnce(_: TestDatabase) throws {
        // Read before: finding a session can write, which is impossible inside another change.
        let session = try #require(try owner.session)
        for index in 0..<230 {
            try scene.service.changes.perform(by: .administrator, at: scene.service.now()) { change in
                try change.record(.update, on: AuditResource(session.user), ["index": .integer(index)])
            }
        }
        let stream = try Stream(owner, "after=0&action=update")
        let text = try stream.wait(for: "<dd>229</dd>")
        let numbers = text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.compactMap { Int($0.dropFirst(4)) }
        #expect(numbers.count == 230)
        #expect(numbers == numbers.sorted())
    }

    @Test("signing out ends only the streams of that session", arguments: TestDatabase.selected)
    func signOut(_: TestDatabase) throws {
        let other = TestClient(scene.server)
        try other.enter(RunningServer.email)
        let (mine, others) = (try Stream(owner, "after=0"), try Stream(other, "after=0"))
        _ = try mine.wait(for: "retry")
        _ = try others.wait(for: "retry")
        try owner.post("/sign-out")
        #expect(!(try mine.waitForEnd().contains(">Signed out<")))
        _ = try others.wait(for: ">Signed out<")
        #expect(try Stream(owner, "after=0").wait(for: "\r\n\r\n").hasPrefix("HTTP/1.1 204"))
    }

    @Test("removing a member from a project ends their stream of its log", arguments: TestDatabase.selected)
    func loses(_: TestDatabase) throws {
        let project = try scene.createProject("p")
        let ann = try scene.client("ann@example.com")
        try scene.add("ann@example.com", to: project, ["read"])
        let stream = try Stream(ann, "after=0&project=\(project)")
        _ = try stream.wait(for: "Member added")
        let member = "/projects/\(project)/members/\(try scene.userID("ann@example.com"))"
        try owner.get("/projects/\(project)")
        #expect(try owner.post("\(member)/remove").status == 303)
        #expect(!(try stream.waitForEnd().contains("Member removed")))
    }

    @Test("stopping the server ends the streams", arguments: TestDatabase.selected)
    func stop(_: TestDatabase) throws {
        let streams = try (0..<4).map { _ in try Stream(owner, "after=0") }
        for stream in streams { _ = try stream.wait(for: "retry") }
        try scene.server.server.stop()
        for stream in streams { _ = try stream.waitForEnd() }
    }

    @Test("a session can have four streams, and a closed one frees its place", arguments: TestDatabase.selected)
    func limit(_: TestDatabase) throws {
        var streams = try (0..<4).map { _ in try Stream(owner, "after=0") }
        for stream in streams { _ = try stream.wait(for: "retry") }
        let refused = try owner.get("/audit-log/events?after=0")
        #expect(refused.status == 429)
        #expect(refused.headers["retry-after"] == "60")
        streams.removeLast()
        try blockUntil(within: .seconds(20), "a stream is accepted") {
            let response = try Stream(owner, "after=0").wait(for: "\r\n\r\n")
            let status = Int(response.dropFirst(9).prefix(3)) ?? 0
            #expect(status == 200 || status == 429)
            return status == 200
        }
    }

    @Test("an account can have sixteen streams, and others have their own", arguments: TestDatabase.selected)
    func accountLimit(_: TestDatabase) throws {
        let clients = try (0..<5).map { _ in
            let client = TestClient(scene.server)
            try client.enter(RunningServer.email)
            return client
        }
        let streams = try (0..<16).map { try Stream(clients[$0 / 4], "after=0") }
        for stream in streams { _ = try stream.wait(for: "retry") }
        let refused = try clients[4].get("/audit-log/events?after=0")
        #expect(refused.status == 429 && refused.headers["retry-after"] == "60")
        let other = try scene.client("other@example.com")
        _ = try Stream(other, "after=0").wait(for: "retry")
    }

    @Test("fifty streams all receive a new entry and do not delay other requests", arguments: TestDatabase.selected)
    func fifty(_: TestDatabase) throws {
        // An account may have 16 streams.
        let accounts = try (0..<4).map { account in
            let email = account == 0 ? RunningServer.email : "\(account)@example.com"
            if account > 0 { try scene.server.server.addUser(email) }
            return try (0..<4).map { _ in
                let client = TestClient(scene.server)
                try client.enter(email)
                return client
            }
        }
        let streams = try (0..<50).map { try Stream(accounts[$0 % 4][$0 / 4 / 4], "after=0&action=create") }
        for stream in streams { _ = try stream.wait(for: "retry") }
        let session = TestClient(scene.server, try scene.server.createToken())
        for _ in 0..<20 { #expect(try session.whoami().status == 200) }
        for clients in accounts {
            try clients[0].get("/projects")
            try clients[0].post("/projects", ["name": "for all"])
        }
        for stream in streams { _ = try stream.wait(for: ">for all<") }
        #expect(try session.whoami().status == 200)
    }

    @Test("a stream does not keep a session alive", arguments: TestDatabase.selected)
    func idle(_: TestDatabase) throws {
        let clock = ManualClock()
        let scene = try DashboardScene(clock: clock)
        let stream = try Stream(scene.owner, "after=0")
        _ = try stream.wait(for: "retry")
        clock.set(clock.now + WebSession.idleSeconds - 1)
        #expect(try Stream(scene.owner, "after=0").wait(for: "\r\n\r\n").hasPrefix("HTTP/1.1 200"))
        clock.set(clock.now + 1)
        _ = try stream.waitForEnd()
        #expect(try scene.owner.get("/audit-log/events?after=0").status == 204)
    }

    @Test("HEAD does not start a stream", arguments: TestDatabase.selected)
    func head(_: TestDatabase) throws {
        for _ in 0..<6 { #expect(try owner.send("HEAD", "/audit-log/events?after=0").status < 430) }
        #expect(try owner.get("/audit-log").status == 200)
    }

    @Test("a stream receives entries that another instance wrote", arguments: TestDatabase.selected)
    func instances(_: TestDatabase) throws {
        guard TestDatabase.current == .postgresql else { return }
        let two = try TwoInstances()
        let service = two.first.service
        let secret = try service.changes.perform(by: Actor(origin: Origin()), at: service.now()) { change in
            let user = try #require(try UserStore.find(email: RunningServer.email, in: change.connection))
            return try service.signIn.sessions.begin(userID: user.id, from: Origin(address: .unknown), in: change)
                .text
        }
        let connection = try RawHTTP(port: two.second.port)
        try connection.send(
            "GET /audit-log/events?after=0 HTTP/1.1\r\nHost: x\r\nCookie: podstack_session=\(secret)\r\n\r\n")
        _ = try connection.text { $0.contains("User created") }
        _ = try two.createToken()
        _ = try connection.text { $0.contains("Token created") }
    }
}
