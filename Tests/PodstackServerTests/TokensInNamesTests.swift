import PodstackAPI
import PodstackTestSupport
import Testing

@Suite("Tokens in place of names", .blocking, .databases, .timeLimit(.perTest))
struct TokensInNamesTests {
    let owner: TestClient

    init() throws { owner = try TestClient() }

    @Test(
        "a name that is or contains a token is refused, and the response does not repeat it",
        arguments: TestDatabase.selected)
    func names(_: TestDatabase) throws {
        let secret = TestToken.generate(id: "zab5rrb1")
        let project = try #require(try owner.whoami().decoded(User.self).defaultProjectID)
        for text in [secret, "my token: \(secret)!", String(secret.dropLast(6)) + "000000"] {
            let requests = [
                ("POST", "/v1/tokens", "name"), ("PATCH", "/v1/tokens/\(owner.id)", "name"),
                ("POST", "/v1/projects", "name"), ("PATCH", "/v1/projects/\(project)", "name"),
                ("PATCH", "/v1/projects/\(project)", "description"), ("POST", "/v1/device/code", "client_name"),
            ]
            for (method, path, field) in requests {
                let response = try owner.send(method, path, "{\"\(field)\": \"\(text)\"}")
                #expect(response.status == 422, "\(method) \(path)")
                #expect(
                    response.error?.details["field_errors"]
                        == .object([field: .array([.string("must not contain an API token")])]))
                #expect(!response.body.contains(secret.dropFirst(18).prefix(20)))
            }
        }
        #expect(try owner.send("PATCH", "/v1/tokens/\(owner.id)", #"{"name": "podstack_ci"}"#).status == 200)
    }
}
