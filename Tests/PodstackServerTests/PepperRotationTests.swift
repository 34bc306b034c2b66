import Foundation
import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Rotating the pepper", .blocking, .timeLimit(.perTest))
struct PepperRotationTests {
    let folder: TemporaryDirectory
    let clock = ManualClock()
    var data: String { folder.file("data") }
    var files: FileManager { .default }

    init() throws { folder = try TemporaryDirectory() }

    func serve() throws -> EmbeddedServer {
        try EmbeddedServer(directory: data, maxActiveTokens: 50, now: { [clock] in clock.now })
    }

    func rotate() throws {
        let service = try Service(directory: DataDirectory(data), now: { [clock] in clock.now })
        try PepperRotation(directory: DataDirectory(data), database: service.database).run(now: service.now())
    }

    func needs() throws -> PepperRotation.Needs? {
        let service = try Service(directory: DataDirectory(data), now: { [clock] in clock.now })
        return try PepperRotation(directory: DataDirectory(data), database: service.database).needs(now: service.now())
    }

    func faults() throws -> [String] {
        let service = try Service(directory: DataDirectory(data), now: { [clock] in clock.now })
        return try AuditVerification(of: service.database, chain: service.changes.trail.chain).faults
    }

    func send(
        _ server: EmbeddedServer, _ token: String, _ method: String = "GET", _ path: String = "/v1/auth/whoami",
        _ body: String? = nil
    ) throws -> TestResponse {
        var headers = [("Authorization", "Bearer \(token)")]
        if body != nil { headers.append(("Content-Type", "application/json")) }
        return try RawHTTP(port: server.port).request(method, path, headers: headers, body: body)
    }

