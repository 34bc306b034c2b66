import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A disabled user on the dashboard", .blocking, .everyDatabase)
struct DisabledVisitorTests {
    let server: RunningServer
    let visitor: PageVisitor

    init() throws {
        server = try RunningServer()
        visitor = try PageVisitor(signedUpAt: server)
    }

    func set(isDisabled: Bool) throws {
        let service = visitor.service
        _ = try service.changes.make(by: .administrator, at: service.now()) { change in
            let user = try #require(try ListedUser.find(email: RunningServer.email, in: change.connection))
            return try AccountStore.setDisabled(isDisabled, user, in: change)
        }
    }

    @Test("is signed out at once and cannot sign in with a password or a link")
    func refused() throws {
        let link = try server.server.signInLink(RunningServer.email)
        try set(isDisabled: true)
        #expect(try !visitor.isSignedIn)
        let refused = try visitor.signIn(email: RunningServer.email, password: PageVisitor.password)
        #expect(refused.status == 403 && refused.body.contains("Your account is disabled"))
        // Only a client with the right password learns this.
        let guessed = try visitor.signIn(email: RunningServer.email, password: "wrong")
        #expect(guessed.status == 422 && !guessed.body.contains("disabled"))
        #expect(try visitor.get(link).status == 410)
        try set(isDisabled: false)
        #expect(try visitor.signIn(email: RunningServer.email, password: PageVisitor.password).status == 303)
        #expect(try visitor.isSignedIn)
    }
}
