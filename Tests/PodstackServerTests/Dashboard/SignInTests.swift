import PodstackCryptography
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Signing in", .blocking, .databases, .timeLimit(.perTest))
struct SignInTests {
    let clock = ManualClock()
    let client: TestClient
    var server: RunningServer { client.server }

    init() throws {
        client = try TestClient(signedUpAt: .anywhere(clock))
        client.cookies = [:]
    }

    func attempt(
        _ email: String = RunningServer.email, _ password: String = "wrong", from address: String = "192.0.2.1"
    ) throws -> TestResponse {
        try client.signIn(email: email, password: password, headers: from(address))
    }

    @Test(
        "a wrong password and an unknown email address get identical responses after the same work",
        arguments: TestDatabase.selected)
    func alike(_: TestDatabase) throws {
        // Both have the same length, because the form shows them again.
        let (known, unknown) = (RunningServer.email, "not@example.com")
        let effort = server.server.service.signIn.passwords
        func response(_ email: String) throws -> (bytes: String, hashed: Int) {
            let before = effort.hashed
            var response = try attempt(email)
            for name in ["date", "x-request-id"] { response.headers[name] = nil }
            #expect(response.status == 422)
            let headers = response.headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            return ("\(headers)\(response.body.replacing(email, with: "EMAIL"))", effort.hashed - before)
        }
        // Gets a cookie, and with it a form key.
        try client.get("/sign-in")
        let (first, second) = (try response(known), try response(unknown))
        #expect(first.bytes == second.bytes)
        #expect(first.bytes.contains("Incorrect email address or password."))
        #expect(first.hashed == 1 && second.hashed == 1)
        // A user without a password gets the same response.
        try server.server.addUser("new@example.com")
        let third = try response("new@example.com")
        #expect(third.bytes == first.bytes)
        #expect(third.hashed == 1)
    }

