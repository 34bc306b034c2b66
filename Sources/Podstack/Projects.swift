import PodstackAPI

/// Projects group pods, volumes and people. Source: Next Steps, Project Context.
public struct Projects: Sendable {
    let pipeline: Pipeline

    /// Those that the user is a member of and the token is good for.
    public func list() -> Paged<Project> { Paged(pipeline: pipeline, path: "/v1/projects") }

    /// Throws ``ResourceNotFoundError`` when there is none that the user can see.
    public func get(_ id: Project.ID) async throws -> Project {
        try await pipeline.call(.get("/v1/projects/\(Call.segment(id))"))
    }

    /// The project that operations use when none is named: the client's own, else the user's default.
    public func current() async throws -> Project {
        if let id = pipeline.project?.value { return try await get(id) }
        let user: User = try await pipeline.call(.get("/v1/auth/whoami"))
        guard let id = user.defaultProjectID else { throw ErrorMapping.noProject() }
        return try await get(id)
    }

    /// Makes a project; its maker is its admin.
    public func create(name: String, description: String? = nil) async throws -> Project {
        try await pipeline.call(.post("/v1/projects", NewProject(name: name, description: description)))
    }

    /// Changes what is not nil; an empty description takes it away.
    public func update(
        _ id: Project.ID, name: String? = nil, description: String? = nil
    ) async throws -> Project {
        let update = ProjectUpdate(name: name, description: description)
        return try await pipeline.call(.patch("/v1/projects/\(Call.segment(id))", update))
    }

    /// Deletes an empty project. Throws ``ValidationError`` with code `project_not_empty` when something is left in it.
    public func delete(_ id: Project.ID) async throws {
        try await pipeline.call(.delete("/v1/projects/\(Call.segment(id))"))
    }
}
