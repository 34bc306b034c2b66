import PodstackAPI

/// What keeps a project from being deleted.
struct ProjectContents {
    /// How many of each kind there are; whatever comes to be kept in projects is counted here.
    private let counts: [(kind: String, count: Int)]

    init(of projectID: String, in connection: any DatabaseConnection) throws {
        let members = try MemberStore.count(projectID: projectID, in: connection)
        // The one who deletes it goes with it.
        counts = [("members", max(members - 1, 0))].filter { $0.count > 0 }
    }

    var isEmpty: Bool { counts.isEmpty }

    var refusal: APIError {
        let list = counts.map { "\($0.kind): \($0.count)" }.joined(separator: ", ")
        return APIError(
            status: 409, code: .projectNotEmpty,
            message: "The project is not empty (\(list)): remove what is in it first",
            details: Dictionary(uniqueKeysWithValues: counts.map { ($0.kind, .integer($0.count)) }))
    }
}
