import PodstackAPI
import PodstackCryptography
import PodstackTestSupport
import Testing

@testable import PodstackServer

/// Every write, generated from the tables of routes, whose actor loses a permission while the write waits for the
/// database's writer.
@Suite("Writes whose actor loses its permissions meanwhile", .blocking, .databases, .timeLimit(.perTest))
struct OvertakenWriteTests {
    let clock = ManualClock()
    let server: RunningServer
    /// A service on the same database, on which the loss happens before a write.
    let waiting: Service
    let database: OvertakenDatabase

    init() throws {
        server = try RunningServer(clock: clock, maxActiveTokens: 1000)
        database = OvertakenDatabase(server.server.service.database)
        waiting = try Service(
            database: database, peppers: try DataDirectory(server.data.file("data")).peppers(),
            settings: ServiceSettings(maxActiveTokens: 1000, maxPods: 1000), engine: ModelEngine(),
            log: Log(sink: { _ in }), now: { [clock] in clock.now })
    }

    var service: Service { server.server.service }

    /// Calls the handler of the service whose writes can be overtaken.
    private struct Waiting: TestTransport {
        let handler: RequestHandler

        func send(
            _ method: String, _ target: String, headers: [(String, String)], body: String?
        ) throws -> TestResponse {
            TestResponse(
                InMemoryRequest(method, target, headers: headers, body: body.map { Array($0.utf8) })
                    .response(of: handler))
        }
    }

    private func client(_ token: String? = nil) -> TestClient {
        TestClient(server, token, over: Waiting(handler: waiting.handler))
    }

    // MARK: - Losses

    /// An event that takes a permission from the actor of a request; the last one takes nothing.
    enum Loss: CaseIterable {
        case revoked, expired, rotated, disabled, scopes, projects
        case removed, deactivated, demoted, removedFromNamedProject
        case signedOut, sessionExpired, operatorRemoved
        case nothing

        /// Whether the loss concerns a request under a requirement.
        func concerns(_ requirement: Requirement) -> Bool {
            switch (self, requirement) {
            case (.signedOut, _), (.sessionExpired, _), (.operatorRemoved, _): false
            case (.revoked, _), (.expired, _), (.rotated, _), (.disabled, _), (.nothing, _): true
            case (.scopes, .scope), (.removedFromNamedProject, .scope): true
            case (.projects, .ownMembership), (.removed, .ownMembership): true
            case (.projects, .scope(_, let project, _)), (.removed, .scope(_, let project, _)),
                (.deactivated, .scope(_, let project, _)), (.demoted, .scope(_, let project, _)):
                project != nil
            default: false
            }
        }
    }

    /// A user with a token, a session and two projects, and another member of the first project.
    private struct Scene {
        var user: UserRecord
        var other: UserRecord
        var token: String
        /// Another token of the same user.
        var target: String
        var project: String
        var named: String
        var sessionID: String
        var cookie: String
        /// Another session of the same user.
        var otherSessionID: String
        /// A project that the user is invited to.
        var invitation: String
        var podID: String
        var volumeID: String
        var tokenID: String { String(token.dropFirst(9).prefix(8)) }
        var targetID: String { String(target.dropFirst(9).prefix(8)) }
    }

    private func scene(_ number: Int, isAlone: Bool) throws -> Scene {
        let end = clock.now + 1000
        return try service.changes.perform(by: .administrator, at: clock.now) { change in
            let connection = change.connection
            let user = try AccountCreation.create(email: "actor\(number)@example.com", name: nil, in: change)
            let other = try AccountCreation.create(email: "other\(number)@example.com", name: nil, in: change)
            let change = change.with(Authority(user.grant, in: connection))
            func project() throws -> String {
                let id = try service.projects.create(
                    ProjectRequest(creating: ProjectRequest.Values(name: "p")), in: change
                ).0.id
                if !isAlone {
                    try MemberStore.insert(
                        Membership(projectID: id, role: .admin, addedAt: change.now), userID: other.id, in: connection)
                }
                return id
            }
            func token(_ expiry: TokenRequest.Expiry) throws -> String {
                let (_, secret) = try service.tokens.create(TokenRequest(name: "t", expiry: expiry), in: change)
                return secret ?? ""
            }
            func session() throws -> (id: String, cookie: String) {
                let before = Set(try SignInStore.sessions(userID: user.id, in: connection).map(\.id))
                let cookie = try service.signIn.sessions.begin(
                    userID: user.id, from: Origin(address: .unknown), in: change
                ).text
                let after = try SignInStore.sessions(userID: user.id, in: connection).map(\.id)
                return (after.first { !before.contains($0) } ?? "", cookie)
            }
            // The owner of the other account invites the actor.
            let inviter = change.with(Authority(other.grant, in: connection))
            let invitation = try service.projects.create(
                ProjectRequest(creating: ProjectRequest.Values(name: "i")), in: inviter
            ).0.id
            _ = try service.members.invite(
                MemberRequest(adding: MemberRequest.Values(email: user.email, role: "admin")), to: invitation,
                in: inviter)
            let (own, another) = (try session(), try session())
            // A project of their own, so that the other one can be deleted.
            let projectID = try project()
            var values = PodRequest.Values(name: "p", image: "a")
            values.projectID = projectID
            var pod = try waiting.pods.create(try PodRequest(values), in: change)
            pod.state.status = .running
            try PodStore.update(pod, in: connection)
            let volume = try waiting.volumes.create(
                try VolumeRequest(name: "v", projectID: projectID), in: change)
            return Scene(
                user: user, other: other, token: try token(.at(end)), target: try token(.at(end)),
                project: try project(), named: try project(), sessionID: own.id, cookie: own.cookie,
                otherSessionID: another.id, invitation: invitation, podID: pod.id, volumeID: volume.id)
        }
    }

