import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Secrets at rest", .blocking, .databases, .timeLimit(.perTest))
struct SecretsAtRestTests {
    @Test(
        "after a token was created, used, rotated and revoked, no part of its secrets is in a file or the log",
        arguments: TestDatabase.selected)
    func noTrace(_: TestDatabase) throws {
        let server = try RunningServer()
        let token = try server.createToken()
        let connection = try RawHTTP(port: server.server.port)
        let headers = [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")]
        let created = try connection.request("POST", "/v1/tokens", headers: headers, body: #"{"name": "a"}"#)
        let start = try #require(created.body.range(of: "\"token\":\"")).upperBound
        let second = String(created.body[start...].prefix(56))
        _ = try connection.request("GET", "/v1/auth/whoami", headers: [("Authorization", "Bearer \(second)")])
        let rotated = try connection.request(
            "POST", "/v1/tokens/self/rotate", headers: [("Authorization", "Bearer \(second)")])
        let third = String(rotated.body[try #require(rotated.body.range(of: "\"token\":\"")).upperBound...].prefix(56))
        _ = try connection.request("GET", "/v1/auth/whoami", headers: [("Authorization", "Bearer \(third)")])
        let confused = try connection.request(
            "POST", "/v1/tokens", headers: headers, body: "{\"\(token)\": 1, \"scopes\": [\"\(token)\"]}")
        _ = try connection.request("DELETE", "/v1/tokens/\(second)", headers: headers)
        _ = try connection.request("DELETE", "/v1/tokens/self", headers: [("Authorization", "Bearer \(second)")])
        _ = try connection.request("GET", "/v1/auth/whoami?token=\(token)", headers: headers)
        _ = try connection.request("POST", "/v1/\(token)", headers: headers)
        #expect(confused.status == 422)
        #expect(!confused.body.contains(token.dropFirst(18).prefix(16)))
        server.server.stop()

        let folder = server.data.file("data")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        var haystacks = [Data(server.log.utf8)]
        if let database = server.database {
            #expect(names == ["pepper"])
            haystacks.append(Data(try database.dump().utf8))
        } else {
            #expect(names.contains("podstack.sqlite"))
        }
        for name in names { haystacks.append(try Data(contentsOf: URL(filePath: folder + "/" + name))) }
        #expect(server.log.contains("podstack_" + token.dropFirst(9).prefix(8)))
        for secret in [token, second, third].map({ String($0.dropFirst(18)) }) {
            for offset in 0...(secret.count - 16) {
                let piece = Data(secret.dropFirst(offset).prefix(16).utf8)
                for haystack in haystacks { #expect(haystack.range(of: piece) == nil) }
            }
        }
    }

    @Test("with another pepper, no token is valid", arguments: TestDatabase.selected)
    func otherPepper(_: TestDatabase) throws {
        let server = try RunningServer()
        let token = try server.createToken()
        server.server.stop()
        let pepper = server.data.file("data/pepper")
        try Data((0..<32).map { _ in UInt8.random(in: 0...255) }).write(to: URL(filePath: pepper))
        #expect(chmod(pepper, 0o600) == 0)
        let failure = #expect(throws: SetupFailure.self) {
            try EmbeddedServer(directory: server.data.file("data"), database: server.database?.url)
        }
        #expect(failure?.message.contains("is not the pepper of this database") == true)
        // A thief can remove the mark and the audit log from the database.
        let stolen = server.server.service.database
        try stolen.write { connection in
            for table in ["pepper_mark", "audit_chains", "audit_events"] {
                try connection.run("DELETE FROM \(table)")
            }
        }
        let useless = try EmbeddedServer(directory: server.data.file("data"), database: server.database?.url)
        let response = try RawHTTP(port: useless.port)
            .request("GET", "/v1/auth/whoami", headers: [("Authorization", "Bearer \(token)")])
        #expect(response.body.contains("invalid_token"))
    }

    @Test(
        "without its pepper, a used database is refused, and no new pepper is created", arguments: TestDatabase.selected
    )
    func missingPepper(_: TestDatabase) throws {
        let server = try RunningServer()
        _ = try server.createToken()
        server.server.stop()
        let pepper = server.data.file("data/pepper")
        #expect(unlink(pepper) == 0)
        let failure = #expect(throws: SetupFailure.self) {
            try EmbeddedServer(directory: server.data.file("data"), database: server.database?.url)
        }
        #expect(failure?.message.contains("pepper is missing") == true)
        #expect(access(pepper, F_OK) != 0)
    }

    @Test("a pepper that other users can read, or that is too short, is refused", arguments: TestDatabase.selected)
    func badPepper(_: TestDatabase) throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("pepper")
        _ = try Pepper(file: path)
        #expect(try Pepper(file: path).bytes.count == 32)
        #expect(chmod(path, 0o640) == 0)
        #expect(throws: SetupFailure.self) { try Pepper(file: path) }
        #expect(chmod(path, 0o600) == 0)
        #expect(truncate(path, 31) == 0)
        #expect(throws: SetupFailure.self) { try Pepper(file: path) }
    }

    @Test("a token with a wrong checksum is rejected without the database", arguments: TestDatabase.selected)
    func garbageIsCheap(_: TestDatabase) throws {
        let opened = try OpenedDatabase()
        let database = CountingDatabase(opened.database)
        try Migrations.run(on: database)
        let verifier = TokenVerifier(
            database: database, digest: SecretDigest(Peppers(current: Pepper(bytes: [UInt8](repeating: 1, count: 32)))))
        let before = database.calls
        for vector in try TokenVectors.load().invalid {
            #expect(throws: DomainError.self) { try verifier.verify(vector.token.utf8, now: 0) }
        }
        #expect(database.calls == before)
        let valid = try #require(try TokenVectors.load().valid.first).token
        #expect(throws: DomainError.self) { try verifier.verify(valid.utf8, now: 0) }
        #expect(database.calls == before + 1)
    }
}
