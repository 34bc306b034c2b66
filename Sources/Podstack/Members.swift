public import PodstackAPI

/// The members of the user's projects.
public struct Members: Sendable {
    let pipeline: Pipeline

    /// Returns the members of a project.
    ///
    /// - Parameter project: The project's ID.
    /// - Returns: The members, which are loaded as they are needed.
    public func list(project: Project.ID) -> Paged<Member> { Paged(pipeline: pipeline, path: path(project)) }

    /// Invites a user to a project.
    ///
    /// The user has no access until they accept the invitation, within 24 hours; until then, the member's status is
    /// `invited`.
    ///
    /// - Parameters:
    ///   - email: The email address of a user who has an account.
    ///   - project: The project's ID.
    ///   - role: The role.
    ///   - permissions: The permissions of a `user`.
    /// - Returns: The invited member.
    /// - Throws: ``PermissionError`` if the caller may not add members, ``ValidationError`` if a value is invalid,
    ///   ``QuotaExceededError`` if the caller has too many invitations that are not answered yet.
    public func add(
        _ email: String, to project: Project.ID, role: Member.Role = .user, permissions: [Member.Permission]? = nil
    ) async throws -> Member {
        try await pipeline.call(.post(path(project), NewMember(email: email, role: role, permissions: permissions)))
    }

    /// Changes a member.
    ///
    /// Values that are nil do not change.
    ///
    /// - Parameters:
    ///   - user: The user's ID.
    ///   - project: The project's ID.
    ///   - role: The new role.
    ///   - permissions: The new permissions of a `user`.
    ///   - status: The new state: `active`, or `deactivated` for a member without any permission.
    /// - Returns: The changed member.
    /// - Throws: ``PermissionError`` if the caller may not change members, ``ValidationError`` if a value is invalid.
    public func update(
        _ user: User.ID, of project: Project.ID, role: Member.Role? = nil, permissions: [Member.Permission]? = nil,
        status: Member.Status? = nil
    ) async throws -> Member {
        let update = MemberUpdate(role: role, permissions: permissions, status: status)
        return try await pipeline.call(.patch("\(path(project))/\(Call.segment(user))", update))
    }

    /// Removes a member from a project.
    ///
    /// - Parameters:
    ///   - user: The user's ID.
    ///   - project: The project's ID.
    /// - Throws: ``PermissionError`` if the caller may not remove members.
    public func remove(_ user: User.ID, from project: Project.ID) async throws {
        try await pipeline.call(.delete("\(path(project))/\(Call.segment(user))"))
    }

    /// Removes the user from a project, whatever their role there.
    ///
    /// The last admin of a project cannot leave it, and no user can leave their default project.
    ///
    /// - Parameter project: The project's ID.
    /// - Throws: ``ResourceNotFoundError`` if the user is not a member, ``ValidationError`` if the user cannot leave.
    public func leave(_ project: Project.ID) async throws {
        try await pipeline.call(.delete("\(path(project))/\(Call.segment(try await userID()))"))
    }

    // MARK: - Invitations

    /// Returns the invitations of the user that are neither answered nor expired, newest first.
    ///
    /// - Returns: The invitations, which are loaded as they are needed.
    public func invitations() -> Paged<Invitation> { Paged(pipeline: pipeline, path: "/v1/invitations") }

    /// Accepts the invitation to a project.
    ///
    /// A token that is restricted to other projects cannot accept it.
    ///
    /// - Parameter project: The project's ID.
    /// - Returns: The user as a member of the project.
    /// - Throws: ``ResourceNotFoundError`` if there is no invitation, ``PermissionError`` if the token does not include
    ///   the project.
    public func accept(_ project: Project.ID) async throws -> Member {
        try await pipeline.call(.post("\(path(project))/\(Call.segment(try await userID()))/accept"))
    }

    /// Declines the invitation to a project.
    ///
    /// - Parameter project: The project's ID.
    /// - Throws: ``ResourceNotFoundError`` if there is no invitation.
    public func decline(_ project: Project.ID) async throws {
        try await pipeline.call(.post("\(path(project))/\(Call.segment(try await userID()))/decline"))
    }

    /// Returns the ID of the token's user, which the service compares with the token.
    private func userID() async throws -> User.ID {
        let user: User = try await pipeline.call(.get("/v1/auth/whoami"))
        return user.id
    }

    private func path(_ project: Project.ID) -> String { "/v1/projects/\(Call.segment(project))/members" }
}