    private func apply(_ loss: Loss, to scene: Scene) throws {
        let now = clock.now
        try service.database.write { connection in
            func setMember(_ assignment: String) throws {
                try connection.run(
                    "UPDATE members SET \(assignment) WHERE project_id = ? AND user_id = ?",
                    [.text(scene.project), .text(scene.user.id)])
            }
            switch loss {
            case .revoked: try SecretStore.apply([.revoke(at: now)], to: scene.tokenID, in: connection)
            case .expired: clock.set(now + 1000)
            case .rotated:
                let token = try #require(try TokenStore.find(scene.tokenID, in: connection))
                let new = CurrentSecret(digest: [UInt8](repeating: 1, count: 32), rotatedAt: now, generation: 2)
                let old = RetiredSecret(digest: token.digest, rotatedAt: now, endsAt: now)
                try SecretStore.apply([.setCurrent(new), .retire(old)], to: token.id, in: connection)
            case .disabled:
                try UserStore.setDisabled(at: now, userID: scene.user.id, in: connection)
            case .scopes:
                try connection.run(
                    "UPDATE tokens SET scopes = 'audit-logs:read' WHERE id = ?", [.text(scene.tokenID)])
            case .projects:
                try connection.run(
                    "UPDATE tokens SET project_ids = ? WHERE id = ?", [.text(scene.named), .text(scene.tokenID)])
            case .removed: try MemberStore.remove(scene.user.id, projectID: scene.project, in: connection)
            case .deactivated: try setMember("deactivated_at = \(now)")
            case .demoted: try setMember("role = 'user', can_create = 0, can_update = 0, can_delete = 0")
            case .removedFromNamedProject:
                try MemberStore.remove(scene.user.id, projectID: scene.named, in: connection)
            case .signedOut:
                try connection.run("DELETE FROM sessions WHERE id = ?", [.text(scene.sessionID)])
            case .sessionExpired: clock.set(now + WebSession.lifetimeSeconds)
            case .operatorRemoved: try UserStore.setOperator(false, userID: scene.user.id, in: connection)
            case .nothing: break
            }
        }
    }

    /// Sends a request that a loss overtakes, then the same request again, and expects equal errors and no change.
    private func expectFailure(
        _ loss: Loss, of scene: Scene, _ name: String, _ send: () throws -> TestResponse,
        again: () throws -> TestResponse
    ) throws {
        database.overtake(.beforeWrite(1)) { try apply(loss, to: scene) }
        let response = try send()
        #expect(!database.isDue, "\(name) writes nothing: \(response)")
        guard loss != .nothing else {
            #expect(response.status < 400 && database.commits > 0, "\(name) \(response)")
            return
        }
        #expect(response.status >= 400 || response.headers["location"]?.hasPrefix("/sign-in") == true, "\(name)")
        // Every write was rolled back.
        #expect(database.commits == 0, "\(name)")
        let later = try again()
        #expect(response.status == later.status && response.code == later.code, "\(name) \(response) \(later)")
        #expect(response.headers["location"] == later.headers["location"], "\(name)")
    }

    // MARK: - API

    private func body(_ name: String, _ scene: Scene) throws -> String? {
        switch name {
        case "POST /v1/tokens", "POST /v1/projects", "POST /v1/volumes": #"{"name": "n"}"#
        case "POST /v1/pods": #"{"name": "n", "image": "a"}"#
        case "PATCH /v1/pods/{id}": #"{"name": "another"}"#
        case "POST /v1/pods/{id}/exec": #"{"command": ["ls"]}"#
        case let name where ["/start", "/stop", "/restart"].contains { name.hasSuffix($0) }: nil
        case "PATCH /v1/tokens/{id}", "PATCH /v1/projects/{project}": #"{"name": "another"}"#
        case "POST /v1/projects/{project}/members": #"{"email": "\#(RunningServer.email)", "role": "admin"}"#
        case "PATCH /v1/projects/{project}/members/{user}": #"{"role": "user", "permissions": ["read"]}"#
        case let name where name.hasSuffix("/rotate"): "{}"
        case let name where name.hasSuffix("/accept") || name.hasSuffix("/decline"): nil
        case let name where name.hasPrefix("DELETE"): nil
        case let name: try #require(nil as String?, "give \(name) a body here")
        }
    }

