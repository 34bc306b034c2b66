import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The token pages", .blocking, .databases, .timeLimit(.perTest))
struct TokenPageTests {
    static let day: Int64 = 86_400

    let clock = ManualClock()
    let owner: TokenPagesClient

    init() throws { owner = try TokenPagesClient(clock: clock) }

    /// Advances the clock and signs in again, because the session may have ended.
    private func pass(days: Int64) throws {
        clock.set(clock.now + days * Self.day)
        try owner.client.signIn()
    }

    @Test("list the facts of a token, including the address of its last use", arguments: TestDatabase.selected)
    func list(_: TestDatabase) throws {
        #expect(try owner.get().says("No active tokens"))
        let session = try owner.token(["name": "CI", "access": "ci", "expiry": "never"])
        #expect(try owner.get().says("Never"))
        #expect(try session.whoami().status == 200)
        try owner.service.lastUsed.flush(to: owner.service.database)
        for page in [try owner.get(), try owner.page(session)] {
            for text in ["podstack_\(session.id)", "pods:* projects:read", "UTC just now from 127.0.0.1", "active"] {
                #expect(page.says(text), "\(text)")
            }
        }
        let record = try #require(try owner.service.database.read { try TokenStore.find(session.id, in: $0) })
        #expect(record.lastUsedFrom == "127.0.0.1")
        #expect(record.lastUsedAt == clock.now)
    }

    @Test("show warnings in words", arguments: TestDatabase.selected)
    func badges(_: TestDatabase) throws {
        let used = try owner.token(["name": "used", "expiry": "never"])
        try owner.token(["name": "unused", "expiry": "never"])
        let short = try owner.token(["name": "short", "expiry": "90"])
        #expect(try !owner.get().body.contains("badge warn"))
        try pass(days: 76)
        #expect(try used.whoami().status == 200)
        #expect(try owner.page(short).says("expires in 14 days"))
        try pass(days: 13)
        #expect(try owner.page(short).says("expires within a day"))
        #expect(try !owner.get().body.contains("never used"))
        try pass(days: 1)
        #expect(try owner.page(short).says("expired"))
        let list = try owner.get()
        #expect(list.says("2 of 5 active"))
        #expect(list.says("never used"))
        #expect(list.says("due for rotation"))
        #expect(try !owner.page(used).says("not used for"))
        try pass(days: 76)
        #expect(try owner.page(used).says("not used for 90 days"))
    }

    @Test("list revoked and expired tokens separately for 90 days, on several pages", arguments: TestDatabase.selected)
    func ended(_: TestDatabase) throws {
        for number in 0..<25 {
            let session = try owner.token(["name": "old \(number)"])
            #expect(try owner.post(session, "revoke").status == 303)
        }
        let live = try owner.token(["name": "live", "expiry": "never"])
        let page = try owner.get()
        let parts = page.body.split(separator: "Revoked and expired", maxSplits: 1)
        #expect(parts[0].contains(live.id) && !parts[1].contains(live.id))
        func count(_ page: TestResponse) -> Int { page.body.matches(of: />old \d+</).count }
        #expect(count(page) == 20)
        let link = try #require(page.body.firstMatch(of: /href="(\/account\/tokens\?ended=[^"]+)"/)).1
        let older = try owner.get(String(link))
        #expect(count(older) == 5)
        #expect(!older.body.contains(live.id))
        #expect(try owner.get("/account/tokens?ended=x").status == 400)
        try pass(days: 91)
        #expect(try !owner.get().says("Revoked and expired"))
    }

    @Test("rename a token, and report an invalid name at the field", arguments: TestDatabase.selected)
    func rename(_: TestDatabase) throws {
        let session = try owner.token()
        let refused = try owner.post(session, "name", ["name": String(repeating: "n", count: 101)])
        #expect(refused.status == 422)
        #expect(refused.says("Must have 1 to 100 characters."))
        #expect(refused.body.contains(String(repeating: "n", count: 101)))
        let response = try owner.post(session, "name", ["name": "new & better"])
        #expect(response.status == 303)
        #expect(try owner.client.follow(response).says("The token is renamed."))
        #expect(try owner.page(session).body.contains("<h1>new &amp; better</h1>"))
    }

    @Test(
        "rotate a token: the new secret is shown once, and the old one works for the grace period",
        arguments: TestDatabase.selected)
    func rotate(_: TestDatabase) throws {
        for (grace, seconds) in [("none", 0), ("hour", 3600), ("day", 86_400), ("week", 604_800)] as [(String, Int64)] {
            let old = try owner.token()
            let response = try owner.rotate(old, grace: grace)
            #expect(response.headers["cache-control"] == "no-store")
            let new = old.with(try response.secret)
            #expect(try owner.page(old).says("new secret not used yet"))
            #expect(try old.whoami().status == 200)
            #expect(try new.whoami().status == 200)
            clock.set(clock.now + max(0, seconds - 1))
            #expect(try old.whoami().status == (seconds == 0 ? 401 : 200))
            clock.set(clock.now + 1)
            #expect(try old.whoami().code == "rotated_token")
            #expect(try new.whoami().status == 200)
            try owner.client.signIn()
            #expect(try owner.page(new).says("No. 2, created"))
            try owner.post(new, "revoke")
        }
    }

