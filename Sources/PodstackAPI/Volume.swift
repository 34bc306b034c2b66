#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A volume: a directory of a project that outlives the pods that mount it.
public struct Volume: Codable, Sendable, Hashable, Identifiable {
    /// The ID: `vol_` and 20 base62 characters.
    public var id: String
    /// The name, which is unique in the project.
    public var name: String
    /// The ID of the project.
    public var projectID: Project.ID
    /// The time of creation.
    public var createdAt: Date
    /// The user and the token that created the volume.
    public var createdBy: Pod.Creator
    /// The pods that mount the volume.
    public var podIDs: [Pod.ID]

    /// Creates a volume's description.
    ///
    /// - Parameters:
    ///   - id: The ID: `vol_` and 20 base62 characters.
    ///   - name: The name, which is unique in the project.
    ///   - projectID: The ID of the project.
    ///   - createdAt: The time of creation.
    ///   - createdBy: The user and the token that created the volume.
    ///   - podIDs: The pods that mount the volume.
    public init(
        id: String, name: String, projectID: Project.ID, createdAt: Date, createdBy: Pod.Creator, podIDs: [Pod.ID]
    ) {
        self.id = id
        self.name = name
        self.projectID = projectID
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.podIDs = podIDs
    }

    private enum CodingKeys: String, CodingKey {
        case id, name
        case projectID = "project_id"
        case createdAt = "created_at"
        case createdBy = "created_by"
        case podIDs = "pod_ids"
    }
}

extension Volume: Listed {
    package static var listKey: String { "volumes" }
}
