import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Signing in and out", .blocking, .everyDatabase)
struct ComingAndGoingTests {
    @Test("a sign-in link signs in, signing out ends the session, and the password signs in again")
    func all() throws {
        let visitor = PageVisitor(try RunningServer())
        #expect(try visitor.get("/").headers["location"] == "/sign-in")
        #expect(try visitor.signUp().headers["location"] == "/account/tokens?done=welcome")
        #expect(try visitor.isSignedIn)
        #expect(try visitor.session?.email == RunningServer.email)
        #expect(try visitor.follow(visitor.post("/sign-out")).body.contains("You are signed out."))
        #expect(try !visitor.isSignedIn)
        #expect(try visitor.signIn().status == 303)
        #expect(try visitor.isSignedIn)
    }
}