    @Test(
        "after five wrong passwords, every attempt has to wait, and longer each time", arguments: TestDatabase.selected)
    func backOff(_: TestDatabase) throws {
        for email in [RunningServer.email, "not@example.com"] {
            for _ in 0..<5 { #expect(try attempt(email).status == 422) }
            for wait: Int64 in [1, 2, 4] {
                let refused = try attempt(email, TestClient.password)
                #expect(refused.status == 429)
                #expect(refused.headers["retry-after"] == "\(wait)")
                clock.set(clock.now + wait)
                #expect(try attempt(email).status == 422)
            }
            clock.set(clock.now + 60)
        }
        #expect(try attempt(RunningServer.email.uppercased(), TestClient.password).status == 303)
        // A successful sign-in resets the count.
        client.cookies = [:]
        for _ in 0..<5 { #expect(try attempt().status == 422) }
    }

    @Test("guessing does not lock out other addresses or other users", arguments: TestDatabase.selected)
    func neighbours(_: TestDatabase) throws {
        for _ in 0..<6 { _ = try attempt() }
        #expect(try attempt(RunningServer.email, TestClient.password).status == 429)
        #expect(try attempt("not@example.com").status == 422)
        #expect(try attempt(RunningServer.email, TestClient.password, from: "192.0.2.2").status == 303)
    }

    @Test("all addresses of an IPv6 /64 network count together", arguments: TestDatabase.selected)
    func network(_: TestDatabase) throws {
        for host in 1...5 { #expect(try attempt(from: "2001:db8::\(host)").status == 422) }
        #expect(try attempt(from: "2001:db8::99").status == 429)
        #expect(try attempt(from: "2001:db8:0:1::1").status == 422)
    }

    @Test("a network has thirty attempts a minute for all email addresses together", arguments: TestDatabase.selected)
    func limit(_: TestDatabase) throws {
        for number in 0..<30 { #expect(try attempt("\(number)@example.com").status == 422) }
        let refused = try attempt("other@example.com")
        #expect(refused.status == 429)
        #expect(refused.headers["retry-after"] == "2")
        #expect(try attempt("other@example.com", from: "192.0.2.2").status == 422)
        clock.set(clock.now + 2)
        #expect(try attempt("other@example.com").status == 422)
    }

    @Test("a password that is too long is as much work to reject as any other", arguments: TestDatabase.selected)
    func long(_: TestDatabase) throws {
        let passwords = server.server.service.signIn.passwords
        func work(_ email: String, _ password: String) throws -> Int {
            let before = passwords.hashed
            #expect(try attempt(email, password).status == 422)
            return passwords.hashed - before
        }
        let long = String(repeating: "x", count: 1025)
        for email in [RunningServer.email, "not@example.com"] {
            #expect(try work(email, "wrong") == 1)
            #expect(try work(email, long) == 1)
            #expect(try work(email, String(repeating: "ﷺ", count: 1000)) == 1)
        }
    }

    @Test("a password is the same however its letters are spelled", arguments: TestDatabase.selected)
    func normalized(_: TestDatabase) throws {
        let (composed, decomposed) = ("schl\u{FC}ssel f\u{FC}r alles", "schlu\u{308}ssel fu\u{308}r alles")
        let link = try server.server.signInLink(RunningServer.email)
        try TestClient(server).choose(decomposed, at: link)
        for typed in [composed, decomposed, "ｓchl\u{FC}ssel f\u{FC}r alles"] {
            #expect(try TestClient(server).signIn(password: typed).status == 303, "\(typed)")
        }
        #expect(try TestClient(server).signIn(password: "schlussel fur alles").status == 422)
    }

    @Test(
        "a password that was hashed as it was typed still works, and is hashed again", arguments: TestDatabase.selected)
    func oldHash(_: TestDatabase) throws {
        let typed = "schlu\u{308}ssel fu\u{308}r alles"
        let database = server.server.service.database
        let user = try #require(try database.read { try UserStore.find(email: RunningServer.email, in: $0) })
        let old = try #require(Sodium.passwordHash(typed))
        func hash() throws -> String? { try database.read { try UserStore.passwordHash(userID: user.id, in: $0) } }
        try database.write { try UserStore.setPasswordHash(old, userID: user.id, in: $0) }
        #expect(try TestClient(server).signIn(password: "wrong").status == 422)
        #expect(try hash() == old)
        #expect(try TestClient(server).signIn(password: typed).status == 303)
        let new = try #require(try hash())
        #expect(new != old)
        #expect(Sodium.isPassword("schl\u{FC}ssel f\u{FC}r alles", hashedAs: new))
        #expect(try TestClient(server).signIn(password: typed).status == 303)
        #expect(try hash() == new)
    }

    @Test("a password reset ends the back-off everywhere, and of no other user", arguments: TestDatabase.selected)
    func reset(_: TestDatabase) throws {
        for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
            for _ in 0..<5 { #expect(try attempt(from: address).status == 422) }
            #expect(try attempt(RunningServer.email, TestClient.password, from: address).status == 429)
        }
        for _ in 0..<5 { #expect(try attempt("not@example.com").status == 422) }
        let link = try server.server.signInLink(RunningServer.email)
        try TestClient(server).choose("another good password", at: link)
        for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
            #expect(try attempt(RunningServer.email, "another good password", from: address).status == 303)
            client.cookies = [:]
        }
        #expect(try attempt("not@example.com").status == 429)
    }

    @Test("failed sign-ins fill neither the audit log nor the table of failures", arguments: TestDatabase.selected)
    func bounded(_: TestDatabase) throws {
        let service = server.server.service
        let signIn = SignInService(
            database: service.database, changes: service.changes, digest: service.signIn.failures.digest,
            recordedFailuresPerHour: 2, createAccount: { _, _ in throw DomainError.inconsistent })
        for host in 1...4 {
            #expect(throws: SignInError.wrongCredentials) {
                try signIn.signIn(
                    email: RunningServer.email, password: "wrong",
                    from: Origin(address: ClientAddress("192.0.2.\(host)")), now: service.now())
            }
        }
        let user = try #require(try service.database.read { try UserStore.find(email: RunningServer.email, in: $0) })
        let events = try service.database.read { connection in
            try connection.query(
                "SELECT id FROM audit_events WHERE account_id = \(user.accountID) AND action = 'login_failed'")
        }
        #expect(events.count == 2)
        try service.database.write { connection in
            for row in 0..<50 {
                try SignInStore.setFailures(
                    .init(count: 1, failedAt: 1000 + Int64(row)), key: [UInt8(row)], in: connection)
            }
            try SignInStore.removeFailures(until: 1009, keeping: 20, in: connection)
            #expect(try SignInStore.failures(key: [30], in: connection) == nil)
            #expect(try SignInStore.failures(key: [49], in: connection) != nil)
            let count = try connection.query("SELECT COUNT(*) AS count FROM sign_in_failures").first?.integer("count")
            #expect(count ?? 0 < 20)
        }
    }

    @Test("signing in redirects to the requested page, and never to another host", arguments: TestDatabase.selected)
    func next(_: TestDatabase) throws {
        let page = try client.get("/account/sign-in?done=session")
        let location = try #require(page.headers["location"])
        #expect(location == "/sign-in?next=%2Faccount%2Fsign-in%3Fdone%3Dsession")
        #expect(try client.get(location).body.contains(#"name="next" value="/account/sign-in?done=session""#))
        func led(_ next: String) throws -> String? {
            client.cookies = [:]
            try client.get("/sign-in")
            return try client.post(
                "/sign-in", ["email": RunningServer.email, "password": TestClient.password, "next": next]
            ).headers["location"]
        }
        #expect(try led("/account/sign-in?done=session") == "/account/sign-in?done=session")
        for evil in [
            "//evil.example", #"/\evil.example"#, "https://evil.example", "https:evil.example", "javascript:alert(1)",
            "evil.example", #"\\evil.example"#, "/\t/evil.example", "/\n/evil.example", "/x\r\nSet-Cookie: a=b",
            " //evil.example", "/ü", "", "/" + String(repeating: "x", count: 3000),
        ] {
            clock.set(clock.now + 2)
            #expect(try led(evil) == "/", "\(evil)")
        }
        // The same holds for a viewer who is already signed in.
        #expect(try client.get("/sign-in?next=%2Fdevice").headers["location"] == "/device")
        #expect(try client.get("/sign-in?next=%2F%2Fevil.example").headers["location"] == "/")
    }

    @Test("concurrent attempts to sign in all succeed", arguments: TestDatabase.selected)
    func together(_: TestDatabase) async throws {
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<6 {
                let each = TestClient(server)
                group.addTask { try each.signIn(headers: from("192.0.2.\(number)")).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 303, count: 6))
    }
}
