import Foundation
import PodstackAPI
import PodstackCryptography
import PodstackTestSupport
import Synchronization
import Testing

/// Kills the real program in the middle of its work.
@Suite("podstack-server killed at a random moment", .blocking, .databases, .timeLimit(.perTest))
struct CrashTests {
    /// The last state of a token that the server acknowledged.
    private struct TokenHistory {
        enum Step: Int { case created, rotated, used, revoked }

        var first: String
        var second: String
        var requested: Step?
        var confirmed: Step?
    }

    private final class Journal: Sendable {
        let histories = Mutex<[TokenHistory]>([])

        func add(_ history: TokenHistory) { histories.withLock { $0.append(history) } }
        func record(_ change: (inout TokenHistory) -> Void) {
            histories.withLock { if let last = $0.indices.last { change(&$0[last]) } }
        }
    }

    let place: ServerPlace
    var data: String { place.data }

    init() throws { place = try ServerPlace() }

    private func serve() throws -> (process: ToolProcess, port: UInt16) {
        let process = try ToolProcess(
            "podstack-server",
            [
                "serve", "--listen", "127.0.0.1:0", "--data", data, "--max-active-tokens", "9999",
                "--failed-authentications", "999999",
            ], environment: place.environment)
        do { try process.waitForOutput { $0.hasSuffix("\n") } } catch {
            process.signal(SIGKILL)
            throw error
        }
        let port = process.standardOutput.split(separator: ":").last.flatMap { UInt16($0.dropLast()) }
        return (process, try #require(port))
    }

    private func code(_ connection: RawHTTP, _ token: String) throws -> String? {
        try connection.request("GET", "/v1/auth/whoami", headers: [("Authorization", "Bearer \(token)")]).code
    }

    /// Creates, rotates, uses and revokes tokens until the connection breaks.
    private static func work(_ port: UInt16, _ owner: String, _ journal: Journal) {
        guard let connection = try? RawHTTP(port: port) else { return }
        var generator = SecureGenerator()
        func send(_ method: String, _ path: String, _ token: String, _ body: String? = nil) -> Bool {
            let headers = [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")]
            return (try? connection.request(method, path, headers: headers, body: body).status < 300) ?? false
        }
        // More rounds than the program survives.
        for _ in 0..<100_000 {
            let id = TokenFormat.generateID(using: &generator)
            let (first, second) = (TestToken.generate(id: id), TestToken.generate(id: id))
            journal.add(TokenHistory(first: first, second: second))
            let steps: [(TokenHistory.Step, () -> Bool)] = [
                (.created, { send("POST", "/v1/tokens", owner, "{\"name\": \"t\", \(TestClient.fields(of: first))}") }),
                (.rotated, { send("POST", "/v1/tokens/self/rotate", first, "{\(TestClient.fields(of: second))}") }),
                (.used, { send("GET", "/v1/auth/whoami", second) }),
                (.revoked, { send("DELETE", "/v1/tokens/self", second) }),
            ]
            for (step, act) in steps {
                journal.record { $0.requested = step }
                guard act() else { return }
                journal.record { $0.confirmed = step }
            }
        }
    }

    @Test(
        "after a restart, acknowledged changes hold, a token being rotated works, and the audit log is intact",
        arguments: TestDatabase.selected)
    func anyMoment(_: TestDatabase) async throws {
        _ = try ToolProcess.run(
            "podstack-server", ["user", "add", "you@example.com", "--data", data], environment: place.environment)
        let created = try ToolProcess.run(
            "podstack-server", ["token", "create", "you@example.com", "--name", "t", "--data", data],
            environment: place.environment)
        let owner = String(created.output.dropLast())
        var random = TestSeed.generator()
        for _ in 0..<Rounds.count(place.database == nil ? 8 : 3, long: 200) {
            let journal = Journal()
            let (process, port) = try serve()
            let worker = Task.detached { Self.work(port, owner, journal) }
            try await Task.sleep(for: .milliseconds(Int.random(in: 5..<80, using: &random)))
            process.signal(SIGKILL)
            process.wait()
            await worker.value

            let (next, nextPort) = try serve()
            defer {
                // Stopped, not killed: on PostgreSQL, the next server's first revocation would wait for the lease.
                next.signal(SIGTERM)
                next.wait()
            }
            let connection = try RawHTTP(port: nextPort)
            for history in journal.histories.withLock({ $0 }) {
                // The new secret is tried first, as a client does after a crash: it may be the only valid one.
                let second = try code(connection, history.second)
                let first = try code(connection, history.first)
                switch (history.confirmed, history.requested) {
                case (.revoked, _): #expect(first == "revoked_token" && second == "revoked_token")
                case (_, .revoked): #expect(second == nil || second == "revoked_token")
                case (.rotated, _), (.used, _): #expect(second == nil && first == nil)
                case (_, .rotated): #expect(first == nil)
                case (.created, _): #expect(first == nil && second == "invalid_token")
                default: #expect(first == nil || first == "invalid_token")
                }
            }
            let audit = try ToolProcess.run(
                "podstack-server", ["audit", "verify", "--data", data], environment: place.environment)
            #expect(audit.status == 0, "\(audit.output)")
        }
    }
}
