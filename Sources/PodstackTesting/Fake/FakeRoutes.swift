import Podstack
import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// MARK: - Permissions

/// The access that a route requires.
enum FakeAccess {
    case noToken
    case anyToken
    case scope(Scope)
    /// The scope, in the project that the path names.
    case project(Scope)
    /// A token that includes the project that the path names.
    case ownMembership
}

extension FakeState {
    /// Returns everything that forbids an operation; empty if it is allowed.
    func missing(_ scope: Scope?, in projectID: String?, _ caller: FakeCaller) throws -> [FakeError] {
        var missing: [FakeError] = []
        if let scope, !caller.token.scopes.allows(scope) { missing.append(.lacks(scope, caller.token)) }
        guard let projectID else { return missing }
        guard let member = member(caller.user.id, of: projectID), !member.isInvited else {
            throw FakeError.notFound("project", projectID)
        }
        if !(caller.token.projectIDs?.contains(projectID) ?? true) {
            missing.append(.excluded(projectID, by: caller.token))
        }
        if !member.isActive {
            missing.append(member.denial("your membership of the project is deactivated", projectID))
        } else if let scope, !member.allows(scope) {
            missing.append(member.denial("your role in the project does not allow \(scope)", projectID))
        }
        return missing
    }

    func require(_ scope: Scope?, in projectID: String?, _ caller: FakeCaller) throws {
        if let first = try missing(scope, in: projectID, caller).first { throw first }
    }

    private func require(_ access: FakeAccess, _ request: FakeRequest, _ ids: [String], _ caller: FakeCaller) throws {
        switch access {
        case .noToken, .anyToken: break
        case .scope(let scope): try require(scope, in: request.project, caller)
        case .project(let scope):
            try require(scope, in: ids[0], caller)
            if let named = request.project, named != ids[0] { try require(nil, in: named, caller) }
        case .ownMembership:
            guard caller.token.projectIDs?.contains(ids[0]) ?? true else {
                throw FakeError.excluded(ids[0], by: caller.token)
            }
        }
    }
}

// MARK: - Routes

extension FakeState {
    private typealias Handler = (inout FakeState, FakeRequest, [String], FakeCaller) throws -> TransportResponse

    /// Returns the response to a request.
    mutating func respond(to request: TransportRequest) -> TransportResponse {
        let requestID = newID("req_")
        var caller: FakeCaller?
        var response: TransportResponse
        do { response = try handle(FakeRequest(request), &caller) } catch {
            let unexpected = FakeError(status: 500, code: .internal, message: "Something went wrong: \(error)")
            response = TransportResponse(error as? FakeError ?? unexpected, requestID: requestID)
        }
        response.headers.append(HeaderField("X-Request-ID", requestID))
        if let caller {
            let end = caller.token.end(of: caller.digest)
            let text = end.map { Timestamp.format(Date(seconds: $0)) } ?? "never"
            response.headers.append(HeaderField("Podstack-Token-Expires", text))
        }
        return response
    }

    private mutating func handle(_ request: FakeRequest, _ caller: inout FakeCaller?) throws -> TransportResponse {
        let words: Set = [
            "v1", "auth", "whoami", "can", "tokens", "self", "rotate", "report", "projects", "members", "accept",
            "decline", "invitations", "audit-logs", "device", "code", "token", "pods", "start", "stop", "restart",
            "logs",
            "exec", "metrics", "events", "volumes", "gpus", "billing", "wallet", "usage",
        ]
        let ids = request.segments.filter { !words.contains($0) }
        let path = request.segments.map { words.contains($0) ? $0 : "*" }.joined(separator: "/")
        if request.method == "POST" {
            switch path {
            case "v1/tokens/report": return try report(request)
            case "v1/device/code": return try beginDevice(request)
            case "v1/device/token": return try fetchDevice(request)
            default: break
            }
        }
        guard let (access, handler) = Self.route(request.method, path) else {
            let methods = ["GET", "POST", "PATCH", "DELETE"]
            guard !methods.contains(where: { Self.route($0, path) != nil }) else {
                throw FakeError(
                    status: 405, code: .methodNotAllowed, message: "This path does not support the method")
            }
            throw FakeError(status: 404, code: .notFound, message: "This path does not exist")
        }
        let known = try authenticate(request)
        caller = known
        let isLeaving = request.method == "DELETE" && path == "v1/projects/*/members/*" && ids[1] == known.user.id
        try require(isLeaving ? .ownMembership : access, request, ids, known)
        // A request that fails changes nothing but the use of the token.
        var next = self
        let response = try next.once(request, known) { state in try handler(&state, request, ids, known) }
        self = next
        return response
    }

