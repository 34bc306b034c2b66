import Podstack
import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// MARK: - Records

struct FakeProject: Sendable {
    var id: String
    var accountID: String
    var name: String
    var description: String?
    var createdAt: Int
    /// The members and the invited users.
    var members: [FakeMember]
    var spendLimit: SpendLimit?

    /// The values that the audit log records.
    var audited: [String: JSONValue] {
        var values: [String: JSONValue] = [
            "name": .string(name), "description": description.map(JSONValue.string) ?? .null,
        ]
        values["spend_limit"] = spendLimit?.audited
        return values
    }

    var subject: FakeSubject {
        FakeSubject(type: "project", id: id, name: name, accountID: accountID, projectID: id)
    }
}

struct FakeMember: Sendable {
    var userID: String
    var role: Member.Role
    /// The permissions of a user, in the order of the API; empty for an admin.
    var permissions: [Member.Permission]
    /// The time at which the user became a member or was invited.
    var addedAt: Int
    var isDeactivated = false
    /// The end of the invitation; nil for a member.
    var invitedUntil: Int?
    /// The user who invited; empty for a member.
    var inviterID = ""

    var isInvited: Bool { invitedUntil != nil }
    var isActive: Bool { !isDeactivated && !isInvited }
    var isActiveAdmin: Bool { role == .admin && isActive }
    var status: Member.Status { isInvited ? .invited : isActive ? .active : .deactivated }

    var displayedPermissions: [Member.Permission] {
        role == .admin ? [.create, .read, .update, .delete] : permissions
    }

    /// Returns whether the role allows an operation in its project.
    func allows(_ scope: Scope) -> Bool {
        guard role != .admin else { return true }
        switch (scope.resource, scope.action) {
        // These concern the account and not a project.
        case ("tokens", _), ("projects", "create"): return true
        case ("members", let action): return action == "read" && permissions.contains(.read)
        case (nil, _): return false
        case (_, nil): return permissions.count == 4
        case (_, let action?): return permissions.contains(Member.Permission(rawValue: action))
        }
    }

    func denial(_ reason: String, _ projectID: String) -> FakeError {
        .forbidden(
            .memberForbidden, reason,
            [
                "project_id": .string(projectID), "role": .string(role.rawValue),
                "permissions": .strings(displayedPermissions.map(\.rawValue)), "active": .bool(isActive),
            ])
    }

    /// The values that the audit log records.
    var audited: [String: JSONValue] {
        [
            "role": .string(role.rawValue), "permissions": .strings(displayedPermissions.map(\.rawValue)),
            "status": .string(status.rawValue),
        ]
    }
}

// MARK: - Projects

extension FakeState {
    /// Returns a user's membership or invitation, if it counts.
    func member(_ userID: String, of projectID: String) -> FakeMember? {
        let project = projects.first { $0.id == projectID }
        return project?.members.first { $0.userID == userID && counts($0, in: project) }
    }

    /// Returns whether an invitation has not expired, and its sender may still invite; a membership always counts.
    private func counts(_ member: FakeMember, in project: FakeProject?) -> Bool {
        guard let end = member.invitedUntil else { return true }
        let isAdmin = project?.members.contains { $0.userID == member.inviterID && $0.isActiveAdmin } ?? false
        return end > now && isAdmin && user(member.inviterID)?.isDisabled == false
    }

    private func index(_ projectID: String) throws -> Int {
        guard let index = projects.firstIndex(where: { $0.id == projectID }) else {
            throw FakeError.notFound("project", projectID)
        }
        return index
    }

    private func model(_ project: FakeProject, _ caller: FakeCaller) -> Project {
        let member = member(caller.user.id, of: project.id)
        return Project(
            id: project.id, name: project.name, description: project.description,
            createdAt: Date(seconds: project.createdAt), role: member?.role,
            permissions: member?.displayedPermissions, isDefault: project.id == caller.user.defaultProjectID,
            spendLimit: project.spendLimit)
    }

