import PodstackTestSupport

@testable import PodstackServer

/// Reads the state of the service behind a client.
extension TestClient {
    var service: Service { server.server.service }

    /// The session of the client's cookie; nil if the service finds none.
    var session: WebSession? {
        get throws {
            guard let secret = cookies["podstack_session"] else { return nil }
            return try service.signIn.sessions.find(OneTimeSecret(secret), now: service.now())
        }
    }

    /// The actions in the audit logs, oldest first.
    var actions: [String] {
        get throws {
            try service.database.read { connection in
                try connection.run("SELECT action FROM audit_events ORDER BY account_id, number").map { try $0.text(0) }
            }
        }
    }
}

extension RunningServer {
    /// A server behind a proxy, so that a test can come from anywhere.
    static func anywhere(_ clock: ManualClock = ManualClock()) throws -> RunningServer {
        try RunningServer(clock: clock, proxies: ["127.0.0.1"])
    }

    /// Everything in the database that a request could have changed, as text.
    func everything() throws -> [String] {
        let names =
            database == nil
            ? "SELECT name FROM sqlite_master WHERE type = 'table'"
            : "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        return try server.service.database.read { connection in
            try connection.run(names).map { try $0.text(0) }.filter { $0 != "instances" }.sorted()
                .flatMap { name in try connection.run("SELECT * FROM \(name)").map { "\(name) \($0.values)" }.sorted() }
        }
    }
}

/// The header by which a proxy says where a request comes from.
func from(_ address: String) -> [(String, String)] { [("X-Forwarded-For", address)] }
