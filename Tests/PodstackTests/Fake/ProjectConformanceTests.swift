import Foundation
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

@Suite("Projects and requests, on the fake and on the real service", .blocking, .timeLimit(.perTest))
struct ProjectConformanceTests {
    static let other = "b@example.com"

    @Test("a project is created, listed, changed and deleted", arguments: ServiceUnderTest.allCases)
    func lifecycle(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject, maxProjects: 2)
        let client = try service.client()
        service.advance(1)
        let project = try await client.projects.create(name: "training", description: "GPUs")
        #expect((project.role, project.isDefault, project.createdAt) == (.admin, false, service.date))
        #expect(project.permissions == [.create, .read, .update, .delete])
        #expect(try await client.projects.list().all().map(\.name) == ["training", "default"])
        #expect(try await client.projects.get(project.id) == project)
        let full = await failure { try await client.projects.create(name: "third") } as? QuotaExceededError
        #expect((full?.resourceType, full?.limit, full?.current) == ("projects", 2, 2))
        let changed = try await client.projects.update(project.id, name: "inference", description: "")
        #expect((changed.name, changed.description) == ("inference", nil))
        try await client.projects.delete(project.id)
        let missing = await failure { try await client.projects.get(project.id) } as? ResourceNotFoundError
        #expect((missing?.resourceType, missing?.resourceID) == ("project", project.id))
        let standard = try await client.projects.current()
        #expect(standard.isDefault == true)
        let refused = await failure { try await client.projects.delete(standard.id) }
        #expect(refused?.message == "A default project cannot be deleted")
    }

    @Test("a list has pages, and rejects invalid ones", arguments: ServiceUnderTest.allCases)
    func pages(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let client = try service.client()
        for number in 1...5 {
            service.advance(1)
            _ = try await client.projects.create(name: "\(number)")
        }
        let first = try await client.projects.list().page(limit: 2)
        #expect(first.elements.map(\.name) == ["5", "4"])
        let second = try await client.projects.list().page(limit: 3, cursor: first.nextCursor)
        #expect(second.elements.map(\.name) == ["3", "2", "1"])
        let last = try await client.projects.list().page(limit: 3, cursor: second.nextCursor)
        #expect(last.elements.map(\.name) == ["default"])
        #expect(last.nextCursor == nil)
        #expect(try await client.projects.list().first(3).map(\.name) == ["5", "4", "3"])
        for (limit, cursor) in [(0, nil), (201, nil), (1, "what")] {
            let invalid = await failure { try await client.projects.list().page(limit: limit, cursor: cursor) }
            #expect((invalid?.statusCode, invalid?.code) == (400, .badRequest))
        }
    }

    @Test("a token with projects is limited to them", arguments: ServiceUnderTest.allCases)
    func restricted(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let client = try service.client()
        let mine = try await client.projects.create(name: "mine")
        let (token, secret) = try await client.tokens.create(name: "one", projects: [mine.id])
        #expect(token.projectIDs == [mine.id])
        let narrow = try service.client(secret)
        #expect(try await narrow.projects.list().all().map(\.name) == ["mine"])
        let standard = try await client.projects.current()
        let excluded = await failure { try await narrow.projects.get(standard.id) } as? PermissionError
        #expect((excluded?.code, excluded?.projectID) == (.projectForbidden, standard.id))
        let creation = await failure { try await narrow.projects.create(name: "new") }
        #expect(
            creation?.message
                == "Access denied to resource: the token is restricted to some projects and cannot create another")
        #expect(try await narrow.tokens.create(name: "inherits").token.projectIDs == [mine.id])
        let foreign = await failure { try await narrow.tokens.create(name: "wider", projects: [standard.id]) }
        #expect(foreign?.code == .projectForbidden)
        let unknown = await failure { try await client.tokens.create(name: "unknown", projects: ["prj_none"]) }
        #expect((unknown?.code, unknown?.details["resource_type"]) == (.notFound, "project"))
        let wrong = try service.client(secret, project: standard.id)
        #expect(await failure { try await wrong.tokens.list().all() }?.code == .projectForbidden)
        let none = try service.client(secret, project: "prj_none")
        #expect(await failure { try await none.tokens.list().all() }?.code == .notFound)
        #expect(await failure { try await none.auth.whoami() } == nil)
    }

    @Test("a user is invited, accepts, is changed, and leaves", arguments: ServiceUnderTest.allCases)
    func members(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        try service.addUser(Self.other)
        let (admin, guest) = (try service.client(), try service.client(Self.other))
        let project = try await admin.projects.create(name: "training")
        let unknown = await failure {
            try await admin.members.add("c@example.com", to: project.id, permissions: [.read])
        }
        #expect(unknown?.message == "No account has that email address")
        let invited = try await admin.members.add(Self.other, to: project.id, permissions: [.read, .create])
        #expect((invited.role, invited.permissions, invited.status) == (.user, [.create, .read], .invited))
        #expect(await failure { try await guest.projects.get(project.id) }?.code == .notFound)
        let received = try await guest.members.invitations().all()
        #expect(received.map(\.projectName) == ["training"])
        #expect(received.first?.invitedBy == Service.email)
        #expect(received.first?.expiresAt == service.date.addingTimeInterval(86_400))
        let twice = await failure { try await admin.members.add(Self.other, to: project.id, permissions: [.read]) }
        #expect(twice?.message == "That user is already invited to the project and has not answered yet")
        service.advance(1)
        #expect(try await guest.members.accept(project.id).status == .active)
        #expect(try await guest.members.accept(project.id).status == .active)
        #expect(try await admin.members.list(project: project.id).all().map(\.email) == [Self.other, Service.email])
        let role = await failure { try await guest.projects.update(project.id, name: "x") } as? PermissionError
        #expect((role?.code, role?.projectID) == (.memberForbidden, project.id))
        let obstacle = await failure { try await admin.projects.delete(project.id) }
        #expect((obstacle?.code, obstacle?.details["members"]) == (.projectNotEmpty, 1))
        let promoted = try await admin.members.update(invited.userID, of: project.id, role: .admin)
        #expect(promoted.permissions == [.create, .read, .update, .delete])
        #expect(try await guest.projects.update(project.id, name: "x").role == .admin)
        let off = try await admin.members.update(invited.userID, of: project.id, status: .deactivated)
        #expect((off.role, off.status) == (.admin, .deactivated))
        #expect(await failure { try await guest.projects.get(project.id) }?.code == .memberForbidden)
        try await guest.members.leave(project.id)
        #expect(await failure { try await guest.members.leave(project.id) }?.code == .notFound)
        let last = await failure { try await admin.members.leave(project.id) }
        #expect(last?.message == "That is the project's last admin; make another member an admin first")
    }

    @Test("an invitation is declined, withdrawn, or expires", arguments: ServiceUnderTest.allCases)
    func invitations(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        try service.addUser(Self.other)
        let (admin, guest) = (try service.client(), try service.client(Self.other))
        let project = try await admin.projects.create(name: "training")
        func invite() async throws -> Member {
            try await admin.members.add(Self.other, to: project.id, role: .admin)
        }
        let member = try await invite()
        try await guest.members.decline(project.id)
        #expect(await failure { try await guest.members.decline(project.id) }?.details["resource_type"] == "invitation")
        _ = try await invite()
        try await admin.members.remove(member.userID, from: project.id)
        #expect(await failure { try await guest.members.accept(project.id) }?.code == .notFound)
        #expect(
            await failure { try await admin.members.remove(member.userID, from: project.id) }?.details["resource_type"]
                == "member")
        _ = try await invite()
        service.advance(86_400)
        #expect(try await guest.members.invitations().all().isEmpty)
        #expect(await failure { try await guest.members.accept(project.id) }?.code == .notFound)
        #expect(try await admin.members.list(project: project.id).all().map(\.email) == [Service.email])
        let standard = try await admin.projects.current()
        let own = try await admin.auth.whoami().id
        let refused = await failure { try await admin.members.update(own, of: standard.id, status: .deactivated) }
        #expect(
            refused?.message == "The project is the default project of that member and cannot be taken from them")
    }

    @Test("the audit log has every change, newest first", arguments: ServiceUnderTest.allCases)
    func auditLog(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let client = try service.client()
        let own = try await client.auth.whoami()
        service.advance(10)
        let (token, _) = try await client.tokens.create(name: "CI", expiresIn: .days(.seven), scopes: [.podsRead])
        _ = try await client.tokens.update(token.id, name: "CD")
        try await client.tokens.revoke(token.id)
        let project = try await client.projects.create(name: "training")
        let events = try await client.auditLogs.list().all()
        #expect(
            events.map(\.action) == [
                "create", "token_revoked", "token_updated", "token_created", "token_created", "user_created",
            ])
        let updated = events[2]
        #expect((updated.resourceType, updated.resourceID, updated.resourceName) == ("token", token.id, "CD"))
        #expect((updated.userID, updated.userEmail) == (own.id, Service.email))
        #expect(updated.tokenID == own.token?.id)
        #expect(updated.createdAt == service.date)
        #expect(updated.details == ["old": ["name": "CI"], "new": ["name": "CD"]])
        let since = service.date
        #expect(try await client.auditLogs.list(action: "token_revoked").all().count == 1)
        #expect(try await client.auditLogs.list(resourceType: "project").all().map(\.resourceID) == [project.id])
        #expect(try await client.auditLogs.list(since: since).all().count == 4)
        #expect(try await client.auditLogs.list(until: since).all().count == 2)
        #expect(try await client.auditLogs.list(user: Service.email).all().count == 4)
        #expect(try await client.auditLogs.list(containing: "TRAIN").all().count == 1)
        let scoped = try service.client(try service.createToken(), project: project.id)
        #expect(try await scoped.auditLogs.list().all().map(\.action) == ["create"])
        #expect(try await client.auditLogs.list().page(limit: 1).nextCursor != nil)
    }

    @Test(
        "a repeated POST gets the first response, and a different one with its key is refused",
        arguments: ServiceUnderTest.allCases)
    func idempotency(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let token = try service.createToken()
        func post(_ body: String, key: String = "k1", path: String = "/v1/projects") async throws -> TransportResponse {
            try await service.send(
                "POST", path, token, body: body,
                headers: [HeaderField("Content-Type", "application/json"), HeaderField("Idempotency-Key", key)])
        }
        let first = try await post(#"{"name": "a"}"#)
        let again = try await post(#"{"name": "a"}"#)
        #expect((first.status, again.status) == (201, 201))
        #expect(first.body == again.body)
        #expect(first.header("idempotency-replayed") == nil)
        #expect(again.header("idempotency-replayed") == "true")
        let different = try await post(#"{"name": "b"}"#)
        #expect(different.status == 422)
        #expect(try APICoding.decode(ErrorBody.self, from: different.body).code == .idempotencyKeyReused)
        let created = try await post(#"{"name": "t"}"#, key: "k2", path: "/v1/tokens")
        let repeated = try await post(#"{"name": "t"}"#, key: "k2", path: "/v1/tokens")
        #expect(try APICoding.decode(CreatedToken.self, from: created.body).secret != nil)
        let body = try APICoding.decode(CreatedToken.self, from: repeated.body)
        #expect(body.secret == nil)
        #expect(body.notice?.contains("is not stored") == true)
        service.advance(86_400)
        #expect(try await post(#"{"name": "b"}"#).status == 201)
    }
}
