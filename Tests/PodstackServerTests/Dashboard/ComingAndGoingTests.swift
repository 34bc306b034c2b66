import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Signing in and out", .blocking, .databases, .timeLimit(.perTest))
struct ComingAndGoingTests {
    @Test(
        "a sign-in link signs in, signing out ends the session, and the password signs in again",
        arguments: TestDatabase.selected)
    func all(_: TestDatabase) throws {
        let visitor = TestClient(try RunningServer())
        #expect(try visitor.get("/").headers["location"] == "/sign-in")
        #expect(try visitor.signUp().headers["location"] == "/account/tokens?done=welcome")
        #expect(try visitor.isSignedIn)
        #expect(try visitor.session?.user.email == RunningServer.email)
        #expect(try visitor.follow(visitor.post("/sign-out")).body.contains("You are signed out."))
        #expect(try !visitor.isSignedIn)
        #expect(try visitor.signIn().status == 303)
        #expect(try visitor.isSignedIn)
    }
}
