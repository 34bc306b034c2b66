import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Used and unused scopes of a token", .blocking, .databases, .timeLimit(.perTest))
struct UnusedScopesTests {
    let clock = ManualClock()
    let owner: TokenPagesClient

    init() throws { owner = try TokenPagesClient(clock: clock) }

    private func record(_ session: TestClient) throws -> TokenRecord {
        try #require(try owner.service.database.read { try TokenStore.find(session.id, in: $0) })
    }

    private func used(_ session: TestClient) throws -> [String] {
        try owner.service.lastUsed.flush(to: owner.service.database)
        return try record(session).usedScopes.scopes.map(\.description)
    }

    private func passAWeek() throws {
        clock.set(clock.now + ScopeAdvice.minimumSeconds)
        try owner.client.signIn()
    }

    @Test("a scope counts as used once a route required and granted it", arguments: TestDatabase.selected)
    func recorded(_: TestDatabase) throws {
        let session = try owner.token([
            "access": "custom", "scope": "tokens:read", "scope": "tokens:delete", "scope": "projects:read",
        ])
        #expect(try used(session) == [])
        #expect(try session.whoami().status == 200)
        #expect(try session.send("GET", "/v1/auth/can?scope=tokens:delete").status == 200)
        #expect(try session.send("GET", "/v1/tokens/self").status == 200)
        #expect(try session.send("GET", "/v1/audit-logs").status == 403)
        #expect(try session.send("GET", "/v1/projects/prj_00000000000000000000").status == 404)
        #expect(try used(session) == [])
        #expect(try session.send("GET", "/v1/tokens").status == 200)
        #expect(try used(session) == ["tokens:read"])
        for _ in 0..<2 { #expect(try session.send("GET", "/v1/projects").status == 200) }
        #expect(try used(session) == ["projects:read", "tokens:read"])
        #expect(try record(session).usedScopesSince == record(session).createdAt)
    }

    @Test(
        "uses from several instances are merged, and an older use does not replace a newer one",
        arguments: TestDatabase.selected)
    func added(_: TestDatabase) throws {
        let session = try owner.token()
        let database = owner.service.database
        let (first, second) = (LastUsedTracker(), LastUsedTracker())
        let (here, there) = (ClientAddress.ipv4(1), ClientAddress.ipv4(2))
        first.add(TokenUse(time: 20, address: here, scopes: ScopeSet(.tokensRead)), of: session.id)
        second.add(TokenUse(time: 10, address: there, scopes: ScopeSet(.projectsRead)), of: session.id)
        second.add(TokenUse(time: 5, address: here), of: session.id)
        for tracker in [first, second, first] { try tracker.flush(to: database) }
        #expect(first.latest(session.id) == nil)
        let record = try record(session)
        #expect(record.usedScopes == [ScopeSet(.tokensRead), ScopeSet(.projectsRead)])
        #expect(record.lastUsedAt == 20)
        #expect(record.lastUsedFrom == here.description)
    }

    @Test("a token without recorded scopes is observed from its next use on", arguments: TestDatabase.selected)
    func before(_: TestDatabase) throws {
        let session = try owner.token(["expiry": "never"])
        try owner.service.database.write { _ = try $0.run("UPDATE tokens SET used_scopes_since = NULL") }
        try passAWeek()
        #expect(try owner.page(session).body.contains("Unused scopes</h2>") == false)
        #expect(try session.send("GET", "/v1/tokens").status == 200)
        #expect(try used(session) == ["tokens:read"])
        #expect(try record(session).usedScopesSince == clock.now)
        #expect(try !owner.page(session).body.contains("Unused scopes</h2>"))
        try passAWeek()
        #expect(try owner.page(session).body.contains("Unused scopes</h2>"))
    }

    @Test(
        "after a week, the page offers to remove unused scopes and removes exactly those it showed",
        arguments: TestDatabase.selected)
    func dropped(_: TestDatabase) throws {
        let session = try owner.token([
            "access": "custom", "scope": "tokens:read", "scope": "tokens:create", "scope": "projects:read",
        ])
        #expect(try session.send("GET", "/v1/tokens").status == 200)
        #expect(try !owner.page(session).body.contains("Unused scopes</h2>"))
        try passAWeek()
        let page = try owner.page(session)
        #expect(page.says("it has used tokens:read."))
        let displayed = try page.field("scopes")
        #expect(displayed == "tokens:read")
        #expect(try session.send("GET", "/v1/projects").status == 200)
        let stale = try owner.post(session, "scopes", ["scopes": displayed])
        #expect(stale.status == 409)
        #expect(stale.says("its scopes were not reduced"))
        #expect(try stale.field("scopes") == "projects:read tokens:read")
        let response = try owner.post(session, "scopes", ["scopes": "projects:read tokens:read"])
        #expect(response.status == 303)
        #expect(try !owner.client.follow(response).body.contains("Unused scopes</h2>"))
        #expect(try session.send("GET", "/v1/projects").status == 200)
        #expect(try session.send("POST", "/v1/tokens", #"{"name": "n"}"#).code == "insufficient_scope")
    }

    @Test(
        "full access is reduced to the used scopes", arguments: TestDatabase.selected)
    func fullAccess(_: TestDatabase) throws {
        let session = try owner.token()
        #expect(try session.send("GET", "/v1/audit-logs").status == 200)
        _ = try session.createToken()
        try passAWeek()
        let page = try owner.page(session)
        #expect(try page.field("scopes") == "tokens:create audit-logs:read")
        #expect(page.says("creates or rotates other tokens"))
        #expect(try owner.post(session, "scopes", ["scopes": page.field("scopes")]).status == 303)
        #expect(try session.send("GET", "/v1/projects").status == 403)
    }

    @Test(
        "nothing is offered for a token that was never used or that used all its scopes",
        arguments: TestDatabase.selected)
    func nothing(_: TestDatabase) throws {
        let idle = try owner.token()
        let busy = try owner.token(["access": "custom", "scope": "tokens:read"])
        #expect(try busy.send("GET", "/v1/tokens").status == 200)
        try passAWeek()
        for session in [idle, busy] {
            #expect(try !owner.page(session).body.contains("Unused scopes</h2>"))
            #expect(try owner.post(session, "scopes", ["scopes": ""]).status == 409)
        }
    }
}

@Suite("Advice on scopes", .timeLimit(.perTest))
struct ScopeAdviceTests {
    @Test("every scope has a fixed bit")
    func places() {
        let each = Scope.resources.flatMap { resource in Scope.actions.compactMap { Scope("\(resource):\($0)") } }
        #expect(ScopeSet(.all).scopes == each)
        for scope in each { #expect(ScopeSet(scope).scopes == [scope]) }
        // Databases contain these numbers.
        #expect(ScopeSet(.projectsCreate).rawValue == 1)
        #expect(ScopeSet(.membersDelete).rawValue == 1 << 7)
        #expect(ScopeSet(.auditLogsRead).rawValue == 1 << 17)
    }

    @Test("the use of every resource is recorded, because a route requires its scope")
    func seen() throws {
        let routes = try RunningServer().server.service.routes
        #expect(Set(routes.compactMap { $0.access.scope?.resource }) == Set(Scope.resources))
    }

    @Test(
        "keeps the needed scopes",
        arguments: [
            ("tokens:*", "tokens:read", "tokens:read"), ("tokens:*", "", nil),
            ("tokens:* pods:read", "pods:read", "pods:read"),
            ("tokens:*", "tokens:create tokens:read tokens:update tokens:delete", nil),
            ("projects:* projects:read", "projects:read", "projects:read"), ("pods:*", "", nil), ("*", "", nil),
            ("tokens:read projects:read", "projects:read members:read", "projects:read"),
            (
                "*", "tokens:create tokens:read tokens:update tokens:delete members:read",
                "members:read tokens:*"
            ),
        ] as [(String, String, String?)])
    func needed(has: String, used: String, enough: String?) {
        let used = used.split(separator: " ").compactMap { Scope(String($0)) }
        let token = TokenRecord(
            id: "00000000", accountID: "", userID: "", name: "", digest: [],
            scopes: has.split(separator: " ").compactMap { Scope(String($0)) }, createdAt: 0, lastUsedAt: 1,
            usedScopes: used.reduce([]) { $0.union(ScopeSet($1)) }, usedScopesSince: 0)
        let advice = ScopeAdvice(for: token, now: ScopeAdvice.minimumSeconds)
        #expect(advice?.enough.map(\.description).joined(separator: " ") == enough)
        #expect(ScopeAdvice(for: token, now: ScopeAdvice.minimumSeconds - 1) == nil)
    }
}
