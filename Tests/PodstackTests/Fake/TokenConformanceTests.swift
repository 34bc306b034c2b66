import Foundation
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

@Suite("Tokens, on the fake and on the real service", .blocking, .timeLimit(.perTest))
struct TokenConformanceTests {
    @Test("whoami is the user with the token in use", arguments: ServiceUnderTest.allCases)
    func whoami(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let token = try service.createToken()
        let user = try await service.client(token).auth.whoami()
        #expect(user.email == Service.email)
        #expect(user.id.hasPrefix("usr_"))
        #expect(user.accountID?.hasPrefix("acc_") == true)
        #expect(user.defaultProjectID?.hasPrefix("prj_") == true)
        #expect(user.token?.prefix == token.prefix)
        #expect(user.token?.scopes == [.all])
        #expect(user.token?.status == .active)
        #expect(user.token?.lastUsedAt == service.date)
        #expect(user.token?.expiresAt == service.date.addingTimeInterval(30 * 86_400))
    }

    @Test("a token is created, listed, changed and revoked", arguments: ServiceUnderTest.allCases)
    func lifecycle(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let client = try service.client()
        let (created, secret) = try await client.tokens.create(
            name: " CI ", expiresIn: .days(.seven), scopes: [.tokensRead, .pods(.create), "projects:read"])
        #expect(created.name == "CI")
        #expect(created.scopes == ["tokens:read", "pods:create", "projects:read"])
        #expect(created.expiresAt == service.date.addingTimeInterval(7 * 86_400))
        #expect(created.generation == 1)
        #expect(created.lastUsedAt == nil)
        #expect(secret.prefix == created.prefix)
        #expect(try await client.tokens.list().all().map(\.name).sorted() == ["CI", "test"])
        #expect(try await client.tokens.get(created.id) == created)
        let updated = try await client.tokens.update(created.id, name: "CD", scopes: [.tokensRead])
        #expect((updated.name, updated.scopes) == ("CD", [.tokensRead]))
        try await client.tokens.revoke(created.id)
        try await client.tokens.revoke(created.id)
        let revoked = try await client.tokens.get(created.id)
        #expect(revoked.status == .revoked)
        #expect(revoked.revokedAt == service.date)
        let rejected = await failure { try await service.client(secret).auth.whoami() }
        #expect(rejected is AuthenticationError)
        #expect(rejected?.code == .revokedToken)
        #expect(rejected?.details["revoked_at"]?.stringValue == Timestamp.format(service.date))
        let conflict = await failure { try await client.tokens.update(created.id, name: "x") }
        #expect(conflict?.code == .conflict)
        #expect(conflict?.message == "The token is revoked and can no longer change; create a new one")
        #expect(await failure { try await client.tokens.get("00000000") }?.code == .notFound)
    }