    @Test("create one secret however often the rotation form is sent", arguments: TestDatabase.selected)
    func rotateTwice(_: TestDatabase) throws {
        let session = try owner.token()
        let mark = try owner.page(session).field("secrets")
        let secret = try owner.post(session, "rotate", ["secrets": mark, "grace": "hour"]).secret
        for use in [false, true] {
            if use { #expect(try session.with(secret).whoami().status == 200) }
            let again = try owner.post(session, "rotate", ["secrets": mark, "grace": "hour"])
            #expect(again.status == 409)
            #expect(again.says("was shown once"))
            #expect(!again.body.contains("data-once"))
        }
        #expect(try session.with(secret).whoami().status == 200)
        #expect(try owner.post(session, "rotate", ["secrets": mark, "grace": "forever"]).status == 422)
    }

    @Test("revoke a token after a confirmation, and the API rejects it at once", arguments: TestDatabase.selected)
    func revoke(_: TestDatabase) throws {
        let session = try owner.token(["name": "gone"])
        let connection = TestClient(port: owner.server.server.port, session.token, keepsConnection: true)
        #expect(try connection.tokenState() == "ok")
        let question = try owner.get("/account/tokens/\(session.id)/revoke")
        #expect(question.says("Revoke “gone”?"))
        #expect(try connection.tokenState() == "ok")
        let response = try owner.post(session, "revoke")
        #expect(try connection.tokenState() == "revoked_token")
        #expect(try owner.client.follow(response).says("The token is revoked and no longer works."))
        #expect(try owner.get("/account/tokens/\(session.id)/revoke").status == 303)
        #expect(try owner.page(session).says("revoked"))
        #expect(try !owner.page(session).body.contains("<form class=\"card"))
        let mark = try owner.service.tokens.token(session.id, accountID: owner.accountID)
        #expect(mark.revokedAt == clock.now)
        #expect(try owner.post(session, "name", ["name": "n"]).status == 409)
        #expect(try owner.post(session, "rotate", ["secrets": "", "grace": "hour"]).status == 409)
    }

    @Test("neither show nor change tokens of another account", arguments: TestDatabase.selected)
    func foreign(_: TestDatabase) throws {
        try owner.server.server.addUser("other@example.com")
        let other = TestClient(owner.server, try owner.server.server.createToken("other@example.com"))
        let unknown = TestClient(owner.server, "podstack_00000000")
        try owner.get("/account/tokens/new")
        for session in [other, unknown] {
            for path in ["", "/revoke"] {
                let response = try owner.get("/account/tokens/\(session.id)\(path)")
                #expect(response.status == 404)
                #expect(response.says("No such token."))
            }
            for (action, fields) in [
                ("name", ["name": "mine"]), ("rotate", ["secrets": "", "grace": "none"]), ("revoke", [:]),
                ("scopes", ["scopes": "tokens:read"]),
            ] as [(String, KeyValuePairs<String, String>)] {
                #expect(try owner.post(session, action, fields).status == 404)
            }
        }
        #expect(try other.whoami().decoded(User.self).token?.name == "test")
        #expect(try !owner.get().body.contains(other.id))
    }

    @Test("require a session and a form key", arguments: TestDatabase.selected)
    func guarded(_: TestDatabase) throws {
        let session = try owner.token()
        let stranger = TestClient(owner.server)
        let places = [
            "", "/new", "/\(session.id)", "/\(session.id)/revoke", "/\(session.id)/name", "/\(session.id)/rotate",
            "/\(session.id)/scopes",
        ].map { "/account/tokens" + $0 }
        for path in places {
            let responses = [
                try stranger.get(path), try stranger.post(path, []),
                try stranger.send("GET", path, headers: [("Authorization", "Bearer \(session.token)")]),
            ]
            for response in responses where response.status != 405 {
                #expect(response.status == 303)
                #expect(response.headers["location"]?.hasPrefix("/sign-in") == true)
            }
            let forged = try owner.client.post(path, [("form_key", "0"), ("name", "n")])
            #expect([403, 405].contains(forged.status))
        }
        #expect(try session.whoami().status == 200)
    }
}

extension TokenPagesClient {
    var accountID: String {
        get throws { try client.session?.user.accountID ?? "" }
    }
}
