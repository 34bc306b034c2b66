import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("/v1/projects/{id}/members", .blocking, .databases, .timeLimit(.perTest))
struct MemberRoutesTests {
    let owner: TestClient
    let ann: TestClient
    let bob: TestClient
    let project: Project

    init() throws {
        owner = try TestClient(maxActiveTokens: 50)
        let server = owner.server.server
        for name in ["ann", "bob"] { try server.addUser("\(name)@example.com") }
        ann = owner.with(try server.createToken("ann@example.com"))
        bob = owner.with(try server.createToken("bob@example.com"))
        project = try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
    }

    var path: String { "/v1/projects/\(project.id)" }

    func invite(_ name: String, _ fields: String, by session: TestClient? = nil) throws -> TestResponse {
        try (session ?? owner).send(
            "POST", "\(path)/members", "{\"email\": \"\(name)@example.com\", \(fields)}")
    }

    /// Invites a user, who accepts; returns the response to the invitation.
    func add(_ name: String, _ fields: String, by session: TestClient? = nil) throws -> TestResponse {
        let response = try invite(name, fields, by: session)
        if response.status == 201 { #expect(try (name == "ann" ? ann : bob).accept(project.id).status == 200) }
        return response
    }

    func userID(_ session: TestClient) throws -> String { try session.whoami().decoded(User.self).id }

    func update(_ session: TestClient, _ fields: String, by caller: TestClient? = nil) throws -> TestResponse {
        try (caller ?? owner).send("PATCH", "\(path)/members/\(try userID(session))", "{\(fields)}")
    }

    func remove(_ session: TestClient, by caller: TestClient? = nil) throws -> TestResponse {
        try (caller ?? owner).send("DELETE", "\(path)/members/\(try userID(session))")
    }

    @Test(
        "adding, changing and removing a member takes effect at once", arguments: TestDatabase.selected
    )
    func lifecycle(_: TestDatabase) throws {
        #expect(try ann.send("GET", path).code == "not_found")
        let added = try add("ann", #""role": "user", "permissions": ["read"]"#)
        #expect(added.status == 201)
        let member = try added.decoded(Member.self)
        #expect(member.email == "ann@example.com")
        #expect(member.permissions == ["read"])
        #expect(member.status == "invited")
        #expect(try ann.send("GET", path).decoded(Project.self).role == "user")
        #expect(try ann.send("PATCH", path, "{}").code == "member_forbidden")
        #expect(try update(ann, #""permissions": ["read", "update"]"#).status == 200)
        #expect(try ann.send("PATCH", path, "{}").status == 200)
        #expect(try update(ann, #""status": "deactivated""#).decoded(Member.self).status == "deactivated")
        #expect(try ann.send("GET", path).code == "member_forbidden")
        #expect(try ann.send("GET", "/v1/projects").decoded(Page<Project>.self).elements.count == 1)
        #expect(try update(ann, #""status": "active""#).status == 200)
        #expect(try ann.send("GET", "/v1/projects").decoded(Page<Project>.self).elements.count == 2)
        #expect(try remove(ann).status == 204)
        #expect(try ann.send("GET", path).code == "not_found")
        #expect(try owner.send("DELETE", "\(path)/members/\(member.userID)").code == "not_found")
    }

    @Test("the scope for everything is only an admin's", arguments: TestDatabase.selected)
    func everything(_: TestDatabase) {
        #expect(Role.admin.allows(.all))
        #expect(!Role.user(Set(Scope.actions)).allows(.all))
    }

    @Test(
        "a role allows exactly its permissions, and only admins change members",
        arguments: TestDatabase.selected)
    func roles(_: TestDatabase) throws {
        let calls = [
            ("read", "GET", path, nil), ("read", "GET", "\(path)/members", nil), ("update", "PATCH", path, "{}"),
            ("read", "GET", "/v1/audit-logs", nil),
        ]
        #expect(try add("ann", #""role": "user", "permissions": ["delete"]"#).status == 201)
        for permissions in [["create"], ["read"], ["update"], ["delete"], ["create", "read", "update", "delete"]] {
            let list = permissions.map { "\"\($0)\"" }.joined(separator: ", ")
            #expect(try update(ann, "\"permissions\": [\(list)]").status == 200)
            for (needed, method, path, body) in calls {
                let response = try ann.send(method, path, body, headers: [("X-Project-ID", project.id)])
                #expect(
                    (response.code == "member_forbidden") == !permissions.contains(needed), "\(permissions) \(path)")
            }
            let permission = try ann.send("GET", "/v1/auth/can?scope=pods:create&project=\(project.id)")
            #expect(try permission.decoded(Permission.self).allowed == permissions.contains("create"))
            #expect(try add("bob", #""role": "admin""#, by: ann).code == "member_forbidden")
            #expect(try update(ann, #""role": "admin""#, by: ann).code == "member_forbidden")
            #expect(try remove(owner, by: ann).code == "member_forbidden")
        }
    }

    @Test("the last admin cannot be removed, deactivated or given the role user", arguments: TestDatabase.selected)
    func lastAdmin(_: TestDatabase) throws {
        #expect(try remove(owner).code == "conflict")
        #expect(try update(owner, #""status": "deactivated""#).code == "conflict")
        #expect(try update(owner, #""role": "user", "permissions": ["read"]"#).code == "conflict")
        #expect(try add("ann", #""role": "admin""#).status == 201)
        #expect(try update(ann, #""status": "deactivated""#).status == 200)
        #expect(try remove(owner).code == "conflict")
        #expect(try update(ann, #""status": "active""#).status == 200)
        #expect(try remove(owner, by: ann).status == 204)
        #expect(try owner.send("GET", path).code == "not_found")
    }

    @Test("of two admins that remove each other at once, one remains", arguments: TestDatabase.selected)
    func mutualRemoval(_: TestDatabase) async throws {
        for _ in 0..<10 {
            let created = try owner.send("POST", "/v1/projects", #"{"name": "m"}"#).decoded(Project.self)
            let members = "/v1/projects/\(created.id)/members"
            _ = try owner.send("POST", members, #"{"email": "ann@example.com", "role": "admin"}"#)
            try ann.accept(created.id)
            let (ann, owner) = (ann, owner)
            let (annID, ownerID) = (try userID(ann), try userID(owner))
            async let first = owner.send("DELETE", "\(members)/\(annID)").status
            async let second = ann.send("DELETE", "\(members)/\(ownerID)").status
            let statuses = try await [first, second]
            #expect(statuses.count { $0 == 204 } == 1, "\(statuses)")
        }
    }

    @Test("a user cannot be removed from their default project", arguments: TestDatabase.selected)
    func defaultProject(_: TestDatabase) throws {
        let id = try #require(try owner.whoami().decoded(User.self).defaultProjectID)
        let members = "/v1/projects/\(id)/members"
        #expect(try owner.send("POST", members, #"{"email": "ann@example.com", "role": "admin"}"#).status == 201)
        try ann.accept(id)
        let mine = "\(members)/\(try userID(owner))"
        #expect(try ann.send("DELETE", mine).code == "conflict")
        #expect(try ann.send("PATCH", mine, #"{"status": "deactivated"}"#).code == "conflict")
        #expect(try ann.send("DELETE", "/v1/projects/\(id)").code == "conflict")
    }

    @Test("a project with other members than the caller is not empty", arguments: TestDatabase.selected)
    func notEmpty(_: TestDatabase) throws {
        _ = try add("ann", #""role": "user", "permissions": ["read"]"#)
        let refused = try owner.send("DELETE", path)
        #expect(refused.code == "project_not_empty")
        #expect(refused.error?.details == ["members": 1])
        #expect(try remove(ann).status == 204)
        #expect(try owner.send("DELETE", path).status == 204)
    }

    @Test("the pages of a list have no gap", arguments: TestDatabase.selected)
    func paging(_: TestDatabase) throws {
        _ = try add("ann", #""role": "user", "permissions": ["read"]"#)
        _ = try add("bob", #""role": "admin""#)
        var seen: [String] = []
        var cursor: String?
        repeat {
            let response = try bob.send("GET", "\(path)/members?limit=1" + (cursor.map { "&cursor=\($0)" } ?? ""))
            let page = try response.decoded(Page<Member>.self)
            seen += page.elements.map(\.email)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(Set(seen) == ["you@example.com", "ann@example.com", "bob@example.com"])
        #expect(seen.count == 3)
    }

    @Test(
        "the response to an invalid body names all invalid fields, and a second membership is a conflict",
        arguments: TestDatabase.selected)
    func refusals(_: TestDatabase) throws {
        for fields in [
            #""role": "king""#, #""role": "user""#, #""role": "user", "permissions": []"#,
            #""role": "user", "permissions": ["fly"]"#, #""role": "admin", "permissions": ["read"]"#,
            #""role": "admin", "permision": ["read"]"#, #""role": "admin", "status": "active""#,
        ] {
            #expect(try add("ann", fields).code == "validation_failed", "\(fields)")
        }
        #expect(try add("nobody", #""role": "admin""#).code == "not_found")
        #expect(try add("ann", #""role": "admin""#).status == 201)
        #expect(try add("ann", #""role": "admin""#).code == "conflict")
        #expect(try update(ann, #""permissions": ["read"]"#).code == "validation_failed")
        #expect(try update(ann, #""status": "gone""#).code == "validation_failed")
        #expect(try update(bob, #""status": "active""#).code == "not_found")
    }

    @Test("a member of one project has no access to the rest of its account", arguments: TestDatabase.selected)
    func otherProjects(_: TestDatabase) throws {
        _ = try add("ann", #""role": "admin""#)
        let other = try owner.send("POST", "/v1/projects", #"{"name": "q"}"#).decoded(Project.self)
        #expect(try ann.send("GET", "/v1/projects/\(other.id)").code == "not_found")
        #expect(try ann.send("GET", "/v1/tokens").decoded(Page<Token>.self).elements.map(\.id) == [ann.id])
        #expect(try ann.send("GET", "/v1/tokens/\(owner.id)").code == "not_found")
        #expect(try ann.send("DELETE", "/v1/tokens/\(owner.id)").code == "not_found")
    }

    @Test(
        "each change is in the log of the project's account, with old and new values",
        arguments: TestDatabase.selected)
    func audit(_: TestDatabase) throws {
        _ = try add("ann", #""role": "user", "permissions": ["read"]"#)
        _ = try update(ann, #""role": "admin""#)
        _ = try update(ann, #""status": "deactivated""#)
        _ = try update(ann, #""status": "active""#)
        _ = try update(ann, #""status": "active""#)
        _ = try remove(ann)
        let response = try owner.send("GET", "/v1/audit-logs?resource_type=member")
        let events = try response.decoded(Page<AuditEvent>.self).elements
        #expect(
            events.map(\.action) == [
                "member_removed", "member_activated", "member_deactivated", "permissions_changed",
                "invitation_accepted", "member_invited",
            ])
        #expect(events.allSatisfy { $0.resourceName == "ann@example.com" && $0.projectID == project.id })
        #expect(events[2].details == ["old": .object(["status": "active"]), "new": .object(["status": "deactivated"])])
    }

    @Test(
        "after too many unknown addresses a user cannot probe further, and other users are not affected",
        arguments: TestDatabase.selected)
    func probing(_: TestDatabase) throws {
        let fields = #""role": "user", "permissions": ["read"]"#
        for number in 0..<20 { #expect(try add("nobody\(number)", fields).code == "not_found") }
        // The response is the same whether the address has an account or not.
        let refused = try add("nobody", fields)
        #expect(refused.status == 429 && refused.code == "rate_limited")
        #expect(refused.headers["ratelimit"]?.hasPrefix(#""unknown-address";r=0"#) == true)
        #expect(refused.headers["retry-after"].flatMap { Int($0) }.map { (1...180).contains($0) } == true)
        #expect(try add("ann", fields).error?.message == refused.error?.message)
        // Another token of the same user does not help.
        #expect(try add("ann", fields, by: try owner.createToken()).status == 429)
        let own = try bob.send("POST", "/v1/projects", #"{"name": "b"}"#).decoded(Project.self)
        let body = "{\"email\": \"ann@example.com\", \(fields)}"
        #expect(try bob.send("POST", "/v1/projects/\(own.id)/members", body).status == 201)
    }
}
