import Podstack
import PodstackTestSupport
import Testing

@Suite("podstack audit list", .blocking)
struct AuditCommandTests {
    let server: RunningServer
    let home: TemporaryDirectory
    let console: Console

    init() throws {
        server = try RunningServer()
        home = try TemporaryDirectory()
        console = Console(environment: server.environment(home: home, token: try server.makeToken()))
    }

    func events(_ words: String..., environment: [String: String] = [:]) async throws -> [AuditEvent] {
        let outcome = await console.run(["audit", "list", "-o", "json"] + words, environment: environment)
        #expect(outcome.status == .done, "\(outcome.error)")
        return try APICoding.decode(Page<AuditEvent>.self, from: Array(outcome.output.utf8)).elements
    }

    func makeProject(_ name: String) async -> String {
        String(await console.run("project", "create", name).output.dropLast())
    }

    @Test("events are listed newest first, and filters leave what fits")
    func filters() async throws {
        let project = await makeProject("training")
        #expect(await console.run("project", "update", project, "--name", "inference").status == .done)
        let table = await console.run("audit", "list", "--resource-type", "project", "--limit", "2")
        let lines = table.output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0] == "TIME                  USER             ACTION  TYPE     NAME       IP ADDRESS")
        #expect(lines[1].contains("  you@example.com  update  project  inference  127.0.0.1"))
        #expect(lines[2].contains("  you@example.com  create  project  training   127.0.0.1"))
        #expect(await console.run("audit", "list", "-o", "wide").output.contains("USER AGENT"))
        #expect(try await events("--action", "update").map(\.resourceID) == [project])
        #expect(try await events("--search", "INFER").map(\.action) == ["update"])
        #expect(try await events("--user", "you@example.com").count == 2)
        #expect(try await events("--user", "nobody@example.com").isEmpty)
        #expect(try await events("--since", "1h", "--action", "update").count == 1)
        #expect(try await events("--until", "1h").isEmpty)
        #expect(try await events("--until", "2001-01-01").isEmpty)
        #expect(try await events("--since", "2001-01-01T12:00:00Z", "--action", "update").count == 1)
    }

    @Test("a project that is set narrows the log to it, and whoever did not say so is told")
    func project() async throws {
        let (one, other) = (await makeProject("one"), await makeProject("other"))
        #expect(try await events("--project", one).map(\.projectID) == [one])
        let all = try await events("--all-projects", environment: ["PODSTACK_PROJECT": other])
        #expect(all.compactMap(\.projectID) == [other, one])
        let told = await console.run("audit", "list", environment: ["PODSTACK_PROJECT": other])
        #expect(
            told.error == "Of the project \(other) alone, which came from PODSTACK_PROJECT; "
                + "--all-projects shows the log of your account\n")
        #expect(told.output.contains("  other  "))
        #expect(!told.output.contains("  one  "))
    }

    @Test("many pages are written as one list, in every format")
    func pages() async throws {
        let client = try Client(environment: PodstackEnvironment(console.environment))
        let project = try await client.projects.create(name: "p").id
        for number in 0..<203 { _ = try await client.projects.update(project, description: "\(number)") }
        let all = try await client.auditLogs.list(action: "update").all()
        #expect(all.count == 203)
        func output(_ words: String...) async -> String {
            await console.run(["audit", "list", "--action", "update"] + words).output
        }
        let json = await output("-o", "json")
        #expect(json == String(decoding: try APICoding.encode(["audit_logs": all], pretty: true), as: UTF8.self) + "\n")
        let table = await output().split(separator: "\n")
        #expect(table.count == 204)
        #expect(table.count { $0.hasPrefix("TIME") } == 1)
        let yaml = await output("-o", "yaml").split(separator: "\n")
        #expect(yaml.first == "audit_logs:")
        #expect(yaml.count { $0.hasPrefix("  - action: \"update\"") } == 203)
        let csv = await output("--csv").split(separator: "\r\n")
        #expect(csv.count == 204)
        #expect(csv.first?.hasPrefix("id,created_at,action,") == true)
        #expect(await output("--limit", "201").split(separator: "\n").count == 202)
        #expect(await output("--limit", "3", "--csv").split(separator: "\r\n").count == 4)
    }

    @Test("an empty list is one in every format")
    func nothing() async throws {
        func output(_ words: String...) async -> String {
            await console.run(["audit", "list", "--action", "none"] + words).output
        }
        #expect(await output() == "TIME  USER  ACTION  TYPE  NAME  IP ADDRESS\n")
        #expect(await output("-o", "yaml") == "audit_logs: []\n")
        let none = String(decoding: try APICoding.encode(["audit_logs": [AuditEvent]()], pretty: true), as: UTF8.self)
        #expect(await output("-o", "json") == none + "\n")
        #expect(await output("--csv").hasPrefix("id,"))
    }

    @Test("the pages stop when one fails: what was written is no JSON, and the status says it")
    func brokenOff() async throws {
        let event = AuditEvent(
            id: "evt_1", createdAt: .init(timeIntervalSince1970: 0), action: "create", resourceType: "project",
            resourceID: nil, resourceName: nil, projectID: nil, userID: nil, userEmail: nil, tokenID: nil,
            ipAddress: nil, userAgent: nil, details: [:])
        let page = String(
            decoding: try APICoding.encode(
                Page(elements: Array(repeating: event, count: 200), nextCursor: "more")), as: UTF8.self)
        let server = try ScriptedServer { request in
            request.contains("cursor=more")
                ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}"
                : "HTTP/1.1 200 OK\r\nContent-Length: \(page.utf8.count)\r\n\r\n\(page)"
        }
        let outcome = await console.run(
            "audit", "list", "-o", "json", environment: ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(server.port)"])
        #expect(outcome.status == .notAllowed)
        #expect(outcome.output.contains("evt_1"))
        #expect(!outcome.output.hasSuffix("}\n"))
    }

    @Test("a time or a limit that is none is one clear line")
    func mistakes() async throws {
        for (words, message) in [
            (["--since", "soon"], "\"soon\" is no time: 2027-01-31, 2027-01-31T12:00:00Z, or 90s, 30m, 1h or 7d ago"),
            (
                ["--until", "2027-02-31"],
                "\"2027-02-31\" is no time: 2027-01-31, 2027-01-31T12:00:00Z, or 90s, 30m, 1h or 7d ago"
            ),
            (["--limit", "0"], "--limit is a number, 1 or more"),
            (["--csv", "-o", "json"], "--csv and --output cannot both be given"),
        ] {
            let outcome = await console.run(["audit", "list"] + words)
            #expect(outcome.status == .usage)
            #expect(outcome.error.contains(message), "\(outcome.error)")
        }
    }
}
