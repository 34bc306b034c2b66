import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Invitations to projects", .blocking, .databases, .timeLimit(.perTest))
struct InvitationTests {
    let clock = ManualClock()
    let owner: TestClient
    let ann: TestClient
    let annID: String
    let project: Project

    init() throws {
        owner = try TestClient(clock: clock, maxActiveTokens: 50)
        let server = owner.server.server
        for name in ["ann", "bob"] { try server.addUser("\(name)@example.com") }
        ann = owner.with(try server.createToken("ann@example.com"))
        annID = try ann.whoami().decoded(User.self).id
        project = try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
    }

    var path: String { "/v1/projects/\(project.id)" }
    var service: Service { owner.service }

    @discardableResult
    func invite(
        _ name: String = "ann", _ role: String = #""role": "user", "permissions": ["read"]"#,
        to project: String? = nil, by caller: TestClient? = nil
    ) throws -> TestResponse {
        let path = "/v1/projects/\(project ?? self.project.id)/members"
        return try (caller ?? owner).send("POST", path, "{\"email\": \"\(name)@example.com\", \(role)}")
    }

    func invitations(_ client: TestClient? = nil, _ query: String = "") throws -> Page<Invitation> {
        try (client ?? ann).send("GET", "/v1/invitations\(query)").decoded(Page<Invitation>.self)
    }

    func statuses() throws -> [String: String] {
        let members = try owner.send("GET", "\(path)/members").decoded(Page<Member>.self).elements
        return Dictionary(uniqueKeysWithValues: members.map { ($0.email, $0.status.rawValue) })
    }

