/// The contents of a project that keep it from being deleted.
struct ProjectContents {
    /// Numbers by kind. Every kind of resource that belongs to a project is counted here.
    let counts: [String: Int]

    init(of projectID: String, in connection: any DatabaseConnection) throws {
        let members = try MemberStore.count(projectID: projectID, in: connection)
        // The member who deletes the project does not stand in the way.
        counts = ["members": max(members - 1, 0)].filter { $0.value > 0 }
    }

    var isEmpty: Bool { counts.isEmpty }
}
