import Foundation
import PodstackAPI
import PodstackCryptography
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The device flow", .blocking, .databases, .timeLimit(.perTest))
struct DeviceFlowTests {
    let clock: ManualClock
    let running: RunningServer
    var service: Service { running.server.service }
    let user: UserRecord

    init() throws {
        let clock = ManualClock()
        self.clock = clock
        let running = try RunningServer(clock: clock)
        self.running = running
        let known = try running.server.service.database.read {
            try UserStore.find(email: RunningServer.email, in: $0)
        }
        user = try #require(known)
    }

    func post(_ path: String, _ body: String) throws -> TestResponse {
        try TestClient(running).request(
            "POST", path, headers: [("Content-Type", "application/json")], body: body)
    }

    func begin(_ fields: String = #""client_name": "CLI on laptop""#) throws -> DeviceCode {
        try post("/v1/device/code", "{\(fields)}").decoded(DeviceCode.self)
    }

    /// Polls for the token after the required interval.
    func ask(_ code: DeviceCode, wait: Int64 = 5) throws -> TestResponse {
        clock.set(clock.now + wait)
        return try post("/v1/device/token", #"{"device_code": "\#(code.deviceCode)"}"#)
    }

    func decide(_ body: (Change) throws -> Void) throws {
        try service.changes.perform(by: .administrator, at: service.now(), body)
    }

    func approve(_ code: String) throws {
        try decide { try service.devices.approve(code, by: user, in: $0) }
    }

    func isGood(_ token: String) throws -> Bool {
        try TestClient(running)
            .request("GET", "/v1/auth/whoami", headers: [("Authorization", "Bearer \(token)")]).status == 200
    }

    func actions() throws -> [String] {
        let session = TestClient(running, try running.createToken())
        let page = try session.send("GET", "/v1/audit-logs").decoded(Page<AuditEvent>.self)
        return page.elements.map(\.action)
    }

    @Test(
        "a program gets a token whose secret it generated and never sent",
        arguments: TestDatabase.selected)
    func generatedByProgram(_: TestDatabase) throws {
        let token = TestToken.generate(id: "00000000")
        let code = try begin(
            #""client_name": "CLI", "scopes": ["projects:read"], \#(TestClient.fields(of: token))"#)
        #expect(code.userCode.wholeMatch(of: /[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}/) != nil)
        #expect(code.expiresIn == 600)
        #expect(code.interval == 5)
        #expect(code.verificationURI == "http://localhost/device")
        #expect(code.verificationURIComplete == "http://localhost/device?code=\(code.userCode)")
        #expect(try ask(code).code == "authorization_pending")
        let displayed = try service.database.read {
            try service.devices.pending(code.userCode.lowercased().replacing("-", with: " "), now: clock.now, in: $0)
        }
        #expect(displayed?.clientName == "CLI")
        #expect(displayed?.scopes?.map(\.description) == ["projects:read"])
        #expect(displayed?.address == "127.0.0.1")
        #expect(try !isGood(token))
        try approve(code.userCode)
        let response = try ask(code)
        let created = try response.decoded(CreatedToken.self)
        #expect(response.status == 200)
        #expect(created.secret == nil)
        #expect(created.token.id == "00000000")
        #expect(created.token.scopes == ["projects:read"])
        #expect(try isGood(token))
        // Repeated after a lost response.
        #expect(try ask(code).status == 200)
        #expect(try actions() == ["token_created", "token_created", "device_approved", "user_created"])
    }

    @Test("a secret that the service generated is returned once", arguments: TestDatabase.selected)
    func generatedByService(_: TestDatabase) throws {
        let code = try begin()
        try approve(code.userCode)
        let created = try ask(code).decoded(CreatedToken.self)
        #expect(try isGood(#require(created.secret)))
        #expect(created.token.scopes == ["*"])
        #expect(created.token.name == "CLI on laptop")
        #expect(try ask(code).code == "invalid_grant")
    }

    @Test("a program that polls too fast gets slow_down and a longer interval", arguments: TestDatabase.selected)
    func slowDown(_: TestDatabase) throws {
        let code = try begin()
        #expect(try ask(code).code == "authorization_pending")
        let fast = try ask(code, wait: 1)
        #expect(fast.status == 400)
        #expect(fast.code == "slow_down")
        #expect(fast.error?.details["interval"] == 10)
        #expect(try ask(code, wait: 5).code == "slow_down")
        try approve(code.userCode)
        #expect(try ask(code, wait: 5).code == "slow_down")
        #expect(try ask(code, wait: 20).status == 200)
    }

    @Test("denied, expired and unknown codes get different errors", arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        let denied = try begin()
        try decide { try service.devices.deny(denied.userCode, by: user, in: $0) }
        #expect(try ask(denied).code == "access_denied")
        let late = try begin()
        clock.set(clock.now + 600)
        #expect(throws: DomainError.self) { try approve(late.userCode) }
        #expect(try ask(late).code == "expired_token")
        // After an hour, the request is deleted.
        clock.set(clock.now + 3600)
        _ = try begin()
        #expect(try ask(late).code == "invalid_grant")
        for body in [#"{"device_code": "x"}"#, #"{"device_code": ""}"#] {
            #expect(try post("/v1/device/token", body).code == "invalid_grant")
        }
        for body in ["{}", #"{"device_code": 1}"#, #"{"device_code": "x", "y": 1}"#] {
            #expect(try post("/v1/device/token", body).code == "validation_failed")
        }
        #expect(try actions() == ["token_created", "device_denied", "user_created"])
    }

    @Test("a user code can be decided once, while its request is pending", arguments: TestDatabase.selected)
    func once(_: TestDatabase) throws {
        let code = try begin()
        try approve(code.userCode)
        #expect(throws: DomainError.self) { try approve(code.userCode) }
        #expect(throws: DomainError.self) { try decide { try service.devices.deny(code.userCode, by: user, in: $0) } }
        for wrong in ["", "AAAA-AAAA", "BBBB-BBBB", String(repeating: "B", count: 1000)] {
            #expect(throws: DomainError.self) { try approve(wrong) }
        }
    }

    @Test(
        "the limit of active tokens is checked at the approval and again when the token is fetched",
        arguments: TestDatabase.selected)
    func quota(_: TestDatabase) throws {
        let codes = try (0..<2).map { _ in try begin() }
        for _ in 0..<4 { _ = try running.createToken() }
        for code in codes { try approve(code.userCode) }
        #expect(try ask(codes[0]).status == 200)
        #expect(try ask(codes[1]).code == "quota_exceeded")
        let more = try begin()
        #expect(throws: DomainError.self) { try approve(more.userCode) }
    }

    @Test(
        "an invalid request is a 422",
        arguments: TestDatabase.selected,
        [
            "", #""client_name": """#, #""client_name": "n", "scopes": ["cats"]"#, #""client_name": "n", "scope": "*""#,
            #""client_name": "n", "id": "00000000""#, #""client_name": "n\u0000""#,
        ])
    func validation(_: TestDatabase, fields: String) throws {
        #expect(try post("/v1/device/code", "{\(fields)}").code == "validation_failed")
    }

    @Test("of many simultaneous polls with one code, exactly one gets the secret", arguments: TestDatabase.selected)
    func atOnce(_: TestDatabase) async throws {
        let code = try begin()
        try approve(code.userCode)
        clock.set(clock.now + 5)
        let secrets = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<8 {
                group.addTask { [self] in
                    try? post("/v1/device/token", #"{"device_code": "\#(code.deviceCode)"}"#)
                        .decoded(CreatedToken.self).secret
                }
            }
            return try await group.reduce(into: [String]()) { if let secret = $1 { $0.append(secret) } }
        }
        #expect(secrets.count == 1)
    }

    @Test("new codes are limited by address", arguments: TestDatabase.selected)
    func limited(_: TestDatabase) throws {
        let limited = try RunningServer(clock: clock, deviceCodes: 2)
        let statuses = try (0..<3).map { _ in
            try TestClient(limited).request(
                "POST", "/v1/device/code", headers: [("Content-Type", "application/json")],
                body: #"{"client_name": "n"}"#
            ).status
        }
        #expect(statuses == [200, 200, 429])
    }

    @Test("the database contains no code in plain text", arguments: TestDatabase.selected)
    func atRest(_: TestDatabase) throws {
        guard TestDatabase.current == .sqlite else { return }
        let code = try begin()
        running.server.stop()
        let folder = running.data.file("data")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let content = try Data(contentsOf: URL(filePath: folder + "/" + name))
            for secret in [code.deviceCode, code.userCode] {
                #expect(content.range(of: Data(secret.utf8.suffix(16))) == nil)
                #expect(content.range(of: Data(Sodium.sha256(secret.utf8))) == nil)
            }
        }
        #expect(!running.log.contains(code.userCode))
    }
}

@Suite("The device flow with the real program", .blocking, .timeLimit(.perTest))
struct DeviceCommandTests {
    @Test("after an operator approves the code of a program, the program gets a valid token")
    func approve() throws {
        let folder = try TemporaryDirectory()
        func run(_ words: [String]) throws -> (status: Int32, output: String, error: String) {
            try ToolProcess.run("podstack-server", words + ["--data", folder.file("data")])
        }
        _ = try run(["user", "add", "you@example.com"])
        let process = try ToolProcess(
            "podstack-server",
            [
                "serve", "--listen", "127.0.0.1:0", "--data", folder.file("data"), "--public-url",
                "https://podstack.example.com/",
            ])
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.hasSuffix("\n") }
        let port = try #require(process.standardOutput.split(separator: ":").last.flatMap { UInt16($0.dropLast()) })
        func post(_ path: String, _ body: String) throws -> TestResponse {
            try RawHTTP(port: port).request("POST", path, headers: [("Content-Type", "application/json")], body: body)
        }
        let code = try post("/v1/device/code", #"{"client_name": "CLI", "scopes": ["tokens:read"]}"#)
            .decoded(DeviceCode.self)
        #expect(code.verificationURI == "https://podstack.example.com/device")
        #expect(try run(["device", "approve", "BBBB-BBBB", "you@example.com"]).status == 1)
        let approved = try run(["device", "approve", code.userCode.lowercased(), "you@example.com"])
        #expect(approved.output == "approved: CLI at 127.0.0.1, scopes tokens:read\n")
        let created = try post("/v1/device/token", #"{"device_code": "\#(code.deviceCode)"}"#).decoded(
            CreatedToken.self)
        let secret = try #require(created.secret)
        let response = try RawHTTP(port: port)
            .request("GET", "/v1/tokens", headers: [("Authorization", "Bearer \(secret)")])
        #expect(response.status == 200)
        #expect(!process.standardError.contains(secret.dropFirst(18)))
        #expect(!process.standardError.contains(code.deviceCode))
    }
}
