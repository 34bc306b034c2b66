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
    private struct Life {
        enum Step: Int { case made, rotated, used, revoked }

        var first: String
        var second: String
        var asked: Step?
        var told: Step?
    }

    private final class Journal: Sendable {
        let lives = Mutex<[Life]>([])

        func add(_ life: Life) { lives.withLock { $0.append(life) } }
        func note(_ change: (inout Life) -> Void) {
            lives.withLock { if let last = $0.indices.last { change(&$0[last]) } }
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
            let (first, second) = (TokenMaker.token(id: id), TokenMaker.token(id: id))
            journal.add(Life(first: first, second: second))
            let steps: [(Life.Step, () -> Bool)] = [
                (.made, { send("POST", "/v1/tokens", owner, "{\"name\": \"t\", \(TestClient.fields(of: first))}") }),
                (.rotated, { send("POST", "/v1/tokens/self/rotate", first, "{\(TestClient.fields(of: second))}") }),
                (.used, { send("GET", "/v1/auth/whoami", second) }),
                (.revoked, { send("DELETE", "/v1/tokens/self", second) }),
            ]
            for (step, act) in steps {
                journal.note { $0.asked = step }
                guard act() else { return }
                journal.note { $0.told = step }
            }
        }
    }

    @Test(
        "after a restart, acknowledged changes hold, a token being rotated works, and the audit log is intact",
        arguments: TestDatabase.selected)
    func anyMoment(_: TestDatabase) async throws {
        _ = try ToolProcess.run(
            "podstack-server", ["user", "add", "you@example.com", "--data", data], environment: place.environment)
        let made = try ToolProcess.run(
            "podstack-server", ["token", "create", "you@example.com", "--name", "t", "--data", data],
            environment: place.environment)
        let owner = String(made.output.dropLast())
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
                // Not killed: on PostgreSQL the next one's first revocation would wait for its lease.
                next.signal(SIGTERM)
                next.wait()
            }
            let connection = try RawHTTP(port: nextPort)
            for life in journal.lives.withLock({ $0 }) {
                // The new secret is tried first, as a client does after a crash: it may be the only valid one.
                let second = try code(connection, life.second)
                let first = try code(connection, life.first)
                switch (life.told, life.asked) {
                case (.revoked, _): #expect(first == "revoked_token" && second == "revoked_token")
                case (_, .revoked): #expect(second == nil || second == "revoked_token")
                case (.rotated, _), (.used, _): #expect(second == nil && first == nil)
                case (_, .rotated): #expect(first == nil)
                case (.made, _): #expect(first == nil && second == "invalid_token")
                default: #expect(first == nil || first == "invalid_token")
                }
            }
            let audit = try ToolProcess.run(
                "podstack-server", ["audit", "verify", "--data", data], environment: place.environment)
            #expect(audit.status == 0, "\(audit.output)")
        }
    }
}
