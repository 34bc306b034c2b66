import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A disabled user on the dashboard", .blocking, .databases, .timeLimit(.perTest))
struct DisabledViewerTests {
    let server: RunningServer
    let client: TestClient

    init() throws {
        server = try RunningServer()
        client = try TestClient(signedUpAt: server)
    }

    func set(isDisabled: Bool) throws {
        let service = client.service
        _ = try service.changes.perform(by: .administrator, at: service.now()) { change in
            let user = try #require(try UserStore.find(email: RunningServer.email, in: change.connection))
            return try UserService.setDisabled(isDisabled, user, in: change)
        }
    }

    @Test("is signed out at once and cannot sign in with a password or a link", arguments: TestDatabase.selected)
    func refused(_: TestDatabase) throws {
        let link = try server.server.signInLink(RunningServer.email)
        try set(isDisabled: true)
        #expect(try !client.isSignedIn)
        let refused = try client.signIn(email: RunningServer.email, password: TestClient.password)
        #expect(refused.status == 403 && refused.body.contains("Your account is disabled"))
        // Only a client with the right password learns this.
        let guessed = try client.signIn(email: RunningServer.email, password: "wrong")
        #expect(guessed.status == 422 && !guessed.body.contains("disabled"))
        #expect(try client.get(link).status == 410)
        try set(isDisabled: false)
        #expect(try client.signIn(email: RunningServer.email, password: TestClient.password).status == 303)
        #expect(try client.isSignedIn)
    }
}
