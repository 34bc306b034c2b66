import Foundation
import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("Projects and permissions against a running server", .blocking, .timeLimit(.minutes(2)))
struct ProjectsTests {
    let server: RunningServer

    init() throws { server = try RunningServer() }

    func client(_ token: String, projectID: String? = nil) throws -> Client {
        try Client(
            apiToken: token, projectID: projectID, apiEndpoint: server.url, environment: PodstackEnvironment([:]))
    }

    @Test("a project is created, found, changed and deleted")
    func lifecycle() async throws {
        let client = try client(try server.createToken())
        let created = try await client.projects.create(name: "training", description: "models")
        #expect(created.id.hasPrefix("prj_"))
        #expect(try await client.projects.get(created.id) == created)
        #expect(try await client.projects.update(created.id, name: "inference").name == "inference")
        #expect(try await client.projects.list().all().count == 2)
        try await client.projects.delete(created.id)
        let error = await #expect(throws: ResourceNotFoundError.self) { try await client.projects.get(created.id) }
        #expect(error?.resourceType == "project")
    }

    @Test("the current project is the client's, or the user's default")
    func current() async throws {
        let token = try server.createToken()
        let created = try await client(token).projects.create(name: "mine")
        #expect(try await client(token).projects.current().isDefault == true)
        #expect(try await client(token, projectID: created.id).projects.current().id == created.id)
    }

    @Test("a list loads its pages as they are needed")
    func paging() async throws {
        let client = try client(try server.createToken())
        for number in 0..<7 { _ = try await client.projects.create(name: "p\(number)") }
        var list = client.projects.list()
        list.pageSize = 3
        var ids: [String] = []
        for try await project in list { ids.append(project.id) }
        #expect(Set(ids).count == 8)
        #expect(ids.count == 8)
        #expect(try await list.first(4).map(\.id) == Array(ids.prefix(4)))
        #expect(try await list.first(0).isEmpty)
    }

    @Test("can() returns what a token lacks")
    func permissions() async throws {
        let admin = try client(try server.createToken())
        let created = try await admin.tokens.create(name: "reader", scopes: ["projects:read"])
        let reader = try created.secret.withSecret { try client($0) }
        #expect(try await reader.auth.can("projects:read").allowed)
        let permission = try await reader.auth.can("projects:create")
        #expect(!permission.allowed)
        #expect(permission.missing.map(\.code) == [.insufficientScope])
        await #expect(throws: ValidationError.self) { try await reader.auth.can("cats:pet") }
        let error = await #expect(throws: PermissionError.self) { try await reader.projects.create(name: "x") }
        #expect(error?.message == "Access denied to resource: the token lacks projects:create")
        #expect(error?.details["required_scope"]?.stringValue == "projects:create")
    }

    @Test("a token is changed and rotated by another")
    func tokens() async throws {
        let admin = try client(try server.createToken())
        let (token, old) = try await admin.tokens.create(name: "CI", scopes: ["projects:*", "tokens:read"])
        let smaller = try await admin.tokens.update(token.id, name: "CI 2", scopes: ["projects:read"])
        #expect(smaller.name == "CI 2")
        #expect(smaller.scopes == ["projects:read"])
        let (_, new) = try await admin.tokens.rotate(token.id, grace: .zero)
        #expect(try await old.withSecret { try client($0) }.auth.whoami().token?.id == token.id)
        #expect(try await new.withSecret { try client($0) }.auth.whoami().token?.generation == 2)
        let error = await #expect(throws: AuthenticationError.self) {
            try await old.withSecret { try client($0) }.auth.whoami()
        }
        #expect(error?.code == .rotatedToken)
    }

    @Test("members of a project are added, changed and removed, with an audit event each")
    func members() async throws {
        let client = try client(try server.createToken())
        try server.server.addUser("friend@example.com")
        let project = try await client.projects.create(name: "shared")
        let friend = try await client.members.add(
            "friend@example.com", to: project.id, role: "user", permissions: ["read"])
        #expect(friend.permissions == ["read"] && friend.status == "invited")
        let theirs = try self.client(try server.server.createToken("friend@example.com"))
        let invitation = try #require(try await theirs.members.invitations().all().first)
        #expect(invitation.projectID == project.id && invitation.projectName == "shared")
        #expect(invitation.invitedBy == RunningServer.email && invitation.permissions == ["read"])
        #expect(try await theirs.members.accept(project.id).status == "active")
        #expect(try await theirs.members.invitations().all().isEmpty)
        let admin = try await client.members.update(friend.userID, of: project.id, role: "admin")
        #expect(admin.role == "admin")
        #expect(try await client.members.list(project: project.id).all().count == 2)
        try await client.members.remove(friend.userID, from: project.id)
        let events = try await client.auditLogs.list(resourceType: "member").all()
        #expect(
            events.map(\.action) == [
                "member_removed", "permissions_changed", "invitation_accepted", "member_invited",
            ])
        #expect(
            events.map(\.userEmail) == [
                RunningServer.email, RunningServer.email, "friend@example.com", RunningServer.email,
            ])
        let later = Date(timeIntervalSinceNow: 60)
        #expect(try await client.auditLogs.list(since: later).all().isEmpty)
    }

    @Test("an invitation is declined, and a member leaves")
    func leaving() async throws {
        let client = try client(try server.createToken())
        try server.server.addUser("friend@example.com")
        let project = try await client.projects.create(name: "shared")
        // The client's own project does not matter for its invitations.
        let friend = try self.client(
            try server.server.createToken("friend@example.com"), projectID: project.id)
        for _ in 0..<2 {
            _ = try await client.members.add("friend@example.com", to: project.id, permissions: ["read"])
            try await friend.members.decline(project.id)
        }
        await #expect(throws: ResourceNotFoundError.self) { try await friend.members.accept(project.id) }
        _ = try await client.members.add("friend@example.com", to: project.id, permissions: ["read"])
        _ = try await friend.members.accept(project.id)
        try await friend.members.leave(project.id)
        #expect(try await client.members.list(project: project.id).all().map(\.email) == [RunningServer.email])
        await #expect(throws: ValidationError.self) { try await client.members.leave(project.id) }
    }
}
