public import PodstackAPI

/// The volumes: disks that outlive the pods that mount them.
public struct Volumes: Sendable {
    let pipeline: Pipeline

    /// Returns the volumes, newest first.
    ///
    /// - Parameter projectID: The ID of a project; nil for the client's own, else all that the token is valid for.
    /// - Returns: The volumes, which are loaded as they are needed.
    public func list(projectID: Project.ID? = nil) -> Paged<Volume> {
        Paged(pipeline: pipeline.inProject(projectID), path: "/v1/volumes")
    }

    /// Creates an empty volume.
    ///
    /// - Parameters:
    ///   - name: The name, which is unique in the project: 1 to 63 characters of `a-z`, `0-9` and `-`.
    ///   - projectID: The ID of the project; nil for the client's own, else the user's default project.
    /// - Returns: The new volume.
    /// - Throws: ``QuotaExceededError`` if the account has too many volumes, ``ValidationError`` if the name is invalid or
    ///   exists.
    public func create(name: String, projectID: Project.ID? = nil) async throws -> Volume {
        let call = try Call.post("/v1/volumes", NewVolume(name: name, projectID: projectID))
        return try await (projectID == nil ? pipeline : pipeline.withoutProject).call(call)
    }

    /// Returns a volume.
    ///
    /// - Parameter id: The volume's ID.
    /// - Returns: The volume.
    /// - Throws: ``ResourceNotFoundError`` if the volume does not exist, or the user cannot see it.
    public func get(_ id: Volume.ID) async throws -> Volume { try await pipeline.call(.get(path(id))) }

    /// Deletes a volume and everything on it.
    ///
    /// - Parameter id: The volume's ID.
    /// - Throws: ``ConflictError`` with the pods that mount the volume, if there are some.
    public func delete(_ id: Volume.ID) async throws { try await pipeline.call(.delete(path(id))) }

    private func path(_ id: Volume.ID) -> String { "/v1/volumes/\(Call.segment(id))" }
}

/// The body of `POST /v1/volumes`.
private struct NewVolume: Encodable {
    var name: String
    var projectID: Project.ID?

    private enum CodingKeys: String, CodingKey {
        case name
        case projectID = "project_id"
    }
}
