import PodstackTestSupport

@testable import PodstackServer

/// A signed-in user of the token pages.
struct TokenVisitor {
    let server: RunningServer
    let visitor: PageVisitor

    init(clock: ManualClock? = nil) throws {
        server = try RunningServer(clock: clock)
        visitor = try PageVisitor(signedUpAt: server)
    }

    var service: Service { server.server.service }

    @discardableResult
    func get(_ path: String = "/account/tokens") throws -> RawHTTP.Answer { try visitor.get(path) }

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
    func create(_ changes: KeyValuePairs<String, String> = [:]) throws -> RawHTTP.Answer {
        try visitor.post("/account/tokens", form(changes))
    }

    /// Creates a token and returns a client that uses it.
    @discardableResult
    func token(_ changes: KeyValuePairs<String, String> = [:]) throws -> Session {
        Session(server, try create(changes).secret)
    }

    @discardableResult
    func post(_ session: Session, _ action: String, _ fields: KeyValuePairs<String, String> = [:]) throws
        -> RawHTTP.Answer
    {
        try visitor.post("/account/tokens/\(session.id)/\(action)", fields)
    }

    func page(_ session: Session) throws -> RawHTTP.Answer { try get("/account/tokens/\(session.id)") }

    /// Loads a token's page and sends its rotation form.
    func rotate(_ session: Session, grace: String = "hour") throws -> RawHTTP.Answer {
        try post(session, "rotate", ["secrets": page(session).field("secrets"), "grace": grace])
    }
}