    @Test("a token does what its scopes allow, and hands on no more", arguments: ServiceUnderTest.allCases)
    func scopes(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let (_, secret) = try await service.client().tokens.create(
            name: "narrow", scopes: [.tokensRead, .tokensCreate, .tokensUpdate])
        let narrow = try service.client(secret)
        let denied = await failure { try await narrow.projects.create(name: "training") } as? PermissionError
        #expect(denied?.requiredScope == .projectsCreate)
        #expect(denied?.message == "Access denied to resource: the token lacks projects:create")
        #expect(denied?.statusCode == 403)
        let wider = await failure { try await narrow.tokens.create(name: "wide", scopes: [.pods(.all)]) }
        #expect((wider as? PermissionError)?.requiredScope == "pods:*")
        let (inherited, _) = try await narrow.tokens.create(name: "same")
        #expect(inherited.scopes == [.tokensRead, .tokensCreate, .tokensUpdate])
        let grown = await failure { try await narrow.tokens.update(inherited.id, scopes: [.all]) }
        #expect(
            (grown as? ValidationError)?.fieldErrors == [
                "scopes": ["can only shrink: the token does not have *"]
            ])
        let all = try await narrow.tokens.list().all()
        let full = try #require(all.first { $0.scopes == [.all] })
        #expect((await failure { try await narrow.tokens.rotate(full.id) } as? PermissionError)?.requiredScope == .all)
    }

    @Test("can says what is missing, without an effect", arguments: ServiceUnderTest.allCases)
    func can(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let client = try service.client()
        let project = try await client.projects.create(name: "training")
        #expect(try await client.auth.can(.projects(.create)).allowed)
        #expect(try await client.auth.can("pods:delete", project: project.id).projectID == project.id)
        let (_, secret) = try await client.tokens.create(
            name: "narrow", scopes: [.podsRead], projects: [try await client.projects.current().id])
        let narrow = try service.client(secret)
        let missing = try await narrow.auth.can(.podsCreate, project: project.id)
        #expect(missing.missing.map(\.code) == [.insufficientScope, .projectForbidden])
        #expect(!missing.allowed)
        #expect(await failure { try await narrow.auth.can(.podsRead, project: "prj_none") }?.code == .notFound)
        let unknown = await failure { try await client.auth.can("nothing") }
        #expect((unknown as? ValidationError)?.fieldErrors == ["scope": ["must be a scope, such as projects:read"]])
    }

    @Test("an account has a limited number of active tokens", arguments: ServiceUnderTest.allCases)
    func quota(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject, maxActiveTokens: 5)
        let client = try service.client()
        var last: Token?
        for number in 1...4 { last = try await client.tokens.create(name: "\(number)").token }
        let full = await failure { try await client.tokens.create(name: "one more") } as? QuotaExceededError
        #expect((full?.resourceType, full?.limit, full?.current) == ("tokens", 5, 5))
        #expect(full?.message == "The account has reached its limit of 5 active tokens; revoke one first")
        try await client.tokens.revoke(try #require(last).id)
        _ = try await client.tokens.create(name: "one more")
    }

    @Test(
        "a token is rejected from its expiry on, and lives no longer than its creator",
        arguments: ServiceUnderTest.allCases)
    func expiry(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let creator = try service.client()
        let end = service.date.addingTimeInterval(3600)
        let (token, secret) = try await creator.tokens.create(name: "hour", expiresIn: .at(end))
        #expect(token.expiresAt == end)
        let client = try service.client(secret)
        for expiry in [TokenExpiry.days(.seven), .never, .at(end.addingTimeInterval(1))] {
            let refused = await failure { try await client.tokens.create(name: "longer", expiresIn: expiry) }
            let field = expiry == .days(.seven) ? "expires_in_days" : "expires_at"
            #expect(
                (refused as? ValidationError)?.fieldErrors == [
                    field: ["must not be later than the expiry of the token that creates it"]
                ])
        }
        #expect(try await client.tokens.create(name: "default").token.expiresAt == end)
        service.advance(3599)
        _ = try await client.auth.whoami()
        service.advance(1)
        let expired = await failure { try await client.auth.whoami() }
        #expect(expired?.code == .expiredToken)
        #expect(expired?.details["expired_at"]?.stringValue == Timestamp.format(end))
        #expect(try await creator.tokens.get(token.id).status == .expired)
        service.advance(90 * 86_400)
        let listed = try await service.client().tokens.list().all()
        #expect(!listed.contains { $0.id == token.id })
    }

    @Test(
        "after a rotation the old secret works until the new one's first use, and in its grace period",
        arguments: ServiceUnderTest.allCases)
    func rotation(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let (token, old) = try await service.client().tokens.create(name: "rotated")
        let client = try service.client(old)
        let (rotated, new) = try await service.client().tokens.rotate(token.id, grace: .seconds(600))
        #expect(rotated.generation == 2)
        #expect(new.prefix == old.prefix)
        service.advance(7200)
        _ = try await client.auth.whoami()
        #expect(try await service.client(new).auth.whoami().token?.generation == 2)
        service.advance(599)
        _ = try await client.auth.whoami()
        let again = await failure { try await client.auth.rotate() }
        #expect(
            again?.message
                == "This secret was already rotated and is in its grace period; rotate with the newer secret")
        service.advance(1)
        let ended = await failure { try await client.auth.whoami() }
        #expect(ended?.code == .rotatedToken)
        #expect(ended?.details["rotated_at"]?.stringValue == Timestamp.format(service.date.addingTimeInterval(-600)))
    }

    @Test("a rotated secret that is not used for a day lapses", arguments: ServiceUnderTest.allCases)
    func lapsed(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let (token, old) = try await service.client().tokens.create(name: "rotated")
        let (_, canceled) = try await service.client().tokens.rotate(token.id)
        let (_, new) = try await service.client().tokens.rotate(token.id, grace: .zero)
        #expect(await failure { try await service.client(canceled).auth.whoami() }?.code == .rotatedToken)
        service.advance(86_400)
        #expect(await failure { try await service.client(new).auth.whoami() }?.code == .expiredToken)
        _ = try await service.client(old).auth.whoami()
        let (_, used) = try await service.client(old).auth.rotate(grace: .zero)
        #expect(await failure { try await service.client(old).auth.whoami() }?.code == .rotatedToken)
        #expect(try await service.client(used).auth.whoami().token?.generation == 2)
        let refused = await failure { try await service.client(used).tokens.rotate(token.id, grace: .seconds(604_801)) }
        #expect(
            (refused as? ValidationError)?.fieldErrors == [
                "grace_seconds": ["must be a number of seconds from 0 to 604800 (7 days)"]
            ])
    }

    @Test("a token revokes itself, and a report revokes leaked tokens", arguments: ServiceUnderTest.allCases)
    func revocation(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let client = try service.client()
        let (_, own) = try await client.tokens.create(name: "own")
        try await service.client(own).auth.revoke()
        #expect(await failure { try await service.client(own).auth.revoke() }?.code == .revokedToken)
        let (leaked, secret) = try await client.tokens.create(name: "leaked")
        var generator = SecureGenerator()
        let wrong = APIToken(TokenFormat.generateToken(id: leaked.id, using: &generator))
        try await client.tokens.report([wrong, APIToken("what is this")])
        _ = try await service.client(secret).auth.whoami()
        try await client.tokens.report([secret])
        #expect(await failure { try await service.client(secret).auth.whoami() }?.code == .revokedToken)
    }

    @Test("a credential that is not a valid token is rejected", arguments: ServiceUnderTest.allCases)
    func credentials(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        var generator = SecureGenerator()
        let unknown = APIToken(TokenFormat.generateToken(id: "00000000", using: &generator))
        for (token, code) in [
            (nil, ErrorCode.missingToken), (APIToken("nonsense"), .malformedToken), (unknown, .invalidToken),
        ] {
            let response = try await service.send("GET", "/v1/auth/whoami", token)
            #expect(response.status == 401)
            #expect(try APICoding.decode(ErrorBody.self, from: response.body).code == code)
        }
    }

    @Test("a user approves the login of a program, or denies it", arguments: ServiceUnderTest.allCases)
    func deviceLogin(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let login = try service.login()
        let request = try await login.begin(clientName: "training on host-7", scopes: [.projectsRead])
        #expect(request.userCode.count == 9)
        #expect(request.lifetime == .seconds(600))
        try service.decide(request.userCode, isApproved: true)
        let (token, secret) = try await request.token()
        #expect((token.name, token.scopes) == ("training on host-7", [.projectsRead]))
        #expect(try await service.client(secret).auth.whoami().email == Service.email)
    }

    @Test("a program whose login is denied, too late or unknown gets no token", arguments: ServiceUnderTest.allCases)
    func deviceRefusal(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let denied = try await service.login().begin(clientName: "denied")
        try service.decide(denied.userCode, isApproved: false)
        let error = await failure { try await denied.token() }
        #expect(error is PermissionError)
        #expect(error?.code == .accessDenied)
        func poll(_ code: String) async throws -> (Int, ErrorCode?) {
            let response = try await service.send(
                "POST", "/v1/device/token", body: #"{"device_code": "\#(code)"}"#)
            return (response.status, try APICoding.decode(ErrorBody.self, from: response.body).code)
        }
        let begun = try await service.send("POST", "/v1/device/code", body: #"{"client_name": "pending"}"#)
        let code = try APICoding.decode(DeviceCode.self, from: begun.body)
        #expect(try await poll(code.deviceCode) == (400, .authorizationPending))
        #expect(try await poll(code.deviceCode) == (400, .slowDown))
        service.advance(600)
        #expect(try await poll(code.deviceCode) == (400, .expiredToken))
        #expect(try await poll("dvc_unknown") == (400, .invalidGrant))
    }
}
