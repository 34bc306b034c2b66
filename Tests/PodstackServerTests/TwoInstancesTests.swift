import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Two instances over one database", .blocking, .needsPostgreSQL, .timeLimit(.perTest))
struct TwoInstancesTests {
    let instances: TwoInstances
    var ports: [UInt16] { [instances.first.port, instances.second.port] }

    init() throws { instances = try TwoInstances() }

    /// Returns a token at each instance, cached by both.
    private func holders(_ token: String) throws -> (TestClient, TestClient) {
        let (here, there) = (
            TestClient(port: ports[0], token, keepsConnection: true),
            TestClient(port: ports[1], token, keepsConnection: true)
        )
        for _ in 0..<2 { #expect(try here.tokenState() == "ok" && there.tokenState() == "ok") }
        return (here, there)
    }

    @Test("once one instance has revoked a token, the other one rejects it, even on an open connection")
    func revocation() throws {
        for round in 0..<Rounds.count(50, long: 1000) {
            var (here, there) = try holders(try instances.createToken())
            if !round.isMultiple(of: 2) { (here, there) = (there, here) }
            #expect(try here.send("DELETE", "/v1/tokens/self").status == 204)
            let code = try there.tokenState()
            #expect(code == "revoked_token", "round \(round)")
        }
        #expect(instances.second.service.verifier.knownCount == 0)
    }

    @Test("a writer waits for the first announcement of a database, too")
    func first() throws {
        instances.first.service.stop()
        instances.second.service.stop()
        for _ in 0..<2 {
            try instances.database.run("ALTER SEQUENCE announcements RESTART")
            try instances.first.service.start()
            try instances.second.service.start()
            let (here, there) = try holders(try instances.createToken())
            #expect(try here.send("DELETE", "/v1/tokens/self").status == 204)
            #expect(try there.tokenState() == "revoked_token")
            instances.first.service.stop()
            instances.second.service.stop()
        }
    }

    @Test("instances cache tokens: a token that was used once is verified without the database")
    func remembered() throws {
        let (_, there) = try holders(try instances.createToken())
        try instances.database.run("ALTER TABLE tokens RENAME TO gone")
        // On a busy machine, the lease may have ended for a moment.
        #expect(try (0..<1000).contains { _ in try there.tokenState() == "ok" })
    }

    @Test("the first use of a new secret at one instance ends the old one at the other")
    func rotation() throws {
        let (here, there) = try holders(try instances.createToken())
        let next = TestToken.generate(id: here.id)
        let body = "{\(TestClient.fields(of: next, grace: 0))}"
        #expect(try here.send("POST", "/v1/tokens/self/rotate", body).status == 200)
        #expect(try here.tokenState() == "ok" && there.tokenState() == "ok")
        #expect(try TestClient(port: ports[1], next, keepsConnection: true).tokenState() == "ok")
        #expect(try here.tokenState() == "rotated_token" && there.tokenState() == "rotated_token")
        #expect(try TestClient(port: ports[0], next, keepsConnection: true).tokenState() == "ok")
    }

    @Test("permissions that one instance removes are rejected by the other")
    func permissions() throws {
        let (here, there) = try holders(try instances.createToken())
        try instances.second.addUser("member@example.com")
        let member = TestClient(
            port: ports[1], try instances.first.createToken("member@example.com"), keepsConnection: true)
        let created = try here.send("POST", "/v1/projects", #"{"name": "p"}"#)
        let project = "/v1/projects/\(try created.decoded(Project.self).id)"
        #expect(try member.send("GET", project).status == 404)
        let added = try here.send(
            "POST", project + "/members",
            #"{"email": "member@example.com", "role": "user", "permissions": ["read"]}"#)
        let user = try added.decoded(Member.self).userID
        #expect(try member.send("GET", project).status == 404)
        #expect(try member.send("POST", "\(project)/members/\(user)/accept").status == 200)
        #expect(try member.send("GET", project).status == 200)
        #expect(try here.send("DELETE", "\(project)/members/\(user)").status == 204)
        #expect(try member.send("GET", project).status == 404)

        #expect(try there.send("POST", "/v1/projects", #"{"name": "q"}"#).status == 201)
        let shrunk = try here.send("PATCH", "/v1/tokens/\(here.id)", #"{"scopes": ["projects:read"]}"#)
        #expect(shrunk.status == 200)
        #expect(try there.send("POST", "/v1/projects", #"{"name": "r"}"#).code == "insufficient_scope")
    }

    @Test("50 simultaneous creations at both instances create exactly five tokens and one chain of events")
    func quota() async throws {
        let instances = try TwoInstances(maxActiveTokens: 5)
        let token = try instances.createToken()
        let ports = [instances.first.port, instances.second.port]
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<50 {
                group.addTask {
                    try TestClient(port: ports[index % 2], token, keepsConnection: true).send(
                        "POST", "/v1/tokens", #"{"name": "many"}"#
                    ).status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 201 } == 4)
        #expect(statuses.count { $0 == 409 } == 46)
        let service = instances.second.service
        #expect(try AuditVerification(of: service.database, chain: service.changes.trail.chain).faults.isEmpty)
    }

    @Test("an Idempotency-Key is used once, whichever instance gets the request")
    func idempotency() async throws {
        let token = try instances.createToken()
        let ports = ports
        let responses = try await withThrowingTaskGroup(of: TestResponse.self) { group in
            for index in 0..<20 {
                group.addTask {
                    try TestClient(port: ports[index % 2], token, keepsConnection: true).send(
                        "POST", "/v1/projects", #"{"name": "p"}"#, headers: [("Idempotency-Key", "a")])
                }
            }
            return try await group.reduce(into: [TestResponse]()) { $0.append($1) }
        }
        #expect(responses.allSatisfy { $0.status == 201 || $0.status == 409 })
        #expect(Set(responses.filter { $0.status == 201 }.map(\.body)).count == 1)
        let list = try TestClient(port: ports[0], token, keepsConnection: true).send("GET", "/v1/projects").decoded(
            Page<Project>.self)
        #expect(list.elements.count == 2)
    }

    @Test("an instance that was killed delays the next revocation by its lease at most, and no later one")
    func killed() throws {
        let (here, _) = try holders(try instances.createToken())
        let other = TestClient(port: ports[0], try instances.createToken(), keepsConnection: true)
        // The row of an instance that could not remove it.
        try instances.database.run("INSERT INTO instances VALUES ('gone.1', 'gone', 1, 0, 0)")
        #expect(try here.send("DELETE", "/v1/tokens/self").status == 204)
        #expect(try instances.database.run("SELECT COUNT(*) FROM instances WHERE process = 'gone'") == "0")
        #expect(try other.send("DELETE", "/v1/tokens/self").status == 204)
    }

    @Test("a stopping instance removes its row")
    func leave() throws {
        func isThere(_ count: Int) throws -> Bool {
            try (0..<500).contains { _ in
                try instances.database.run("SELECT COUNT(*) FROM instances") == String(count)
            }
        }
        #expect(try isThere(2))
        instances.second.stop()
        #expect(instances.second.service.database.lease?.isValid == false)
        #expect(try isThere(1))
    }
}
