import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

/// Every route with every kind of caller, generated from the table of routes.
@Suite("Every route, guarded", .blocking, .databases, .timeLimit(.perTest))
struct RouteGuardTests {
    /// The owner of the objects in the paths, and a user of another account.
    let owner: TestClient
    let stranger: TestClient
    let project: Project
    let other: Project
    let memberID: String
    let service: PodServer
    let pod: Pod
    let volume: Volume
    let routes: [Route]

    /// The routes that require no token.
    ///
    /// A new one has to be added here deliberately.
    let open: Set = [
        "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json", "POST /v1/tokens/report",
        "POST /v1/device/code", "POST /v1/device/token", "POST /v1/oauth/device_authorization", "POST /v1/oauth/token",
        "GET /.well-known/oauth-authorization-server",
    ]

    init() throws {
        service = try PodServer()
        owner = service.owner
        let server = owner.server.server
        routes = server.service.routes
        for name in ["stranger", "member"] { try server.addUser("\(name)@example.com") }
        stranger = owner.with(try server.createToken("stranger@example.com"))
        project = try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
        other = try owner.send("POST", "/v1/projects", #"{"name": "q"}"#).decoded(Project.self)
        let added = try owner.send(
            "POST", "/v1/projects/\(project.id)/members", #"{"email": "member@example.com", "role": "admin"}"#)
        memberID = try added.decoded(Member.self).userID
        try owner.with(try server.createToken("member@example.com")).accept(project.id)
        pod = try service.runningPod(#""project_id": "\#(project.id)""#)
        volume = try owner.send("POST", "/v1/volumes", #"{"name": "v", "project_id": "\#(project.id)"}"#)
            .decoded(Volume.self)
    }

    func name(_ route: Route) -> String { "\(route.method) \(route.path)" }

    /// Returns the path of a route for the owner's objects.
    func path(_ route: Route, token: TestClient, podID: String? = nil) -> String {
        let id =
            switch route.pattern.dropFirst().first {
            case "pods": podID ?? pod.id
            case "volumes": volume.id
            default: token.id
            }
        return "/"
            + route.pattern.map { part in
                switch part {
                case "{project}": project.id
                case "{user}": memberID
                case "{id}": id
                default: String(part)
                }
            }.joined(separator: "/")
    }

    /// Returns a body that the route accepts.
    func body(_ route: Route) throws -> String? {
        switch name(route) {
        case "POST /v1/tokens", "POST /v1/projects", "POST /v1/volumes": #"{"name": "n"}"#
        case "POST /v1/pods": #"{"name": "n", "image": "test:1"}"#
        case "POST /v1/pods/{id}/exec": #"{"command": ["ls"]}"#
        case "PUT /v1/pods/{id}/files": "an archive"
        case let name where ["/start", "/stop", "/restart"].contains { name.hasSuffix($0) }: nil
        case "POST /v1/projects/{project}/members": #"{"email": "stranger@example.com", "role": "admin"}"#
        case "POST /v1/device/code": #"{"client_name": "n"}"#
        case "POST /v1/device/token": #"{"device_code": "n"}"#
        case "POST /v1/oauth/device_authorization", "POST /v1/oauth/token": "client_id=n"
        case "POST /v1/tokens/report": #"{"tokens": []}"#
        case let name where name.hasPrefix("PATCH"): "{}"
        case let name where name.hasSuffix("/rotate"): "{}"
        case let name where name.hasSuffix("/accept") || name.hasSuffix("/decline"): nil
        case _ where ["GET", "DELETE"].contains(route.method): nil
        case let name: try #require(nil as String?, "give \(name) a body here")
        }
    }

    func send(
        _ route: Route, by caller: TestClient, about token: TestClient, podID: String? = nil
    ) throws -> TestResponse {
        let query =
            switch name(route) {
            case "GET /v1/auth/can": "?scope=*"
            case let name where name.hasSuffix("/files"): "?path=/tmp"
            case "DELETE /v1/pods/{id}": "?force=true"
            default: ""
            }
        let headers = route.method == "PUT" ? [("Content-Type", "application/x-tar")] : []
        return try caller.send(
            route.method, path(route, token: token, podID: podID) + query, try body(route), headers: headers)
    }

    func scope(_ route: Route) -> Scope? {
        switch route.access {
        case .scope(let scope), .project(let scope), .object(let scope), .projectOrOwnMembership(let scope): scope
        case .noToken, .anyToken, .ownMembership: nil
        }
    }

    func isOfProject(_ route: Route) -> Bool {
        switch route.access {
        case .project, .object, .ownMembership, .projectOrOwnMembership: true
        case .noToken, .anyToken, .scope: false
        }
    }

    /// Whether every member may use the route for their own membership.
    func isForOwnMembership(_ route: Route) -> Bool {
        switch route.access {
        case .ownMembership, .projectOrOwnMembership: true
        case .noToken, .anyToken, .scope, .project, .object: false
        }
    }

    @Test("without a token, only the listed routes respond", arguments: TestDatabase.selected)
    func withoutToken(_: TestDatabase) throws {
        for route in routes {
            var headers: [(String, String)] = []
            if try body(route) != nil { headers = [("Content-Type", "application/json")] }
            let response = try TestClient(owner.server)
                .request(route.method, path(route, token: owner), headers: headers, body: try body(route))
            #expect((response.code == "missing_token") == !open.contains(name(route)), "\(name(route))")
        }
    }

    @Test("with every scope except the required one, a route is forbidden", arguments: TestDatabase.selected)
    func withoutScope(_: TestDatabase) throws {
        for route in routes {
            guard let needed = scope(route) else { continue }
            let others = Scope.resources.flatMap { resource in Scope.actions.map { "\(resource):\($0)" } }
                .filter { $0 != needed.description }.map { "\"\($0)\"" }.joined(separator: ", ")
            let caller = try owner.createToken("\"scopes\": [\(others)]")
            #expect(try send(route, by: caller, about: owner).code == "insufficient_scope", "\(name(route))")
        }
        #expect(try owner.whoami().status == 200)
    }

    @Test("with only the required scope, a route is allowed for the owner", arguments: TestDatabase.selected)
    func withScope(_: TestDatabase) throws {
        for route in routes {
            guard let needed = scope(route) else { continue }
            let caller = try owner.createToken("\"scopes\": [\"\(needed)\"]")
            // A token with no more authority than the caller, which the caller may therefore rotate.
            let target = try owner.createToken("\"scopes\": [\"\(needed)\"]")
            // A pod of its own for each route, some of which end it.
            let isOfPod = route.path.hasPrefix("/v1/pods/{id}")
            let podID = isOfPod ? try service.runningPod(name: "pod-\(route.operation.rawValue.lowercased())").id : nil
            let response = try send(route, by: caller, about: target, podID: podID)
            let isDeletion = name(route) == "DELETE /v1/projects/{project}"
            #expect(
                response.status < 300 || isDeletion && response.code == "project_not_empty",
                "\(name(route)) \(response)")
        }
    }

    @Test(
        "for a user of another account, every object is missing and stays unchanged", arguments: TestDatabase.selected)
    func foreign(_: TestDatabase) throws {
        for route in routes where route.pattern.contains(where: { $0.hasPrefix("{") }) {
            #expect(try send(route, by: stranger, about: owner).code == "not_found", "\(name(route))")
        }
        #expect(try owner.whoami().status == 200)
        #expect(try owner.send("GET", "/v1/projects/\(project.id)").decoded(Project.self).name == "p")
        #expect(try service.pod(pod.id).status == .running)
        let members = try owner.send("GET", "/v1/projects/\(project.id)/members").decoded(Page<Member>.self)
        #expect(members.elements.count == 2)
    }

    @Test("a token for another project is rejected in this one", arguments: TestDatabase.selected)
    func otherProject(_: TestDatabase) throws {
        let caller = try owner.createToken("\"project_ids\": [\"\(other.id)\"]")
        for route in routes where isOfProject(route) {
            #expect(try send(route, by: caller, about: owner).code == "project_forbidden", "\(name(route))")
        }
    }

    @Test(
        "a deactivated member and a member without permissions are rejected in a project",
        arguments: TestDatabase.selected)
    func members(_: TestDatabase) throws {
        let member = owner.with(try owner.server.server.createToken("member@example.com"))
        let path = "/v1/projects/\(project.id)/members/\(memberID)"
        #expect(try owner.send("PATCH", path, #"{"status": "deactivated"}"#).status == 200)
        for route in routes where isOfProject(route) && !isForOwnMembership(route) {
            #expect(try send(route, by: member, about: owner).code == "member_forbidden", "\(name(route))")
        }
        let body = #"{"status": "active", "role": "user", "permissions": ["create"]}"#
        #expect(try owner.send("PATCH", path, body).status == 200)
        for route in routes where isOfProject(route) && !isForOwnMembership(route) {
            #expect(try send(route, by: member, about: owner).code == "member_forbidden", "\(name(route))")
        }
    }

    @Test(
        "a route for the own membership is closed to every other user, whatever their role",
        arguments: TestDatabase.selected)
    func ownMembership(_: TestDatabase) throws {
        try owner.server.server.addUser("invited@example.com")
        let invited = try owner.send(
            "POST", "/v1/projects/\(project.id)/members", #"{"email": "invited@example.com", "role": "admin"}"#
        ).decoded(Member.self)
        let guest = owner.with(try owner.server.server.createToken("invited@example.com"))
        for route in routes {
            guard case .ownMembership = route.access else { continue }
            let path = path(route, token: owner).replacing(memberID, with: invited.userID)
            #expect(try owner.send(route.method, path).code == "member_forbidden", "\(name(route))")
            #expect(try stranger.send(route.method, path).code == "not_found", "\(name(route))")
            // An invited user does not see the invitations of others.
            let other = path.replacing(invited.userID, with: memberID)
            #expect(try guest.send(route.method, other).code == "not_found", "\(name(route))")
        }
        #expect(try guest.accept(project.id).status == 200)
    }

    @Test("a read-only token changes nothing except itself", arguments: TestDatabase.selected)
    func readOnly(_: TestDatabase) throws {
        let scopes = Scope.resources.map { "\"\($0):read\"" }.joined(separator: ", ")
        for route in routes where route.method != "GET" && !open.contains(name(route)) {
            let caller = try owner.createToken("\"scopes\": [\(scopes)]")
            let response = try send(route, by: caller, about: owner)
            let isItself = route.pattern.contains("self")
            // Not the own membership, because the path names another user.
            var isForbidden = response.code == "insufficient_scope"
            if case .ownMembership = route.access { isForbidden = response.code == "member_forbidden" }
            #expect(isForbidden == !isItself, "\(name(route))")
        }
    }

    @Test(
        "no two routes are the same, and the first parameter of a project's route is the project",
        arguments: TestDatabase.selected)
    func table(_: TestDatabase) {
        #expect(Set(routes.map(name)).count == routes.count)
        for route in routes where isOfProject(route) {
            if case .object = route.access { continue }
            #expect(route.pattern.first { $0.hasPrefix("{") } == "{project}", "\(name(route))")
        }
    }
}