    @Test("current, pending and retired secrets stay valid and move to the new pepper when they are used")
    func secrets() throws {
        let first = try serve()
        try first.addUser("you@example.com")
        let used = try first.createToken("you@example.com", expiresAt: clock.now + 400 * 86_400)
        let unused = try first.createToken("you@example.com", expiresAt: clock.now + 400 * 86_400)
        let old = try first.createToken("you@example.com", expiresAt: clock.now + 400 * 86_400)
        let leaked = try first.createToken("you@example.com", expiresAt: clock.now + 400 * 86_400)
        var generator = SecureGenerator()
        let id = try #require(TokenFormat.id(of: old))
        let new = TokenFormat.generateToken(id: id, using: &generator)
        let pending = TokenFormat.generateToken(id: id, using: &generator)
        for secret in [new, pending] {
            let by = secret == new ? old : new
            let body = "{\(TestClient.fields(of: secret, grace: 86_400))}"
            #expect(try send(first, by, "POST", "/v1/tokens/self/rotate", body).status == 200)
            if secret == new { #expect(try send(first, new).status == 200) }
        }
        let generatedByCaller = TestToken.generate(id: "00000000")
        let creation = "{\"name\": \"c\", \(TestClient.fields(of: generatedByCaller))}"
        #expect(try send(first, used, "POST", "/v1/tokens", creation).status == 201)
        first.stop()

        clock.set(clock.now + 10)
        try rotate()
        #expect(try faults() == [])
        clock.set(clock.now + 10)
        let second = try serve()
        // Repeated after a lost response and after the rotation.
        #expect(try send(second, used, "POST", "/v1/tokens", creation).status == 201)
        for secret in [used, old, new, pending, generatedByCaller] { #expect(try send(second, secret).status == 200) }
        #expect(try send(second, TestToken.generate(id: id)).code == "invalid_token")
        #expect(try send(second, used, "POST", "/v1/tokens/report", "{\"tokens\": [\"\(leaked)\"]}").status == 202)
        #expect(try send(second, leaked).code == "revoked_token")
        second.stop()
        #expect(try faults() == [])
        let named = try #require(try needs())
        #expect(named.kinds.first == "tokens not used since the rotation: 1")
        #expect(named.kinds.count == 3 && !named.isMissing)

        try files.removeItem(atPath: data + "/pepper.previous")
        #expect(try needs()?.isMissing == true)
        let third = try serve()
        for secret in [used, old, new, pending, generatedByCaller] {
            #expect(try send(third, secret).code != "invalid_token")
        }
        #expect(try send(third, unused).code == "invalid_token")
        // Only what was written after the rotation can be verified now.
        #expect(try !faults().isEmpty)
    }

    @Test("an old pepper cannot seal new audit events after the rotation")
    func stolen() throws {
        let first = try serve()
        let account = try first.addUser("you@example.com")
        let resource = AuditResource(type: "user", id: "usr_1", name: "you@example.com", accountID: account)
        let old = first.service.changes.trail
        first.stop()
        try rotate()
        let second = try serve()
        _ = try second.createToken("you@example.com")
        #expect(try faults() == [])
        var forger = second.service.changes
        forger.trail = old
        try forger.perform(by: .administrator, at: clock.now) { try $0.record(.update, on: resource) }
        #expect(try faults().count == 2)
        second.stop()
        try files.removeItem(atPath: data + "/pepper.previous")
        #expect(throws: SetupFailure.self) { try rotate() }
    }

    @Test("an interrupted rotation can be repeated, and a matching pepper exists at every moment")
    func interrupted() throws {
        let first = try serve()
        try first.addUser("you@example.com")
        let token = try first.createToken("you@example.com")
        first.stop()
        let before = try #require(files.contents(atPath: data + "/pepper"))
        try rotate()
        let after = try #require(files.contents(atPath: data + "/pepper"))
        #expect(before != after)
        #expect(files.contents(atPath: data + "/pepper.previous") == before)
        // The state after an interruption between the database and the files.
        try files.moveItem(atPath: data + "/pepper", toPath: data + "/pepper.next")
        try files.moveItem(atPath: data + "/pepper.previous", toPath: data + "/pepper")
        try rotate()
        #expect(files.contents(atPath: data + "/pepper") == after)
        #expect(try faults() == [])
        // The state after an interruption between the link and the rename.
        let old = data + "/pepper.previous"
        try files.removeItem(atPath: old)
        try files.moveItem(atPath: data + "/pepper", toPath: data + "/pepper.next")
        try before.write(to: URL(filePath: data + "/pepper"))
        #expect(chmod(data + "/pepper", 0o600) == 0)
        try files.linkItem(atPath: data + "/pepper", toPath: old)
        try rotate()
        #expect(files.contents(atPath: data + "/pepper") == after && files.contents(atPath: old) == before)
        #expect(try faults() == [])
        let second = try serve()
        #expect(try send(second, token).status == 200)
        #expect(throws: SetupFailure.self) { try rotate() }
    }

    @Test("the command fails while a server runs, and status lists what still needs the old pepper")
    func program() throws {
        func run(_ words: [String]) throws -> (status: Int32, output: String, error: String) {
            try ToolProcess.run("podstack-server", words + ["--data", data])
        }
        _ = try run(["user", "add", "you@example.com"])
        _ = try run(["token", "create", "you@example.com", "--name", "t"])
        #expect(try run(["pepper", "status"]).output == "nothing needs an older pepper\n")
        let process = try ToolProcess("podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", data])
        try process.waitForOutput { $0.hasSuffix("\n") }
        #expect(try run(["pepper", "rotate"]).error.contains("is serving"))
        process.signal(SIGTERM)
        process.wait()
        let rotated = try run(["pepper", "rotate"])
        #expect(rotated.status == 0, "\(rotated.error)")
        let status = try run(["pepper", "status"])
        #expect(status.output.contains("tokens not used since the rotation: 1\n"))
        #expect(try run(["audit", "verify"]).status == 0)
        #expect(try run(["pepper", "rotate"]).error.contains("still exists"))
        let mode = try files.attributesOfItem(atPath: data + "/pepper")[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
    }
}
