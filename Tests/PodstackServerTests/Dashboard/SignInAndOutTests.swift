import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Signing in and out", .blocking, .databases, .timeLimit(.perTest))
struct SignInAndOutTests {
    @Test(
        "a sign-in link signs in, signing out ends the session, and the password signs in again",
        arguments: TestDatabase.selected)
    func all(_: TestDatabase) throws {
        let client = TestClient(try RunningServer())
        #expect(try client.get("/").headers["location"] == "/sign-in")
        #expect(try client.signUp().headers["location"] == "/?done=welcome")
        #expect(try client.isSignedIn)
        #expect(try client.session?.user.email == RunningServer.email)
        #expect(try client.follow(client.post("/sign-out")).body.contains("You are signed out."))
        #expect(try !client.isSignedIn)
        #expect(try client.signIn().status == 303)
        #expect(try client.isSignedIn)
    }
}
