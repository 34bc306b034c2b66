import PodstackAPI
import PodstackTestSupport
import Synchronization
import Testing

/// Creates, uses and revokes tokens at two instances until it is stopped.
///
/// It checks that no valid token is refused, no revoked one is accepted, and failures are reported as unavailability.
final class TokenLoad: Sendable {
    private struct Seen {
        var isOver = false
        var wrong: [String] = []
        var revoked = 0
        var unavailable = 0
    }

    private let owner: String
    private let ports: [UInt16]
    private let seen = Mutex(Seen())

    init(owner: String, ports: [UInt16]) {
        self.owner = owner
        self.ports = ports
    }

    var wrong: [String] { seen.withLock { $0.wrong } }
    /// The number of tokens that were created, used and revoked.
    var revoked: Int { seen.withLock { $0.revoked } }
    var unavailable: Int { seen.withLock { $0.unavailable } }

    func stop() { seen.withLock { $0.isOver = true } }

    /// Waits until `count` more tokens were created, used and revoked.
    func waitForRevocations(_ count: Int) async throws {
        let goal = revoked + count
        try await eventually(within: .seconds(30), "\(count) more tokens are revoked") { revoked >= goal }
    }

    func run() {
        var generator = SecureGenerator()
        while !seen.withLock({ $0.isOver }) {
            let token = TestToken.generate(id: TokenFormat.generateID(using: &generator))
            let (first, second) = (
                ports.randomElement(using: &generator) ?? 0, ports.randomElement(using: &generator) ?? 0
            )
            let created = ask(owner, first, "POST", "/v1/tokens", "{\"name\": \"t\", \(TestClient.fields(of: token))}")
            guard expect(created, ["ok", "unavailable"], "POST"), created == "ok" else { continue }
            for port in ports { _ = expect(ask(token, port), ["ok", "unavailable"], "before") }
            let revoked = ask(token, second, "DELETE", "/v1/tokens/self")
            guard expect(revoked, ["ok", "unavailable"], "DELETE"), revoked == "ok" else { continue }
            for port in ports { _ = expect(ask(token, port), ["revoked_token", "unavailable"], "after") }
            seen.withLock { $0.revoked += 1 }
        }
    }

    /// Returns `ok`, or the code of the error.
    private func ask(
        _ token: String, _ port: UInt16, _ method: String = "GET", _ path: String = "/v1/auth/whoami",
        _ body: String? = nil
    ) -> String {
        do {
            return try TestClient(port: port, token, keepsConnection: true).send(method, path, body).code ?? "ok"
        } catch { return "\(error)" }
    }

    private func expect(_ code: String, _ allowed: [String], _ what: String) -> Bool {
        seen.withLock { seen in
            if code == "unavailable" { seen.unavailable += 1 }
            if !allowed.contains(code) { seen.wrong.append("\(what): \(code)") }
            return allowed.contains(code)
        }
    }
}
