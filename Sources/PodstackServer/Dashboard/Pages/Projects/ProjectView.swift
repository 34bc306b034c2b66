import PodstackAPI

/// A project, and what whoever looks at it may do there.
struct ProjectView {
    let project: ProjectRecord
    let membership: Membership
    let isDefault: Bool
    private let authority: Authority

    /// Throws when the user may not do what `scope` says in the project, or cannot see it at all.
    init(_ scope: Scope, _ projectID: String, _ session: WebSession, in connection: any DatabaseConnection) throws {
        authority = try Authority(of: session.user, in: connection)
        try authority.require(scope, in: projectID)
        guard let membership = authority.memberships[projectID],
            let project = try ProjectStore.find(projectID, in: connection)
        else { throw DomainError.notFound(.project, id: projectID) }
        self.project = project
        self.membership = membership
        isDefault = session.user.defaultProjectID == projectID
    }

    func may(_ scope: Scope) -> Bool { (try? authority.require(scope, in: project.id)) != nil }

    var link: Link { Link("/projects", project.id) }
}

extension Role {
    /// Such as `user: read, update`.
    var said: String {
        switch self {
        case .admin: "admin"
        case .user: "user: " + (permissions.isEmpty ? "nothing" : permissions.joined(separator: ", "))
        }
    }
}