    @Test("every write of the API fails as if it had come later, and changes nothing", arguments: TestDatabase.selected)
    func api(_: TestDatabase) throws {
        var number = 0
        // An upload to a pod changes nothing in the database.
        for route in waiting.routes
        where route.requiresToken && route.method != "GET" && route.operation != .uploadPodFiles {
            let name = "\(route.method) \(route.path)"
            let variants: [Bool]
            var isInvitation = false
            switch route.access {
            case .ownMembership: (variants, isInvitation) = ([true], true)
            case .projectOrOwnMembership: variants = [false, true]
            case .noToken, .anyToken, .scope, .project, .object: variants = [false]
            }
            for isOwn in variants {
                for loss in Loss.allCases {
                    number += 1
                    let scene = try scene(number, isAlone: name == "DELETE /v1/projects/{project}")
                    let parameters = route.pattern.filter { $0.hasPrefix("{") }.map { part in
                        switch part {
                        case "{id}" where route.pattern.contains("pods"): scene.podID
                        case "{id}" where route.pattern.contains("volumes"): scene.volumeID
                        case "{project}": isInvitation ? scene.invitation : scene.project
                        case "{user}": isOwn ? scene.user.id : scene.other.id
                        default: scene.targetID
                        }
                    }
                    var rest = parameters[...]
                    let path =
                        "/"
                        + route.pattern.map { part in
                            part.hasPrefix("{") ? rest.popFirst() ?? "" : String(part)
                        }.joined(separator: "/")
                    let requirement = try route.access.requirement(
                        of: Request(method: route.method, path: path), parameters, userID: scene.user.id)
                    guard loss.concerns(requirement), !isInvitation || loss != .removed else { continue }
                    var headers = [("Idempotency-Key", "key")]
                    if loss == .removedFromNamedProject { headers.append(("X-Project-ID", scene.named)) }
                    let body = try body(name, scene)
                    func send(_ client: TestClient) throws -> TestResponse {
                        let query = name == "DELETE /v1/pods/{id}" ? "?force=true" : ""
                        return try client.send(route.method, path + query, body, headers: headers)
                    }
                    try expectFailure(
                        loss, of: scene, "\(name) \(isOwn ? "own " : "")\(loss)", { try send(client(scene.token)) },
                        again: { try send(TestClient(server, scene.token)) })
                }
            }
        }
        #expect(number > 0)
    }

    // MARK: - Dashboard

    private func form(_ name: String, _ scene: Scene, _ client: TestClient) throws -> [(String, String)] {
        switch name {
        case "POST /sign-out", "POST /account/sign-in/sessions/{id}/end",
            "POST /account/sign-in/sessions/end-others", "POST /account/tokens/{id}/revoke",
            "POST /projects/{project}/delete", "POST /projects/{project}/leave", "POST /projects/{project}/accept",
            "POST /projects/{project}/decline", "POST /projects/{project}/members/{user}/deactivate",
            "POST /projects/{project}/members/{user}/activate", "POST /projects/{project}/members/{user}/remove",
            "POST /pods/{id}/start", "POST /pods/{id}/stop", "POST /pods/{id}/restart", "POST /pods/{id}/delete":
            return []
        case "POST /people": return [("email", "new-\(scene.user.email)"), ("name", "")]
        case "POST /people/{user}/remove":
            let page = try client.get("/people/\(scene.other.id)/remove").body
            let field = try #require(page.firstRange(of: "name=\"plan\" value=\""))
            return [("plan", String(page[field.upperBound...].prefix { $0 != "\"" })), ("transfer_to", "")]
        case let name where name.hasPrefix("POST /people/{user}/"): return []
        case "POST /pods":
            return [
                ("id", Identifier.generate("")), ("name", "another"), ("image", "a"), ("project_id", scene.project),
            ]
        case "POST /account/sign-in/password":
            let hash = try #require(Sodium.passwordHash(TestClient.password))
            try service.database.write { try UserStore.setPasswordHash(hash, userID: scene.user.id, in: $0) }
            let new = "another good password"
            return [("current", TestClient.password), ("password", new), ("repeated", new)]
        case "POST /account/tokens":
            var generator = SecureGenerator()
            return [
                ("id", TokenFormat.generateID(using: &generator)), ("name", "n"), ("expiry", "30"), ("access", "full"),
                ("projects", "all"),
            ]
        case "POST /account/tokens/{id}/name", "POST /projects": return [("name", "another")]
        case "POST /account/tokens/{id}/scopes": return [("scopes", "tokens:read")]
        case "POST /account/tokens/{id}/rotate":
            let page = try client.get("/account/tokens/\(scene.targetID)").body
            let field = try #require(page.firstRange(of: "name=\"secrets\" value=\""))
            return [("grace", "hour"), ("secrets", String(page[field.upperBound...].prefix { $0 != "\"" }))]
        case "POST /projects/{project}": return [("name", "another"), ("description", "")]
        case "POST /projects/{project}/members": return [("email", RunningServer.email), ("role", "admin")]
        case "POST /projects/{project}/members/{user}": return [("role", "user"), ("permissions", "read")]
        case "POST /device/approve", "POST /device/deny":
            let code = try service.changes.perform(by: .administrator, at: clock.now) {
                try service.devices.begin(
                    DeviceAuthorizationRequest(DeviceAuthorizationRequest.Values(clientName: "CLI")), from: Origin(),
                    in: $0)
            }
            return [("code", code.userCode)]
        default: return try #require(nil as [(String, String)]?, "give \(name) a form here")
        }
    }