    /// Every way in which a member could see or use the project.
    func expectNoAccess(_ client: TestClient) throws {
        for (method, path, body) in [
            ("GET", path, nil), ("PATCH", path, "{}"), ("DELETE", path, nil), ("GET", "\(path)/members", nil),
            ("POST", "\(path)/members", #"{"email": "bob@example.com", "role": "admin"}"#),
            ("PATCH", "\(path)/members/\(annID)", #"{"role": "admin"}"#),
            ("GET", "/v1/auth/can?scope=projects:read&project=\(project.id)", nil),
        ] as [(String, String, String?)] {
            #expect(try client.send(method, path, body).code == "not_found", "\(method) \(path)")
        }
        let header = [("X-Project-ID", project.id)]
        #expect(try client.send("GET", "/v1/audit-logs", headers: header).code == "not_found")
        #expect(try client.send("GET", "/v1/projects", headers: header).code == "not_found")
        #expect(!(try client.send("GET", "/v1/projects").body.contains(project.id)))
        let token = #"{"name": "n", "project_ids": ["\#(project.id)"]}"#
        #expect(try client.send("POST", "/v1/tokens", token).code == "not_found")
    }

    @Test("an invited user has no access until they accept", arguments: TestDatabase.selected)
    func accept(_: TestDatabase) throws {
        let invited = try invite().decoded(Member.self)
        #expect(invited.status == "invited" && invited.userID == annID)
        #expect(try statuses() == ["you@example.com": "active", "ann@example.com": "invited"])
        try expectNoAccess(ann)
        let received = try #require(try invitations().elements.first)
        #expect(received.projectID == project.id && received.projectName == "p")
        #expect(received.role == "user" && received.permissions == ["read"])
        #expect(received.invitedBy == RunningServer.email)
        #expect(received.expiresAt.timeIntervalSince(received.createdAt) == 24 * 3600)
        #expect(try invitations(owner).elements.isEmpty)
        let accepted = try ann.accept(project.id)
        #expect(try accepted.status == 200 && accepted.decoded(Member.self).status == "active")
        #expect(try ann.send("GET", path).decoded(Project.self).permissions == ["read"])
        #expect(try invitations().elements.isEmpty)
        // A client that did not get the response repeats the request.
        #expect(try ann.accept(project.id).status == 200)
        #expect(try invite().code == "conflict")
        #expect(
            try owner.actions.filter { $0.contains("invit") } == ["member_invited", "invitation_accepted"])
    }

    @Test("a declined invitation is gone, and can be sent again", arguments: TestDatabase.selected)
    func decline(_: TestDatabase) throws {
        #expect(try ann.answer(project.id, "decline").code == "not_found")
        for _ in 0..<2 {
            #expect(try invite().status == 201)
            #expect(try invite().code == "conflict")
            #expect(try ann.answer(project.id, "decline").status == 204)
            #expect(try statuses() == ["you@example.com": "active"])
        }
        #expect(try ann.accept(project.id).code == "not_found")
        try expectNoAccess(ann)
        // Leaving before joining is declining.
        #expect(try invite().status == 201)
        #expect(try ann.send("DELETE", "\(path)/members/\(annID)").status == 204)
        #expect(try owner.actions.filter { $0 == "invitation_declined" }.count == 3)
    }

    @Test(
        "only the invited user accepts, and an admin cannot activate the user instead", arguments: TestDatabase.selected
    )
    func force(_: TestDatabase) throws {
        try invite()
        let member = "\(path)/members/\(annID)"
        for answer in ["accept", "decline"] {
            #expect(try owner.send("POST", "\(member)/\(answer)").code == "member_forbidden")
        }
        for status in ["active", "deactivated"] {
            #expect(try owner.send("PATCH", member, #"{"status": "\#(status)"}"#).code == "conflict")
        }
        #expect(try statuses()["ann@example.com"] == "invited")
        try expectNoAccess(ann)
        // The role can still change.
        let changed = try owner.send("PATCH", member, #"{"role": "admin"}"#).decoded(Member.self)
        #expect(changed.role == "admin" && changed.status == "invited")
        #expect(try invitations().elements.map(\.role) == ["admin"])
        #expect(try owner.send("DELETE", member).status == 204)
        #expect(try ann.accept(project.id).code == "not_found")
    }

    @Test("an invitation expires after 24 hours, counts as none, and can be renewed", arguments: TestDatabase.selected)
    func expiry(_: TestDatabase) throws {
        try invite()
        clock.set(clock.now + 24 * 3600 - 1)
        #expect(try invitations().elements.count == 1)
        clock.set(clock.now + 1)
        #expect(try invitations().elements.isEmpty)
        #expect(try statuses() == ["you@example.com": "active"])
        for answer in ["accept", "decline"] { #expect(try ann.answer(project.id, answer).code == "not_found") }
        #expect(try owner.send("PATCH", "\(path)/members/\(annID)", "{}").code == "not_found")
        #expect(try invite("bob").status == 201)
        #expect(try service.database.read { try $0.run("SELECT * FROM invitations") }.count == 1)
        #expect(try invite().status == 201)
        #expect(try ann.accept(project.id).status == 200)
    }

    @Test(
        "an invitation ends with the authority of the user who sent it", arguments: TestDatabase.selected,
        ["removed", "demoted", "deactivated", "disabled"])
    func inviter(_: TestDatabase, loss: String) throws {
        try invite("bob", #""role": "admin""#)
        let bob = owner.with(try owner.server.server.createToken("bob@example.com"))
        let bobID = try bob.accept(project.id).decoded(Member.self).userID
        #expect(try invite(by: bob).status == 201)
        let member = "\(path)/members/\(bobID)"
        switch loss {
        case "removed": #expect(try owner.send("DELETE", member).status == 204)
        case "demoted": try owner.send("PATCH", member, #"{"role": "user", "permissions": ["read"]}"#)
        case "deactivated": try owner.send("PATCH", member, #"{"status": "deactivated"}"#)
        default: try service.database.write { try UserStore.setDisabled(at: clock.now, userID: bobID, in: $0) }
        }
        #expect(try invitations().elements.isEmpty)
        #expect(try ann.accept(project.id).code == "not_found")
        try expectNoAccess(ann)
        #expect(try invite().status == 201)
        #expect(try ann.accept(project.id).status == 200)
    }

    @Test(
        "a token that is restricted to other projects neither sees nor answers an invitation",
        arguments: TestDatabase.selected)
    func restrictedToken(_: TestDatabase) throws {
        let other = try #require(try ann.whoami().decoded(User.self).defaultProjectID)
        let restricted = try ann.createToken("\"project_ids\": [\"\(other)\"]")
        try invite()
        #expect(try invitations(restricted).elements.isEmpty)
        for answer in ["accept", "decline"] {
            #expect(try restricted.answer(project.id, answer).code == "project_forbidden")
        }
        #expect(try restricted.answer("prj_nothing", "accept").code == "project_forbidden")
        // Scopes do not matter, and neither does the project of the request.
        let reader = try ann.createToken(#""scopes": ["pods:read"]"#)
        let accepted = try reader.send(
            "POST", "\(path)/members/\(annID)/accept", headers: [("X-Project-ID", project.id)])
        #expect(accepted.status == 200)
        #expect(try restricted.send("DELETE", "\(path)/members/\(annID)").code == "project_forbidden")
        #expect(try reader.send("DELETE", "\(path)/members/\(annID)").status == 204)
    }

    @Test("the list of invitations has pages", arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        var expected: [String] = []
        for number in 0..<5 {
            let created = try owner.send("POST", "/v1/projects", #"{"name": "\#(number)"}"#).decoded(Project.self)
            try invite(to: created.id)
            expected.append(created.id)
        }
        var (found, cursor): ([String], String?) = ([], nil)
        repeat {
            let page = try invitations(nil, "?limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
            found += page.elements.map(\.projectID)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(found.count == 5 && Set(found) == Set(expected))
    }

    // MARK: - Leaving

    @Test(
        "a member leaves whatever their role, permissions and status", arguments: TestDatabase.selected,
        [#""role": "admin""#, #""role": "user", "permissions": ["create"]"#, "deactivated"])
    func leave(_: TestDatabase, role: String) throws {
        try invite("ann", role == "deactivated" ? #""role": "admin""# : role)
        try ann.accept(project.id)
        let member = "\(path)/members/\(annID)"
        if role == "deactivated" {
            #expect(try owner.send("PATCH", member, #"{"status": "deactivated"}"#).status == 200)
        }
        let token = try ann.createToken(#""scopes": ["pods:read"]"#)
        #expect(try token.send("DELETE", member).status == 204)
        #expect(try token.send("DELETE", member).code == "not_found")
        try expectNoAccess(ann)
        #expect(try owner.actions.contains("member_left"))
        #expect(try owner.send("DELETE", path).status == 204)
    }

    @Test("neither the last admin nor the user of a default project can leave", arguments: TestDatabase.selected)
    func stay(_: TestDatabase) throws {
        let user = try owner.whoami().decoded(User.self)
        let token = try owner.createToken(#""scopes": ["pods:read"]"#)
        #expect(try token.send("DELETE", "\(path)/members/\(user.id)").code == "conflict")
        let own = "/v1/projects/\(try #require(user.defaultProjectID))/members"
        try invite("ann", #""role": "admin""#, to: user.defaultProjectID)
        #expect(try token.send("DELETE", "\(own)/\(user.id)").code == "conflict")
        // An invited admin is not an admin yet.
        try invite("ann", #""role": "admin""#)
        #expect(try token.send("DELETE", "\(path)/members/\(user.id)").code == "conflict")
        try ann.accept(project.id)
        // Neither is one who is disabled: no user could administer the project.
        try service.database.write { try UserStore.setDisabled(at: clock.now, userID: annID, in: $0) }
        #expect(try token.send("DELETE", "\(path)/members/\(user.id)").code == "conflict")
        let demotion = #"{"role": "user", "permissions": ["read"]}"#
        #expect(try owner.send("PATCH", "\(path)/members/\(user.id)", demotion).code == "conflict")
        try service.database.write { try UserStore.setDisabled(at: nil, userID: annID, in: $0) }
        #expect(try token.send("DELETE", "\(path)/members/\(user.id)").status == 204)
    }

    @Test("a project is deleted with its pending invitations", arguments: TestDatabase.selected)
    func deletion(_: TestDatabase) throws {
        try invite()
        #expect(try owner.send("DELETE", path).status == 204)
        #expect(try invitations().elements.isEmpty)
        #expect(try ann.accept(project.id).code == "not_found")
        #expect(try invite().code == "not_found")
    }

    @Test("inviting a user to a project while it is deleted is a 404", arguments: TestDatabase.selected)
    func deletedMeanwhile(_: TestDatabase) throws {
        let database = OvertakenDatabase(service.database)
        var changes = service.changes
        changes.database = database
        let identity = try service.verifier.verify(owner.token.utf8, now: clock.now)
        let actor = Actor(Request(method: "POST", path: "/"), identity)
        for requirement in [Requirement.scope(.membersCreate, in: project.id), .credential] {
            database.overtake(.beforeWrite(1)) { try owner.send("DELETE", path) }
            let refusal = #expect(throws: DomainError.self) {
                try changes.perform(by: actor, requiring: requirement, at: clock.now) {
                    let values = MemberRequest.Values(email: "ann@example.com", role: "admin")
                    _ = try service.members.invite(try MemberRequest(adding: values), to: project.id, in: $0)
                }
            }
            #expect(refusal.map(ErrorResponse.init)?.status == 404)
        }
    }

    // MARK: - Limits

    @Test("a user can have 50 pending invitations sent, and 200 received", arguments: TestDatabase.selected)
    func limits(_: TestDatabase) throws {
        func insert(_ count: Int, from inviter: String, to user: String) throws {
            try service.database.write { connection in
                for number in 0..<count {
                    let id = "prj_\(number)"
                    if try ProjectStore.find(id, in: connection) == nil {
                        let account = try connection.run("SELECT id FROM accounts LIMIT 1")[0].text(0)
                        try ProjectStore.insert(
                            ProjectRecord(id: id, accountID: account, name: "n", createdAt: 0), in: connection)
                    }
                    if try MemberStore.find(inviter, projectID: id, in: connection) == nil {
                        try MemberStore.insert(
                            Membership(projectID: id, role: .admin, addedAt: 0), userID: inviter, in: connection)
                    }
                    try InvitationStore.insert(
                        InvitationRecord(
                            projectID: id, userID: user, role: .admin, inviterID: inviter, createdAt: clock.now,
                            expiresAt: clock.now + 100), in: connection)
                }
            }
        }
        let ownerID = try owner.whoami().decoded(User.self).id
        let bobID = try #require(try service.database.read { try UserStore.find(email: "bob@example.com", in: $0) }).id
        try insert(49, from: ownerID, to: bobID)
        #expect(try invite().status == 201)
        let refused = try invite("bob")
        #expect(refused.code == "quota_exceeded")
        #expect(refused.error?.details["resource_type"] == "invitations")
        #expect(refused.error?.details["limit"] == 50 && refused.error?.details["current"] == 50)
        #expect(try ann.answer(project.id, "decline").status == 204)
        try insert(200, from: bobID, to: annID)
        // The users who invited do not matter for the limit of the invited user.
        #expect(try invite().code == "conflict")
        clock.set(clock.now + 100)
        #expect(try invite().status == 201)
    }

    @Test(
        "an invitation whose inviter can admit no one uses up no limit, and is not kept if the inviter left",
        arguments: TestDatabase.selected, ["left", "removed", "demoted", "deactivated", "disabled"])
    func withoutAuthority(_: TestDatabase, loss: String) throws {
        let bob = owner.with(try owner.server.server.createToken("bob@example.com"))
        let bobID = try bob.whoami().decoded(User.self).id
        func pending() throws -> Int {
            try service.database.read { try $0.run("SELECT user_id FROM invitations WHERE user_id = '\(annID)'") }.count
        }
        for number in 0..<3 {
            let created = try owner.send("POST", "/v1/projects", #"{"name": "\#(number)"}"#).decoded(Project.self)
            try invite("bob", #""role": "admin""#, to: created.id)
            #expect(try bob.accept(created.id).status == 200)
            #expect(try invite(to: created.id, by: bob).status == 201)
            let member = "/v1/projects/\(created.id)/members/\(bobID)"
            switch loss {
            case "left": #expect(try bob.send("DELETE", member).status == 204)
            case "removed": #expect(try owner.send("DELETE", member).status == 204)
            case "demoted": try owner.send("PATCH", member, #"{"role": "user", "permissions": ["read"]}"#)
            case "deactivated": try owner.send("PATCH", member, #"{"status": "deactivated"}"#)
            default: break
            }
        }
        if loss == "disabled" {
            try service.database.write { try UserStore.setDisabled(at: clock.now, userID: bobID, in: $0) }
        }
        #expect(try pending() == (loss == "disabled" ? 3 : 0))
        for (party, id) in [(InvitationStore.Party.invited, annID), (.inviter, bobID)] {
            #expect(try service.database.read { try InvitationStore.count(of: party, id, now: clock.now, in: $0) } == 0)
        }
    }

    @Test("an account has a limited number of projects, exactly", arguments: TestDatabase.selected)
    func projects(_: TestDatabase) async throws {
        let server = try RunningServer(maxProjects: 5)
        let client = TestClient(server, try server.createToken())
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<12 {
                group.addTask { try client.send("POST", "/v1/projects", #"{"name": "n"}"#).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 201 } == 4 && statuses.count { $0 == 409 } == 8)
        let refused = try client.send("POST", "/v1/projects", #"{"name": "n"}"#)
        #expect(refused.code == "quota_exceeded")
        #expect(refused.error?.message == "The account has reached its limit of 5 projects; delete one first")
        #expect(refused.error?.details == ["resource_type": "projects", "limit": 5, "current": 5])
        let ids = try client.send("GET", "/v1/projects").decoded(Page<Project>.self).elements
        let own = try #require(ids.first { $0.isDefault == false })
        #expect(try client.send("DELETE", "/v1/projects/\(own.id)").status == 204)
        #expect(try client.send("POST", "/v1/projects", #"{"name": "n"}"#).status == 201)
    }

    @Test(
        "verifying a token reads no membership, and each is read once until it changes",
        arguments: TestDatabase.selected)
    func lazily(_: TestDatabase) throws {
        let database = CountingDatabase(service.database)
        let verifier = TokenVerifier(database: database, digest: service.reuse.digest)
        let identity = try verifier.verify(owner.token.utf8, now: clock.now)
        #expect(database.calls == 1)
        for _ in 0..<3 { #expect(try identity.authority.membership(of: project.id).role == .admin) }
        #expect(database.calls == 2)
        #expect(throws: DomainError.self) { try identity.authority.membership(of: "prj_nothing") }
        // A token cannot fill the memory by naming projects.
        for number in 0..<20 { _ = try? identity.authority.membership(of: "prj_\(number)") }
        #expect(try identity.authority.membership(of: project.id).role == .admin)
        #expect(database.calls == 23)
    }
}
