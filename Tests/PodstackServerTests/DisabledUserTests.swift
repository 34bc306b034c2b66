import Foundation
import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A user whom the operator disables", .blocking, .databases, .timeLimit(.perTest))
struct DisabledUserTests {
    let place: ServerPlace

    init() throws { place = try ServerPlace() }

    private func administrate(_ words: String...) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-server", words + ["--data", place.data], environment: place.environment)
    }

    private func createToken(_ email: String = "you@example.com") throws -> String {
        let created = try administrate("token", "create", email, "--name", "t", "--max-active-tokens", "99")
        #expect(created.status == 0, "\(created.error)")
        return String(created.output.dropLast())
    }

    private func serve() throws -> (process: ToolProcess, port: UInt16) {
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", place.data],
            environment: place.environment)
        try process.waitForOutput { $0.hasSuffix("\n") }
        let port = process.standardOutput.split(separator: ":").last.flatMap { UInt16($0.dropLast()) }
        return (process, try #require(port))
    }

    @Test(
        "is refused by every instance once the command returns, and accepted again after being enabled",
        arguments: TestDatabase.selected)
    func everywhere(_: TestDatabase) throws {
        #expect(try administrate("user", "add", "you@example.com").status == 0)
        #expect(try administrate("user", "add", "other@example.com").status == 0)
        let (token, other) = (try createToken(), try createToken("other@example.com"))
        // SQLite has one instance.
        let servers = try (0..<(place.database == nil ? 1 : 2)).map { _ in try serve() }
        defer {
            for server in servers {
                server.process.signal(SIGTERM)
                server.process.wait()
            }
        }
        let holders = servers.map { TestClient(port: $0.port, token, keepsConnection: true) }
        let others = servers.map { TestClient(port: $0.port, other, keepsConnection: true) }
        for _ in 0..<3 {
            for _ in 0..<2 { #expect(try (holders + others).allSatisfy { try $0.tokenState() == "ok" }) }
            #expect(try administrate("user", "disable", "You@Example.com").output == "You@Example.com is disabled\n")
            #expect(try holders.map { try $0.tokenState() } == holders.map { _ in "account_disabled" })
            #expect(try others.allSatisfy { try $0.tokenState() == "ok" })
            #expect(try administrate("user", "enable", "you@example.com").output == "you@example.com is enabled\n")
        }
        #expect(try holders.allSatisfy { try $0.tokenState() == "ok" })
        #expect(try administrate("audit", "verify").status == 0)
    }

    @Test("is marked in the list and gets no new token", arguments: TestDatabase.selected)
    func list(_: TestDatabase) throws {
        for email in ["b@example.com", "A@example.com"] { #expect(try administrate("user", "add", email).status == 0) }
        #expect(try administrate("user", "disable", "b@example.com").status == 0)
        #expect(try administrate("user", "disable", "b@example.com").output == "b@example.com is already disabled\n")
        let users = try administrate("user", "list").output.split(separator: "\n").dropFirst()
            .map { $0.split(separator: " ").map(String.init) }
        #expect(users.map { $0[0] } == ["A@example.com", "b@example.com"])
        #expect(users.map { $0[2] } == ["active", "disabled"])
        #expect(users.allSatisfy { $0.last?.hasPrefix("acc_") == true && Timestamp.parse($0[3]) != nil })
        let refused = try administrate("token", "create", "b@example.com", "--name", "t")
        #expect(refused.status == 1 && refused.error.contains("is disabled"))
        let missing = try administrate("user", "disable", "nobody@example.com")
        #expect(missing.status == 1 && missing.error == "error: no user has the email address nobody@example.com\n")
    }
}

@Suite("The tokens of a disabled user", .blocking, .databases, .timeLimit(.perTest))
struct DisabledTokenTests {
    let session: TestClient

    init() throws { session = try TestClient(maxActiveTokens: 50) }

    private func set(isDisabled: Bool) throws {
        let service = session.server.server.service
        _ = try service.changes.perform(by: .administrator, at: service.now()) { change in
            let user = try #require(try UserStore.find(email: RunningServer.email, in: change.connection))
            return try UserService.setDisabled(isDisabled, user, in: change)
        }
    }

    @Test(
        "reveal only to their holders why they are refused, and a pending secret does not come into use",
        arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        let revoked = try session.createToken()
        #expect(try revoked.send("DELETE", "/v1/tokens/self").status == 204)
        let next = TestToken.generate(id: session.id)
        let rotation = "{\(TestClient.fields(of: next))}"
        #expect(try session.send("POST", "/v1/tokens/self/rotate", rotation).status == 200)
        try set(isDisabled: true)
        let response = try session.whoami()
        #expect(response.status == 401 && response.code == "account_disabled")
        #expect(response.headers["www-authenticate"]?.contains("The account is disabled") == true)
        #expect(try session.with(next).whoami().code == "account_disabled")
        #expect(try revoked.whoami().code == "revoked_token")
        #expect(try session.with(TestToken.generate(id: session.id)).whoami().code == "invalid_token")
        for (method, path) in [("GET", "/v1/tokens"), ("DELETE", "/v1/tokens/self"), ("POST", "/v1/projects")] {
            #expect(try session.send(method, path, method == "POST" ? "{}" : nil).code == "account_disabled")
        }
        try set(isDisabled: false)
        #expect(try session.whoami().status == 200)
        #expect(try session.with(next).whoami().status == 200)
        let log = try session.send("GET", "/v1/audit-logs?resource_type=user").decoded(Page<AuditEvent>.self)
        #expect(log.elements.map(\.action) == ["user_enabled", "user_disabled", "user_created"])
    }

    @Test("do not change anything if the user was disabled while the change waited", arguments: TestDatabase.selected)
    func overtaken(_: TestDatabase) async throws {
        let server = session.server.server
        let held = try server.service.verifier.verify(session.token.utf8, now: server.service.now())
        let request = Request(method: "POST", path: "/v1/projects", query: [], headers: [], body: [])
        try set(isDisabled: true)
        let refusal = #expect(throws: DomainError.self) {
            try server.service.idempotentChanges.response(
                to: Exchange(request: request, parameters: [], identity: held), at: server.service.now()
            ) { _ in Response(status: 201) }
        }
        #expect(refusal.map(ErrorResponse.init)?.code == .accountDisabled)
    }

    @Test("are not given to a program that the user approved before", arguments: TestDatabase.selected)
    func device(_: TestDatabase) throws {
        let port = session.server.server.port
        func post(_ path: String, _ body: String) throws -> TestResponse {
            try RawHTTP(port: port).request("POST", path, headers: [("Content-Type", "application/json")], body: body)
        }
        let code = try post("/v1/device/code", #"{"client_name": "tv"}"#).decoded(DeviceCode.self)
        let service = session.server.server.service
        let user = try #require(try service.database.read { try UserStore.find(email: RunningServer.email, in: $0) })
        try service.changes.perform(by: .administrator, at: service.now()) {
            _ = try service.devices.approve(code.userCode, by: user, in: $0)
        }
        try set(isDisabled: true)
        #expect(try post("/v1/device/token", #"{"device_code": "\#(code.deviceCode)"}"#).code == "access_denied")
        let second = try post("/v1/device/code", #"{"client_name": "tv"}"#).decoded(DeviceCode.self)
        let refusal = #expect(throws: DomainError.self) {
            try service.changes.perform(by: .administrator, at: service.now()) {
                _ = try service.devices.approve(second.userCode, by: user, in: $0)
            }
        }
        #expect(refusal.map(ErrorResponse.init)?.code == .conflict)
        #expect(
            try post("/v1/device/token", #"{"device_code": "\#(second.deviceCode)"}"#).code == "authorization_pending")
    }
}
