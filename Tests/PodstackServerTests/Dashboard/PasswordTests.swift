import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Passwords", .blocking, .databases, .timeLimit(.perTest))
struct PasswordTests {
    let clock = ManualClock()
    let client: TestClient
    var server: RunningServer { client.server }

    init() throws {
        client = try TestClient(signedUpAt: .anywhere(clock))
    }

    func change(
        _ current: String = TestClient.password, to new: String, repeated: String? = nil
    ) throws -> TestResponse {
        try client.get("/account/sign-in")
        return try client.post(
            "/account/sign-in/password", ["current": current, "password": new, "repeated": repeated ?? new])
    }

    @Test("a new password must follow the rules", arguments: TestDatabase.selected)
    func rules(_: TestDatabase) throws {
        let email = RunningServer.email
        for (password, defect) in [
            ("eleven char", "must have at least 12 characters"), ("", "must have at least 12 characters"),
            (String(repeating: "longer ", count: 147), "must not be longer than 1024 bytes"),
            ("my name is You@Example.com", "must not contain your email address"),
            ("abababababababab", "must have at least five different characters"),
        ] {
            #expect(Password.problem(password, email: email) == defect)
            let refused = try change(to: password)
            #expect(refused.status == 422)
            #expect(refused.body.contains("The new password \(defect)."))
        }
        for password in ["twelve chars", "schlüssel für alles, 鍵", String(repeating: "longer ", count: 146)] {
            #expect(Password.problem(password, email: email) == nil)
        }
        #expect(try change(to: "another good password", repeated: "another bad password").status == 422)
        #expect(try change(to: "schlüssel für alles, 鍵").status == 303)
        client.cookies = [:]
        #expect(try client.signIn().status == 422)
        #expect(try client.signIn(password: "schlüssel für alles, 鍵").status == 303)
    }

    @Test("changing the password ends all other sessions", arguments: TestDatabase.selected)
    func others(_: TestDatabase) throws {
        let other = TestClient(server)
        try other.signIn()
        #expect(try other.isSignedIn)
        let changed = try change(to: "another good password")
        #expect(try client.follow(changed).body.contains("Your password is changed."))
        #expect(try client.isSignedIn)
        #expect(try !other.isSignedIn)
    }

    @Test(
        "guessing the current password is slowed down and recorded like failed sign-ins",
        arguments: TestDatabase.selected)
    func guessing(_: TestDatabase) throws {
        for _ in 0..<5 { #expect(try change("wrong", to: "another good password").status == 422) }
        let refused = try change(to: "another good password")
        #expect(refused.status == 429)
        #expect(refused.headers["retry-after"] == "1")
        clock.set(clock.now + 1)
        #expect(try change(to: "another good password").status == 303)
        #expect(try client.actions.filter { $0 == "login_failed" }.count == 5)
    }

    @Test("the password can be changed ten times a minute", arguments: TestDatabase.selected)
    func often(_: TestDatabase) throws {
        for _ in 0..<10 { #expect(try change(to: "short").status == 422) }
        let refused = try change(to: "short")
        #expect(refused.status == 429 && refused.headers["retry-after"] == "6")
        clock.set(clock.now + 6)
        #expect(try change(to: "another good password").status == 303)
    }

    @Test("a typed password never appears on a page", arguments: TestDatabase.selected)
    func notShown(_: TestDatabase) throws {
        let typed = "a password that is\u{1}typed"
        #expect(try !change("current as it is typed", to: typed, repeated: "x").body.contains("typed"))
        client.cookies = [:]
        let response = try client.signIn(password: "wrong as it is typed")
        #expect(!response.body.contains("as it is typed"))
    }
}