    func projectList(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        let readable = projects.filter { project in
            let member = member(caller.user.id, of: project.id)
            return member.map { $0.isActive && $0.displayedPermissions.contains(.read) } ?? false
                && caller.token.projectIDs?.contains(project.id) ?? true
        }
        let sorted = readable.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        return try page(request, sorted.map { ($0.createdAt, model($0, caller)) })
    }

    func project(_ id: String, _ caller: FakeCaller) throws -> TransportResponse {
        try .json(model(projects[try index(id)], caller))
    }

    mutating func createProject(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        var fields = try request.fields(of: "a project", ["name", "description"])
        let name = fields.name("name", isRequired: true)
        let description = description(&fields) ?? nil
        try fields.check()
        if let allowed = caller.token.projectIDs {
            throw FakeError.forbidden(
                .projectForbidden, "the token is restricted to some projects and cannot create another",
                ["token_project_ids": .strings(allowed)])
        }
        let count = projects.count { $0.accountID == caller.user.accountID }
        guard count < maxProjects else {
            throw FakeError.quota("projects", "projects", limit: maxProjects, current: count, "delete one first")
        }
        let project = FakeProject(
            id: newID("prj_"), accountID: caller.user.accountID, name: name ?? "", description: description,
            createdAt: now,
            members: [FakeMember(userID: caller.user.id, role: .admin, permissions: [], addedAt: now)])
        projects.append(project)
        record("create", project.subject, by: caller, project.audited)
        return try .json(model(project, caller), status: 201)
    }

    /// Returns the description of a project: `.some(nil)` removes it, nil leaves it as it is.
    private func description(_ fields: inout FakeFields) -> String?? {
        guard let value = fields["description"] else { return nil }
        guard value != .null, value != "" else { return .some(nil) }
        guard let text = value.stringValue else {
            fields.refuse("description", "must be a string or null")
            return nil
        }
        if text.unicodeScalars.count > 1000 { fields.refuse("description", "must have at most 1000 characters") }
        if TokenFormat.isContained(in: text) { fields.refuse("description", "must not contain an API token") }
        return text
    }

    mutating func updateProject(
        _ id: String, _ request: FakeRequest, _ caller: FakeCaller
    ) throws -> TransportResponse {
        var fields = try request.fields(of: "a project", ["name", "description", "spend_limit"])
        let (name, description) = (fields.name("name", isRequired: false), description(&fields))
        let spendLimit = fields.spendLimit()
        try fields.check()
        let index = try index(id)
        let old = projects[index]
        if let spendLimit {
            guard caller.token.spendLimit == nil || spendLimit.map({ $0.isWithin(old.spendLimit ?? $0) }) ?? false
            else {
                throw FakeError.invalid(["spend_limit": ["can only shrink: your token has a spend limit itself"]])
            }
            projects[index].spendLimit = spendLimit
        }
        if let name { projects[index].name = name }
        if let description { projects[index].description = description }
        let new = projects[index]
        if new.audited != old.audited {
            record("update", new.subject, by: caller, Self.changes(old.audited, new.audited))
        }
        return try .json(model(new, caller))
    }

    mutating func deleteProject(_ id: String, _ caller: FakeCaller) throws -> TransportResponse {
        let index = try index(id)
        guard !users.contains(where: { $0.defaultProjectID == id }) else {
            throw FakeError.conflict("A default project cannot be deleted")
        }
        let others = projects[index].members.count { !$0.isInvited } - 1
        guard others == 0 else {
            throw FakeError(
                status: 409, code: .projectNotEmpty,
                message: "The project is not empty (members: \(others)); remove its contents first",
                details: ["members": .integer(others)])
        }
        let project = projects.remove(at: index)
        record("delete", project.subject, by: caller, project.audited)
        return .noContent
    }

    // MARK: - Members

    private func model(_ member: FakeMember) -> Member {
        let user = user(member.userID)
        return Member(
            userID: member.userID, email: user?.email ?? "", name: user?.name, role: member.role,
            permissions: member.displayedPermissions, status: member.status, addedAt: Date(seconds: member.addedAt))
    }

