import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Passwords", .blocking, .databases, .timeLimit(.perTest))
struct PasswordTests {
    let clock = ManualClock()
    let visitor: TestClient
    var server: RunningServer { visitor.server }

    init() throws {
        visitor = try TestClient(signedUpAt: .anywhere(clock))
    }

    func change(
        _ current: String = TestClient.password, to new: String, repeated: String? = nil
    ) throws -> TestResponse {
        try visitor.get("/account/sign-in")
        return try visitor.post(
            "/account/sign-in/password", ["current": current, "password": new, "repeated": repeated ?? new])
    }

    @Test("length counts, and what makes a password no secret", arguments: TestDatabase.selected)
    func rules(_: TestDatabase) throws {
        let email = RunningServer.email
        for (password, defect) in [
            ("eleven char", "must have at least 12 characters"), ("", "must have at least 12 characters"),
            (String(repeating: "longer ", count: 147), "is longer than 1024 bytes"),
            ("my name is You@Example.com", "must not hold your e-mail address"),
            ("abababababababab", "repeats too few characters"),
        ] {
            #expect(Password.defect(password, email: email) == defect)
            let refused = try change(to: password)
            #expect(refused.status == 422)
            #expect(refused.body.contains("The new password \(defect)."))
        }
        for password in ["twelve chars", "schlüssel für alles, 鍵", String(repeating: "longer ", count: 146)] {
            #expect(Password.defect(password, email: email) == nil)
        }
        #expect(try change(to: "another good password", repeated: "another bad password").status == 422)
        #expect(try change(to: "schlüssel für alles, 鍵").status == 303)
        visitor.cookies = [:]
        #expect(try visitor.signIn().status == 422)
        #expect(try visitor.signIn(password: "schlüssel für alles, 鍵").status == 303)
    }

    @Test("changing it ends all other sessions, and this one goes on", arguments: TestDatabase.selected)
    func others(_: TestDatabase) throws {
        let other = TestClient(server)
        try other.signIn()
        #expect(try other.isSignedIn)
        let changed = try change(to: "another good password")
        #expect(try visitor.follow(changed).body.contains("Your password was changed."))
        #expect(try visitor.isSignedIn)
        #expect(try !other.isSignedIn)
    }

    @Test(
        "guessing the current one at a browser that was left alone is slowed down like signing in, and is on record",
        arguments: TestDatabase.selected)
    func guessing(_: TestDatabase) throws {
        for _ in 0..<5 { #expect(try change("wrong", to: "another good password").status == 422) }
        let refused = try change(to: "another good password")
        #expect(refused.status == 429)
        #expect(refused.headers["retry-after"] == "1")
        clock.set(clock.now + 1)
        #expect(try change(to: "another good password").status == 303)
        #expect(try visitor.actions.filter { $0 == "login_failed" }.count == 5)
    }

    @Test(
        "is changed ten times in a minute at most: meanwhile others could not sign in", arguments: TestDatabase.selected
    )
    func often(_: TestDatabase) throws {
        for _ in 0..<10 { #expect(try change(to: "short").status == 422) }
        let refused = try change(to: "short")
        #expect(refused.status == 429 && refused.headers["retry-after"] == "6")
        clock.set(clock.now + 6)
        #expect(try change(to: "another good password").status == 303)
    }

    @Test("what was typed is never shown again", arguments: TestDatabase.selected)
    func notShown(_: TestDatabase) throws {
        let typed = "a password that is\u{1}typed"
        #expect(try !change("current as it is typed", to: typed, repeated: "x").body.contains("typed"))
        visitor.cookies = [:]
        let answer = try visitor.signIn(password: "wrong as it is typed")
        #expect(!answer.body.contains("as it is typed"))
    }
}
