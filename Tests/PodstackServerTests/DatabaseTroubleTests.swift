import Foundation
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Two instances whose database fails", .blocking, .needsPostgreSQL, .timeLimit(.perTest))
struct DatabaseTroubleTests {
    /// Creates, uses and revokes tokens at both instances while `disturb` interferes.
    private func underLoad(
        _ instances: TwoInstances, threads: Int = 3, _ disturb: (TokenLoad) async throws -> Void
    ) async throws -> TokenLoad {
        let load = TokenLoad(
            owner: try instances.createToken(), ports: [instances.first.port, instances.second.port])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<threads { group.addTask { load.run() } }
            defer { load.stop() }
            try await disturb(load)
        }
        #expect(load.wrong == [])
        return load
    }

    private static func end(_ instances: TwoInstances, where condition: String) throws {
        try instances.database.run(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND \(condition)
            """)
    }

    private static let isListener = "application_name = 'podstack-server listener'"

    @Test("when the listening connections are cut, no revoked token is accepted, and the instances listen again")
    func listeners() async throws {
        let instances = try TwoInstances()
        let load = try await underLoad(instances) { load in
            for _ in 0..<Rounds.count(5, long: 100) {
                try Self.end(instances, where: Self.isListener)
                try await load.waitForRevocations(1)
            }
        }
        #expect(load.revoked > 0)
        try await waitForLease(instances)
    }

    private final class Lines: Sendable {
        private let written = Mutex("")

        func add(_ line: [UInt8]) { written.withLock { $0 += String(decoding: line, as: UTF8.self) } }
        var text: String { written.withLock { $0 } }
    }

    @Test("the loss of the listening connection is logged once, and so is its return")
    func logged() async throws {
        let cluster = try PostgresCluster()
        let database = try cluster.createDatabase(for: .service)
        let folder = try TemporaryDirectory()
        let lines = Lines()
        let server = try EmbeddedServer(
            directory: folder.file("data"), database: database.url, log: { lines.add($0) })
        func events() -> [String] {
            lines.text.split(separator: "\n").filter { $0.contains("\"event\":\"listening") }.map {
                $0.contains("listening_lost") ? "lost" : "again"
            }
        }
        for round in 1...2 {
            try cluster.stop()
            try await eventually(within: .seconds(30), "the lease ends") {
                server.service.database.lease?.isValid != true
            }
            // Long enough for several attempts.
            try await Task.sleep(for: .milliseconds(500))
            try cluster.start()
            try await eventually(within: .seconds(30), "both events are in the log") { events().count >= 2 * round }
            #expect(events() == [[String]](repeating: ["lost", "again"], count: round).flatMap { $0 })
        }
        #expect(!lines.text.contains("podstack@") && !lines.text.contains(PostgresCluster.password))
        server.stop()
        #expect(events().count == 4)
    }

    @Test("when any connection is cut, the worst response is a 503, and the service recovers")
    func pool() async throws {
        let instances = try TwoInstances()
        _ = try await underLoad(instances) { load in
            for _ in 0..<Rounds.count(5, long: 100) {
                try Self.end(instances, where: "TRUE")
                try await load.waitForRevocations(1)
            }
        }
        try await waitForLease(instances)
    }

    @Test("an instance that unknowingly gets no announcements uses no cached state once a revocation has returned")
    func deaf() async throws {
        let instances = try TwoInstances()
        for round in 0..<Rounds.count(1, long: 20) {
            let token = try instances.createToken()
            let here = TestClient(port: instances.first.port, token, keepsConnection: true)
            let there = TestClient(port: instances.second.port, token, keepsConnection: true)
            #expect(try here.tokenState() == "ok" && there.tokenState() == "ok")
            let database = try #require(instances.second.service.database as? PostgresDatabase)
            let backend = try instances.database.run(
                "SELECT backend FROM instances WHERE process = '\(database.process)'")
            let process = try #require(pid_t(backend))
            // PostgreSQL's process for the connection is stopped; the connection stays open.
            #expect(kill(process, SIGSTOP) == 0)
            #expect(try here.send("DELETE", "/v1/tokens/self").status == 204)
            #expect(try there.tokenState() == "revoked_token", "round \(round)")
            kill(process, SIGCONT)
            try await waitForLease(instances)
            #expect(try there.tokenState() == "revoked_token")
        }
    }

    @Test(
        "while PostgreSQL is stopped, every response is a 503; when it is back, every acknowledged change is in effect")
    func stopped() async throws {
        let cluster = try PostgresCluster()
        let instances = try TwoInstances(on: cluster)
        let load = try await underLoad(instances) { load in
            for _ in 0..<Rounds.count(1, long: 20) {
                try await load.waitForRevocations(3)
                try cluster.stop()
                let before = load.unavailable
                try await eventually(within: .seconds(60), "20 requests are refused") {
                    load.unavailable >= before + 20
                }
                let ready = try RawHTTP(port: instances.second.port).request("GET", "/readyz").status
                #expect(ready == 503)
                try cluster.start()
                try await load.waitForRevocations(3)
            }
        }
        #expect(load.unavailable > 0)
        try await waitForLease(instances)
        let service = instances.first.service
        #expect(try AuditVerification(of: service.database, chain: service.changes.trail.chain).faults.isEmpty)
    }

    /// Waits until both instances have a lease again.
    private func waitForLease(_ instances: TwoInstances) async throws {
        let leases = [instances.first, instances.second].map { $0.service.database.lease }
        try await eventually(within: .seconds(30), "both instances have a lease") {
            leases.allSatisfy { $0?.isValid == true }
        }
    }
}