    private static func route(_ method: String, _ path: String) -> (FakeAccess, Handler)? {
        switch "\(method) \(path)" {
        case "GET v1/auth/whoami":
            return (.anyToken, { state, _, _, caller in try state.whoami(caller) })
        case "GET v1/auth/can":
            return (.anyToken, { state, request, _, caller in try state.can(request, caller) })
        case "GET v1/tokens":
            return (.scope(.tokensRead), { state, request, _, caller in try state.tokenList(request, caller) })
        case "POST v1/tokens":
            return (.scope(.tokensCreate), { state, request, _, caller in try state.createToken(request, caller) })
        case "GET v1/tokens/self":
            return (.anyToken, { state, _, _, caller in try .json(state.model(caller.token)) })
        case "DELETE v1/tokens/self":
            return (.anyToken, { state, _, _, caller in try state.revoke(caller.token.id, caller) })
        case "POST v1/tokens/self/rotate":
            return (.anyToken, { state, request, _, caller in try state.rotate(caller.token.id, request, caller) })
        case "GET v1/tokens/*":
            return (
                .scope(.tokensRead),
                { state, _, ids, caller in try .json(state.model(state.token(ids[0], caller))) }
            )
        case "PATCH v1/tokens/*":
            return (.scope(.tokensUpdate), { state, request, ids, caller in try state.update(ids[0], request, caller) })
        case "DELETE v1/tokens/*":
            return (.scope(.tokensDelete), { state, _, ids, caller in try state.revoke(ids[0], caller) })
        case "POST v1/tokens/*/rotate":
            return (.scope(.tokensUpdate), { state, request, ids, caller in try state.rotate(ids[0], request, caller) })
        case "GET v1/projects":
            return (.scope(.projectsRead), { state, request, _, caller in try state.projectList(request, caller) })
        case "POST v1/projects":
            return (.scope(.projectsCreate), { state, request, _, caller in try state.createProject(request, caller) })
        case "GET v1/projects/*":
            return (.project(.projectsRead), { state, _, ids, caller in try state.project(ids[0], caller) })
        case "PATCH v1/projects/*":
            return (
                .project(.projectsUpdate),
                { state, request, ids, caller in try state.updateProject(ids[0], request, caller) }
            )
        case "DELETE v1/projects/*":
            return (.project(.projectsDelete), { state, _, ids, caller in try state.deleteProject(ids[0], caller) })
        case "GET v1/projects/*/members":
            return (.project(.membersRead), { state, request, ids, _ in try state.members(of: ids[0], request) })
        case "POST v1/projects/*/members":
            return (
                .project(.membersCreate),
                { state, request, ids, caller in try state.invite(to: ids[0], request, caller) }
            )
        case "PATCH v1/projects/*/members/*":
            return (
                .project(.membersUpdate),
                { state, request, ids, caller in try state.updateMember(ids[1], of: ids[0], request, caller) }
            )
        case "DELETE v1/projects/*/members/*":
            return (
                .project(.membersDelete), { state, _, ids, caller in try state.remove(ids[1], from: ids[0], caller) }
            )
        case "POST v1/projects/*/members/*/accept":
            return (.ownMembership, { state, _, ids, caller in try state.accept(ids[1], of: ids[0], caller) })
        case "POST v1/projects/*/members/*/decline":
            return (.ownMembership, { state, _, ids, caller in try state.decline(ids[1], of: ids[0], caller) })
        case "GET v1/invitations":
            return (.anyToken, { state, request, _, caller in try state.invitations(request, caller) })
        case "GET v1/audit-logs":
            return (.scope(.auditLogsRead), { state, request, _, caller in try state.auditLog(request, caller) })
        default: return podRoute(method, path)
        }
    }

