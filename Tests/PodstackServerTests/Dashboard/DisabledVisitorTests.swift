import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A disabled user on the dashboard", .blocking, .databases, .timeLimit(.perTest))
struct DisabledVisitorTests {
    let server: RunningServer
    let visitor: TestClient

    init() throws {
        server = try RunningServer()
        visitor = try TestClient(signedUpAt: server)
    }

    func set(isDisabled: Bool) throws {
        let service = visitor.service
        _ = try service.changes.perform(by: .administrator, at: service.now()) { change in
            let user = try #require(try UserStore.find(email: RunningServer.email, in: change.connection))
            return try UserService.setDisabled(isDisabled, user, in: change)
        }
    }

    @Test("is signed out at once and cannot sign in with a password or a link", arguments: TestDatabase.selected)
    func refused(_: TestDatabase) throws {
        let link = try server.server.signInLink(RunningServer.email)
        try set(isDisabled: true)
        #expect(try !visitor.isSignedIn)
        let refused = try visitor.signIn(email: RunningServer.email, password: TestClient.password)
        #expect(refused.status == 403 && refused.body.contains("Your account is disabled"))
        // Only a client with the right password learns this.
        let guessed = try visitor.signIn(email: RunningServer.email, password: "wrong")
        #expect(guessed.status == 422 && !guessed.body.contains("disabled"))
        #expect(try visitor.get(link).status == 410)
        try set(isDisabled: false)
        #expect(try visitor.signIn(email: RunningServer.email, password: TestClient.password).status == 303)
        #expect(try visitor.isSignedIn)
    }
}