    @Test(
        "every write of the dashboard fails as if it had come later, and changes nothing",
        arguments: TestDatabase.selected)
    func dashboard(_: TestDatabase) throws {
        var number = 0
        for route in waiting.dashboard.routes
        where route.method == "POST" && [.signedIn, .operators].contains(route.access) {
            let name = "POST /" + route.pattern.joined(separator: "/")
            var losses: [Loss] = [.signedOut, .sessionExpired, .disabled, .nothing]
            let isInvitation = name.hasSuffix("/accept") || name.hasSuffix("/decline")
            if name.hasPrefix("POST /projects/{project}"), !isInvitation {
                losses += name.hasSuffix("/leave") ? [.removed] : [.removed, .deactivated, .demoted]
            }
            if route.access == .operators { losses.append(.operatorRemoved) }
            if name == "POST /pods" { losses += [.removed, .deactivated, .demoted] }
            // Without advice for the token, the page says that its scopes are not reduced.
            if name.hasSuffix("/scopes") { losses.removeAll { $0 == .nothing } }
            for loss in losses {
                number += 1
                let scene = try scene(number, isAlone: name == "POST /projects/{project}/delete")
                let path =
                    "/"
                    + route.pattern.map { part in
                        switch part {
                        case "{project}": isInvitation ? scene.invitation : scene.project
                        case "{user}": scene.other.id
                        case "{id}" where name.contains("/pods/"): scene.podID
                        case "{id}": name.contains("/sessions/") ? scene.otherSessionID : scene.targetID
                        default: String(part)
                        }
                    }.joined(separator: "/")
                let (client, later) = (client(), TestClient(server))
                for each in [client, later] {
                    each.cookies = ["podstack_session": scene.cookie]
                    try each.get("/account/sign-in")
                }
                if route.access == .operators {
                    try service.database.write {
                        try UserStore.setOperator(true, userID: scene.user.id, in: $0)
                    }
                }
                let form = try form(name, scene, client)
                try expectFailure(
                    loss, of: scene, "\(name) \(loss)", { try client.post(path, form) },
                    again: { try later.post(path, form) })
            }
        }
        #expect(number > 0)
    }

    // MARK: - Races

    @Test("after an admin is demoted, the log has no further change by that admin", arguments: TestDatabase.selected)
    func demotion(_: TestDatabase) async throws {
        let owner = TestClient(server, try server.createToken())
        for round in 0..<Rounds.count(10, long: 100) {
            let scene = try scene(round, isAlone: false)
            let (actor, other) = (TestClient(server, scene.token), scene.other.id)
            let admin = TestClient(server, try server.server.createToken("other\(round)@example.com"))
            let path = "/v1/projects/\(scene.project)"
            async let demoted = admin.send(
                "PATCH", "\(path)/members/\(scene.user.id)", #"{"role": "user", "permissions": ["read"]}"#)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask { try actor.send("PATCH", path, #"{"name": "\#(number)"}"#) }
                }
                try await group.waitForAll()
            }
            #expect(try await demoted.status == 200)
            let actions = try service.database.read { connection in
                try connection.run(
                    "SELECT action, user_id FROM audit_events WHERE project_id = ? ORDER BY number",
                    [.text(scene.project)]
                ).map { (try $0.text(0), $0.optionalText(1)) }
            }
            let end = try #require(actions.firstIndex { $0.0 == "permissions_changed" })
            #expect(!actions[end...].contains { $0.1 == scene.user.id }, "\(actions)")
            #expect(actions[end].1 == other)
        }
        #expect(try owner.whoami().status == 200)
    }
}