    private static func podRoute(_ method: String, _ path: String) -> (FakeAccess, Handler)? {
        switch "\(method) \(path)" {
        case "GET v1/pods":
            return (.scope(.podsRead), { state, request, _, caller in try state.podList(request, caller) })
        case "POST v1/pods":
            return (.scope(.podsCreate), { state, request, _, caller in try state.createPod(request, caller) })
        case "GET v1/pods/*":
            return (.scope(.podsRead), { state, request, ids, caller in try state.getPod(ids[0], request, caller) })
        case "PATCH v1/pods/*":
            return (
                .scope(.podsUpdate), { state, request, ids, caller in try state.updatePod(ids[0], request, caller) }
            )
        case "DELETE v1/pods/*":
            return (
                .scope(.podsDelete), { state, request, ids, caller in try state.deletePod(ids[0], request, caller) }
            )
        case "POST v1/pods/*/start", "POST v1/pods/*/stop", "POST v1/pods/*/restart":
            let action = path.split(separator: "/").last.map(String.init) ?? ""
            return (
                .scope(.podsUpdate),
                { state, request, ids, caller in try state.act(action, ids[0], request, caller) }
            )
        case "GET v1/pods/*/logs":
            return (.scope(.podsRead), { state, request, ids, caller in try state.podLogs(ids[0], request, caller) })
        case "POST v1/pods/*/exec":
            return (.scope(.podsUpdate), { state, request, ids, caller in try state.exec(ids[0], request, caller) })
        case "GET v1/pods/*/metrics":
            return (.scope(.podsRead), { state, request, ids, caller in try state.podMetrics(ids[0], request, caller) })
        case "GET v1/pods/*/events":
            return (.scope(.podsRead), { state, request, ids, caller in try state.podEvents(ids[0], request, caller) })
        case "GET v1/volumes":
            return (.scope(.volumesRead), { state, request, _, caller in try state.volumeList(request, caller) })
        case "POST v1/volumes":
            return (.scope(.volumesCreate), { state, request, _, caller in try state.createVolume(request, caller) })
        case "GET v1/volumes/*":
            return (.scope(.volumesRead), { state, _, ids, caller in try state.getVolume(ids[0], caller) })
        case "DELETE v1/volumes/*":
            return (.scope(.volumesDelete), { state, _, ids, caller in try state.deleteVolume(ids[0], caller) })
        case "GET v1/gpus": return (.anyToken, { state, _, _, _ in try state.gpuList() })
        case "GET v1/billing/wallet":
            return (.scope(.billingRead), { state, _, _, caller in try state.wallet(caller) })
        case "GET v1/billing/usage":
            return (.scope(.billingRead), { state, request, _, caller in try state.usage(request, caller) })
        default: return nil
        }
    }

    // MARK: - Repeated requests

    /// Runs a `POST` with an `Idempotency-Key` once, and returns the stored response to a repeat of it.
    private mutating func once(
        _ request: FakeRequest, _ caller: FakeCaller, _ body: (inout FakeState) throws -> TransportResponse
    ) throws -> TransportResponse {
        guard request.method == "POST", let key = request.header("idempotency-key") else { return try body(&self) }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw FakeError.badRequest(
                "Idempotency-Key must be sent once and have 1 to 255 visible ASCII characters")
        }
        let content = Array((request.segments + [request.project ?? ""]).joined(separator: "/").utf8) + request.body
        if let reply = replies[[caller.token.id, key]], reply.createdAt > now - 86_400 {
            guard reply.request == content else {
                throw FakeError(
                    status: 422, code: .idempotencyKeyReused,
                    message:
                        "This Idempotency-Key was used for a different request: generate a new key for each request")
            }
            var response = reply.response
            response.headers.append(HeaderField("Idempotency-Replayed", "true"))
            return response
        }
        let response = try body(&self)
        var stored = response
        // A secret is not stored.
        if var created = try? APICoding.decode(CreatedToken.self, from: response.body), created.secret != nil {
            created.secret = nil
            created.notice =
                "The first response to this request contained the token, which is not stored; if you lost it, rotate it"
            stored.body = try APICoding.encode(created)
        }
        replies[[caller.token.id, key]] = FakeReply(request: content, response: stored, createdAt: now)
        return response
    }

    // MARK: - The caller

    private func whoami(_ caller: FakeCaller) throws -> TransportResponse {
        try .json(caller.user.model(token: model(caller.token)))
    }

    private func can(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try request.checkQuery(["scope", "project"])
        guard let text = request.query("scope") else { throw FakeError.invalid(["scope": ["is missing"]]) }
        guard let scope = Scope(text) else {
            throw FakeError.invalid(["scope": ["must be a scope, such as projects:read"]])
        }
        let project = request.query("project")
        let missing = try missing(scope, in: project, caller)
        return try .json(
            Permission(
                scope: scope, projectID: project,
                missing: missing.map { Permission.Missing(code: $0.code, message: $0.message) }))
    }
}
