public import PodstackAPI

/// The projects of the user.
///
/// A project groups pods, volumes and members.
///
/// Source: Next Steps, Project Context.
public struct Projects: Sendable {
    let pipeline: Pipeline

    /// Returns the projects that the user is a member of and the token is valid for.
    ///
    /// - Returns: The projects, which are loaded as they are needed.
    public func list() -> Paged<Project> { Paged(pipeline: pipeline, path: "/v1/projects") }

    /// Returns a project.
    ///
    /// - Parameter id: The project's ID.
    /// - Returns: The project.
    /// - Throws: ``ResourceNotFoundError`` if the project does not exist, or the user cannot see it.
    public func get(_ id: Project.ID) async throws -> Project {
        try await pipeline.call(.get("/v1/projects/\(Call.segment(id))"))
    }

    /// Returns the project of requests that name none: the client's own, or the user's default.
    ///
    /// - Returns: The project.
    /// - Throws: ``ConfigurationError`` if there is none, ``ResourceNotFoundError`` if the user cannot see it.
    public func current() async throws -> Project {
        if let id = pipeline.project?.value { return try await get(id) }
        let user: User = try await pipeline.call(.get("/v1/auth/whoami"))
        guard let id = user.defaultProjectID else { throw ErrorMapping.noProject() }
        return try await get(id)
    }

    /// Creates a project, whose admin is the user.
    ///
    /// - Parameters:
    ///   - name: The name.
    ///   - description: The description, or nil.
    /// - Returns: The new project.
    /// - Throws: ``PermissionError`` if the token may not create projects, ``ValidationError`` if a value is invalid.
    public func create(name: String, description: String? = nil) async throws -> Project {
        try await pipeline.call(.post("/v1/projects", NewProject(name: name, description: description)))
    }

    /// Changes a project.
    ///
    /// Values that are nil do not change.
    ///
    /// - Parameters:
    ///   - id: The project's ID.
    ///   - name: The new name.
    ///   - description: The new description; an empty one removes it.
    ///   - spendLimit: The change of the most that the pods of the project may cost.
    /// - Returns: The changed project.
    /// - Throws: ``PermissionError`` if the caller may not change it, ``ValidationError`` if a value is invalid.
    public func update(
        _ id: Project.ID, name: String? = nil, description: String? = nil,
        spendLimit: LimitChange<SpendLimit> = .unchanged
    ) async throws -> Project {
        let update = ProjectUpdate(name: name, description: description, spendLimit: spendLimit)
        return try await pipeline.call(.patch("/v1/projects/\(Call.segment(id))", update))
    }

    /// Deletes an empty project.
    ///
    /// - Parameter id: The project's ID.
    /// - Throws: ``ValidationError`` with the code `project_not_empty` if the project still contains resources.
    public func delete(_ id: Project.ID) async throws {
        try await pipeline.call(.delete("/v1/projects/\(Call.segment(id))"))
    }
}
