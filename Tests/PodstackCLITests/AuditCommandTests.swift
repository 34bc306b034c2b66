import FoundationEssentials
import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("podstack audit list", .blocking, .timeLimit(.minutes(5)))
struct AuditCommandTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: true) }

    func events(_ words: String..., environment: [String: String] = [:]) async throws -> [AuditEvent] {
        let outcome = await console.run(["audit", "list", "-o", "json"] + words, environment: environment)
        #expect(outcome.status == .success, "\(outcome.error)")
        return try APICoding.decode(Page<AuditEvent>.self, from: Array(outcome.output.utf8)).elements
    }

    func createProject(_ name: String) async -> String {
        String(await console.run("project", "create", name).output.dropLast())
    }

    @Test("events are listed newest first, and filters select events")
    func filters() async throws {
        let project = await createProject("training")
        #expect(await console.run("project", "update", project, "--name", "inference").status == .success)
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

    @Test("a project that is set limits the log to it, and a message says so unless a flag names the project")
    func project() async throws {
        let (one, other) = (await createProject("one"), await createProject("other"))
        #expect(try await events("--project", one).map(\.projectID) == [one])
        let all = try await events("--all-projects", environment: ["PODSTACK_PROJECT": other])
        #expect(all.compactMap(\.projectID) == [other, one])
        let limited = await console.run("audit", "list", environment: ["PODSTACK_PROJECT": other])
        #expect(
            limited.error == "Only events of the project \(other), which is set by PODSTACK_PROJECT; "
                + "--all-projects shows the log of your account\n")
        #expect(limited.output.contains("  other  "))
        #expect(!limited.output.contains("  one  "))
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
        #expect(json == String(decoding: try APICoding.encode(["audit_logs": all]), as: UTF8.self) + "\n")
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

    @Test("an empty list is written as a list in every format")
    func emptyList() async throws {
        func output(_ words: String...) async -> String {
            await console.run(["audit", "list", "--action", "none"] + words).output
        }
        #expect(await output() == "TIME  USER  ACTION  TYPE  NAME  IP ADDRESS\n")
        #expect(await output("-o", "yaml") == "audit_logs: []\n")
        let none = String(decoding: try APICoding.encode(["audit_logs": [AuditEvent]()]), as: UTF8.self)
        #expect(await output("-o", "json") == none + "\n")
        var terminal = console
        terminal.isTerminal = true
        let shown = await terminal.run("audit", "list", "--action", "none", "-o", "json").output
        #expect(shown == "{\n  \"audit_logs\": []\n}\n")
        #expect(await output("--csv").hasPrefix("id,"))
    }

    @Test("after a failed page the output is not complete JSON, and the status is that of the failure")
    func failedPage() async throws {
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

    @Test("an invalid time or limit is a usage error that names the flag")
    func invalidValues() async throws {
        for (words, message) in [
            (
                ["--since", "soon"],
                "--since: invalid time \"soon\": use 2027-01-31, 2027-01-31T12:00:00Z, or a time ago such as 30m, 12h or 7d\n"
            ),
            (
                ["--until", "2027-02-31"],
                "--until: invalid time \"2027-02-31\": use 2027-01-31, 2027-01-31T12:00:00Z, or a time ago such as 30m, 12h "
                    + "or 7d\n"
            ),
            (["--limit", "0"], "--limit must be a whole number, 1 or more\n"),
            (["--csv", "-o", "json"], "--csv and --output cannot both be given: give one of them"),
        ] {
            let outcome = await console.run(["audit", "list"] + words)
            #expect(outcome.status == .usage)
            #expect(outcome.error.contains(message), "\(outcome.error)")
        }
    }
}
