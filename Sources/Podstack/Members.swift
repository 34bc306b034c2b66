public import PodstackAPI

/// The members of the user's projects.
public struct Members: Sendable {
    let pipeline: Pipeline

    /// Returns the members of a project.
    ///
    /// - Parameter project: The project's ID.
    /// - Returns: The members, which are loaded as they are needed.
    public func list(project: Project.ID) -> Paged<Member> { Paged(pipeline: pipeline, path: path(project)) }

    /// Adds a user to a project.
    ///
    /// - Parameters:
    ///   - email: The email address of a user who has an account.
    ///   - project: The project's ID.
    ///   - role: The role: `admin` or `user`.
    ///   - permissions: The permissions of a `user`: any of `create`, `read`, `update` and `delete`.
    /// - Returns: The new member.
    /// - Throws: ``PermissionError`` if the caller may not add members, ``ValidationError`` if a value is invalid.
    public func add(
        _ email: String, to project: Project.ID, role: String = "user", permissions: [String]? = nil
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
    ///   - role: The new role: `admin` or `user`.
    ///   - permissions: The new permissions of a `user`: any of `create`, `read`, `update` and `delete`.
    ///   - status: The new state: `active`, or `deactivated` for a member without any permission.
    /// - Returns: The changed member.
    /// - Throws: ``PermissionError`` if the caller may not change members, ``ValidationError`` if a value is invalid.
    public func update(
        _ user: User.ID, of project: Project.ID, role: String? = nil, permissions: [String]? = nil,
        status: String? = nil
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

    private func path(_ project: Project.ID) -> String { "/v1/projects/\(Call.segment(project))/members" }
}
