import PodstackAPI

/// The people of a project.
public struct Members: Sendable {
    let pipeline: Pipeline

    public func list(project: Project.ID) -> Paged<Member> { Paged(pipeline: pipeline, path: path(project)) }

    /// Adds somebody who has an account.
    ///
    /// - Parameters:
    ///   - email: Their address.
    ///   - project: The project's id.
    ///   - role: `admin`, or `user` with some permissions.
    ///   - permissions: Of a `user`: any of `create`, `read`, `update`, `delete`.
    public func add(
        _ email: String, to project: Project.ID, role: String = "user", permissions: [String]? = nil
    ) async throws -> Member {
        try await pipeline.call(.post(path(project), NewMember(email: email, role: role, permissions: permissions)))
    }

    /// Changes what is not nil; a `status` of `deactivated` keeps a member without any right.
    public func update(
        _ user: User.ID, of project: Project.ID, role: String? = nil, permissions: [String]? = nil,
        status: String? = nil
    ) async throws -> Member {
        let update = MemberUpdate(role: role, permissions: permissions, status: status)
        return try await pipeline.call(.patch("\(path(project))/\(Call.segment(user))", update))
    }

    public func remove(_ user: User.ID, from project: Project.ID) async throws {
        try await pipeline.call(.delete("\(path(project))/\(Call.segment(user))"))
    }

    private func path(_ project: Project.ID) -> String { "/v1/projects/\(Call.segment(project))/members" }
}
