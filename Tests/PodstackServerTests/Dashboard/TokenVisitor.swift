import PodstackTestSupport

@testable import PodstackServer

/// Somebody signed in who looks after their tokens.
struct TokenVisitor {
    let server: RunningServer
    let visitor: TestClient

    init(clock: ManualClock? = nil) throws {
        server = try RunningServer(clock: clock)
        visitor = try TestClient(signedUpAt: server)
    }

    var service: Service { server.server.service }

    @discardableResult
    func get(_ path: String = "/account/tokens") throws -> TestResponse { try visitor.get(path) }

    /// The form of a new token as it is shown, with other values.
    func form(_ changes: KeyValuePairs<String, String> = [:]) throws -> [(String, String)] {
        let page = try get("/account/tokens/new")
        var fields = [
            ("id", try page.field("id")), ("name", "CI"), ("expiry", "30"), ("date", ""), ("access", "full"),
            ("projects", "all"),
        ]
        for name in Set(changes.map(\.key)) { fields.removeAll { $0.0 == name } }
        return fields + changes.map { ($0.key, $0.value) }
    }

    /// The answer to a form that was got for it.
    @discardableResult
    func create(_ changes: KeyValuePairs<String, String> = [:]) throws -> TestResponse {
        try visitor.post("/account/tokens", form(changes))
    }

    /// A session with a token that the page made.
    @discardableResult
    func token(_ changes: KeyValuePairs<String, String> = [:]) throws -> TestClient {
        TestClient(server, try create(changes).secret)
    }

    @discardableResult
    func post(_ session: TestClient, _ action: String, _ fields: KeyValuePairs<String, String> = [:]) throws
        -> TestResponse
    {
        try visitor.post("/account/tokens/\(session.id)/\(action)", fields)
    }

    func page(_ session: TestClient) throws -> TestResponse { try get("/account/tokens/\(session.id)") }

    /// The answer to the form of a rotation as it is shown.
    func rotate(_ session: TestClient, grace: String = "hour") throws -> TestResponse {
        try post(session, "rotate", ["secrets": page(session).field("secrets"), "grace": grace])
    }
}