    func members(of id: String, _ request: FakeRequest) throws -> TransportResponse {
        let project = projects[try index(id)]
        let members = project.members.filter { counts($0, in: project) }
        let sorted = members.sorted { ($0.addedAt, $0.userID) > ($1.addedAt, $1.userID) }
        return try page(request, sorted.map { ($0.addedAt, model($0)) })
    }

    private mutating func set(_ member: FakeMember?, _ userID: String, of projectID: String) throws {
        let index = try index(projectID)
        projects[index].members.removeAll { $0.userID == userID }
        if let member { projects[index].members.append(member) }
    }

    private mutating func record(
        _ action: String, _ member: FakeMember, of projectID: String, _ caller: FakeCaller,
        _ details: [String: JSONValue]? = nil
    ) throws {
        let subject = FakeSubject(
            type: "member", id: member.userID, name: user(member.userID)?.email,
            accountID: projects[try index(projectID)].accountID, projectID: projectID)
        record(action, subject, by: caller, details ?? member.audited)
    }

    /// Returns the role and the permissions in a request; nil for those that it does not set.
    private func role(
        _ fields: inout FakeFields, isRequired: Bool
    ) -> (role: Member.Role?, permissions: [Member.Permission]?) {
        let role = fields["role"].map { Member.Role(rawValue: $0.stringValue ?? "") }
        if isRequired, role == nil { fields.refuse("role", "is missing") }
        if let role, role != .admin, role != .user { fields.refuse("role", "must be admin or user") }
        guard fields["permissions"] != nil else {
            if role == .user {
                fields.refuse("permissions", "is missing: the role user has the permissions that it names")
            }
            return (role, nil)
        }
        guard let names = fields.strings("permissions") ?? nil else { return (role, nil) }
        if names.isEmpty || !names.allSatisfy(Scope.actions.contains) {
            fields.refuse("permissions", "must name at least one of create, read, update, delete, and nothing else")
        }
        if role == .admin {
            fields.refuse("permissions", "cannot be combined with the role admin, which has all permissions")
        }
        return (role, Scope.actions.filter(names.contains).map(Member.Permission.init(rawValue:)))
    }

    mutating func invite(to id: String, _ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        var fields = try request.fields(of: "a new member", ["email", "role", "permissions"])
        let email = fields["email"].map { $0.stringValue ?? "" }
        if email == nil { fields.refuse("email", "is missing") }
        if let email, !(email.split(separator: "@", omittingEmptySubsequences: false).map(\.isEmpty) == [false, false])
        {
            fields.refuse("email", "must be an email address")
        }
        let (role, permissions) = role(&fields, isRequired: true)
        try fields.check()
        guard let user = users.first(where: { $0.email.lowercased() == email?.lowercased() }) else {
            throw FakeError(
                status: 404, code: .notFound, message: "No account has that email address",
                details: ["resource_type": "user"])
        }
        if let member = member(user.id, of: id) {
            throw FakeError.conflict(
                member.isInvited
                    ? "That user is already invited to the project and has not answered yet"
                    : "That user is already a member of the project; change the membership instead")
        }
        let member = FakeMember(
            userID: user.id, role: role ?? .user, permissions: permissions ?? [], addedAt: now,
            invitedUntil: now + 86_400, inviterID: caller.user.id)
        try set(member, user.id, of: id)
        try record("member_invited", member, of: id, caller)
        return try .json(model(member), status: 201)
    }

