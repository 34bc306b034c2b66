import Podstack

extension Invocation {
    /// Does something in the project of the settings, else in the user's default one.
    func inProject<Result>(_ body: (Client, Project.ID) async throws -> Result) async throws -> Result {
        let client = try client()
        let project = try await projectID(client)
        return try await client.explainingName(project) { try await body(client, project) }
    }

    private func projectID(_ client: Client) async throws -> Project.ID {
        if let id = client.configuration.projectID?.value { return id }
        // Not the project itself, which a token for its members alone may not see.
        if let id = try await client.auth.whoami().defaultProjectID { return id }
        throw CommandError(
            message: "no project is set, and you have no default one",
            hint: "--project ID names one, podstack project use ID keeps it")
    }
}

extension Client {
    /// A project by its id.
    func project(_ id: Project.ID) async throws -> Project {
        try await explainingName(id) { try await projects.get(id) }
    }

    /// When there is no such project, the error says which ones have that text for their name.
    func explainingName<Result>(_ id: Project.ID, _ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch var error as ResourceNotFoundError where error.resourceType == "project" {
            let all = try? await withoutProject.projects.list().all()
            guard let named = all?.filter({ $0.name.lowercased() == id.lowercased() }), !named.isEmpty else {
                throw error
            }
            let ids = named.map(\.id).joined(separator: " and of ")
            error.response.hint = "\"\(id)\" is the name of \(ids); a project is told by its id"
            throw error
        }
    }
}
