import PodstackTestSupport

@testable import PodstackServer

/// A signed-in user of the token pages.
struct TokenPagesClient {
    let server: RunningServer
    let client: TestClient

    init(clock: ManualClock? = nil) throws {
        server = try RunningServer(clock: clock)
        client = try TestClient(signedUpAt: server)
    }

    var service: Service { server.server.service }

    @discardableResult
    func get(_ path: String = "/account/tokens") throws -> TestResponse { try client.get(path) }

    /// Returns the fields of the form for a new token, with some values changed.
    func form(_ changes: KeyValuePairs<String, String> = [:]) throws -> [(String, String)] {
        let page = try get("/account/tokens/new")
        var fields = [
            ("id", try page.field("id")), ("name", "CI"), ("expiry", "30"), ("date", ""), ("access", "full"),
            ("projects", "all"),
        ]
        for name in Set(changes.map(\.key)) { fields.removeAll { $0.0 == name } }
        return fields + changes.map { ($0.key, $0.value) }
    }

    /// Loads the form and sends it.
    @discardableResult
    func create(_ changes: KeyValuePairs<String, String> = [:]) throws -> TestResponse {
        try client.post("/account/tokens", form(changes))
    }

    /// Creates a token and returns a client that uses it.
    @discardableResult
    func token(_ changes: KeyValuePairs<String, String> = [:]) throws -> TestClient {
        TestClient(server, try create(changes).secret)
    }

    @discardableResult
    func post(_ session: TestClient, _ action: String, _ fields: KeyValuePairs<String, String> = [:]) throws
        -> TestResponse
    {
        try client.post("/account/tokens/\(session.id)/\(action)", fields)
    }

    func page(_ session: TestClient) throws -> TestResponse { try get("/account/tokens/\(session.id)") }

    /// Loads a token's page and sends its rotation form.
    func rotate(_ session: TestClient, grace: String = "hour") throws -> TestResponse {
        try post(session, "rotate", ["secrets": page(session).field("secrets"), "grace": grace])
    }
}