    mutating func updateMember(
        _ userID: String, of id: String, _ request: FakeRequest, _ caller: FakeCaller
    ) throws -> TransportResponse {
        var fields = try request.fields(of: "a member", ["role", "permissions", "status"])
        let (role, permissions) = role(&fields, isRequired: false)
        let status = fields["status"].map { $0.stringValue ?? "" }
        if let status, !["active", "deactivated"].contains(status) {
            fields.refuse("status", "must be active or deactivated")
        }
        try fields.check()
        guard let old = member(userID, of: id) else { throw FakeError.notFound("member", userID) }
        var member = old
        if role == .admin { (member.role, member.permissions) = (.admin, []) }
        if let permissions, role != .admin {
            guard role == .user || old.role != .admin else {
                throw FakeError.invalid([
                    "permissions": ["cannot be set for an admin, who has all: set the role user with them"]
                ])
            }
            (member.role, member.permissions) = (.user, permissions)
        }
        if let status {
            guard !old.isInvited else {
                throw FakeError.conflict(
                    "The user has not accepted the invitation yet; only the user can become active by accepting it")
            }
            member.isDeactivated = status == "deactivated"
        }
        guard member.audited != old.audited else { return try .json(model(old)) }
        if member.isInvited { member.inviterID = caller.user.id }
        if member.isDeactivated { try checkNotDefault(old, id) }
        if old.isActiveAdmin, !member.isActiveAdmin { try checkOtherAdmin(id) }
        try set(member, userID, of: id)
        let action =
            old.isActive == member.isActive
            ? "permissions_changed" : member.isActive ? "member_activated" : "member_deactivated"
        try record(action, member, of: id, caller, Self.changes(old.audited, member.audited))
        return try .json(model(member))
    }

    mutating func remove(_ userID: String, from id: String, _ caller: FakeCaller) throws -> TransportResponse {
        let isLeaving = userID == caller.user.id
        guard let member = member(userID, of: id) else {
            throw isLeaving ? FakeError.notFound("project", id) : .notFound("member", userID)
        }
        if !member.isInvited {
            try checkNotDefault(member, id)
            if member.isActiveAdmin { try checkOtherAdmin(id) }
        }
        let action = !isLeaving ? "member_removed" : member.isInvited ? "invitation_declined" : "member_left"
        try record(action, member, of: id, caller)
        try set(nil, userID, of: id)
        return .noContent
    }

    private func checkOtherAdmin(_ id: String) throws {
        guard projects[try index(id)].members.count(where: \.isActiveAdmin) > 1 else {
            throw FakeError.conflict("That is the project's last admin; make another member an admin first")
        }
    }

    private func checkNotDefault(_ member: FakeMember, _ id: String) throws {
        guard user(member.userID)?.defaultProjectID != id else {
            throw FakeError.conflict(
                "The project is the default project of that member and cannot be taken from them")
        }
    }

    // MARK: - Invitations

    func invitations(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        let received = projects.compactMap { project -> (position: Int, element: Invitation)? in
            guard let member = member(caller.user.id, of: project.id), let end = member.invitedUntil,
                caller.token.projectIDs?.contains(project.id) ?? true
            else { return nil }
            return (
                member.addedAt,
                Invitation(
                    projectID: project.id, projectName: project.name, role: member.role,
                    permissions: member.displayedPermissions, invitedBy: user(member.inviterID)?.email ?? "",
                    createdAt: Date(seconds: member.addedAt), expiresAt: Date(seconds: end))
            )
        }
        return try page(
            request, received.sorted { ($0.position, $0.element.projectID) > ($1.position, $1.element.projectID) })
    }

    private func invitation(_ userID: String, of id: String, _ caller: FakeCaller) throws -> FakeMember {
        if userID != caller.user.id {
            guard let member = member(caller.user.id, of: id), !member.isInvited else {
                throw FakeError.notFound("project", id)
            }
            throw member.denial("only the invited user can accept or decline an invitation", id)
        }
        guard let member = member(userID, of: id), member.isInvited else { throw FakeError.notFound("invitation", id) }
        return member
    }

    mutating func accept(_ userID: String, of id: String, _ caller: FakeCaller) throws -> TransportResponse {
        if userID == caller.user.id, let member = member(userID, of: id), member.isActive {
            return try .json(model(member))
        }
        var member = try invitation(userID, of: id, caller)
        (member.addedAt, member.invitedUntil) = (now, nil)
        try set(member, userID, of: id)
        try record("invitation_accepted", member, of: id, caller)
        return try .json(model(member))
    }

    mutating func decline(_ userID: String, of id: String, _ caller: FakeCaller) throws -> TransportResponse {
        let member = try invitation(userID, of: id, caller)
        try record("invitation_declined", member, of: id, caller)
        try set(nil, userID, of: id)
        return .noContent
    }
}
