import Podstack
import PodstackAPI
import PodstackCommandLine

/// `podstack project`: the projects of the account, and the project in use.
enum ProjectCommands {
    static let all: [Command] = [list, create, get, update, delete, use, current]

    private static let id = Argument("ID", summary: "the ID of the project")

    static let list = Command("project", "list", summary: "List the projects.") { invocation in
        let projects = try await invocation.client().withoutProject.projects.list().all()
        try invocation.write(["projects": projects]) {
            Table.text(
                ["ID", "NAME", "ROLE", "CREATED"],
                projects.map { [$0.id, $0.name, $0.role?.rawValue ?? "", Timestamp.format($0.createdAt)] })
        }
        return .success
    }

    static let create = Command(
        "project", "create", summary: "Create a project and print its ID.",
        arguments: [Argument("NAME", summary: "the name of the project")],
        flags: [Flag("description", value: "TEXT", summary: "what the project is for")]
    ) { invocation in
        let project = try await invocation.client().withoutProject.projects.create(
            name: invocation.arguments.positional[0], description: invocation.arguments.value("description"))
        try invocation.write(project) { TerminalText.printable(project.id) }
        return .success
    }

    static let get = Command("project", "get", summary: "Show a project.", arguments: [id]) { invocation in
        let project = try await invocation.client().withoutProject.project(invocation.arguments.positional[0])
        try invocation.write(project) { details(project) }
        return .success
    }

    static let update = Command(
        "project", "update", summary: "Change the name or the description of a project.", arguments: [id],
        flags: [
            Flag("name", value: "NAME", summary: "the new name"),
            Flag("description", value: "TEXT", summary: "what the project is for; an empty text removes it"),
        ]
    ) { invocation in
        let (name, description) = (invocation.arguments.value("name"), invocation.arguments.value("description"))
        guard name != nil || description != nil else {
            throw UsageError("nothing to change: give --name or --description")
        }
        let project = try await invocation.client().withoutProject.projects.update(
            invocation.arguments.positional[0], name: name, description: description)
        try invocation.write(project) { details(project) }
        return .success
    }

    static let delete = Command("project", "delete", summary: "Delete an empty project.", arguments: [id]) {
        invocation in
        let id = invocation.arguments.positional[0]
        try invocation.confirm("Delete the project \(id)?")
        try await invocation.client().withoutProject.projects.delete(id)
        invocation.inform("Deleted \(id)")
        return .success
    }

    static let use = Command(
        "project", "use", summary: "Check that a project exists, and make it the project of the profile.",
        arguments: [id]
    ) { invocation in
        let project = try await invocation.client().withoutProject.project(invocation.arguments.positional[0])
        try invocation.changeProfile { file, profile in try file.set(.projectID, to: project.id, profile: profile) }
        invocation.inform("[\(invocation.profileName)] uses \(project.id), \(TerminalText.printable(project.name))")
        return .success
    }

    static let current = Command("project", "current", summary: "Show the project in use.") { invocation in
        let project = try await invocation.client().projects.current()
        try invocation.write(project) { details(project) }
        return .success
    }

    private static func details(_ project: Project) -> String {
        Details.text([
            ("ID", project.id), ("Name", project.name), ("Description", project.description ?? ""),
            ("Role", project.role?.rawValue ?? ""), ("Created", Timestamp.format(project.createdAt)),
        ])
    }
}

// MARK: - The project of a command

extension Invocation {
    /// Runs `body` with the project of the settings or, if none is set, with the default project of the user.
    func inProject<Result>(_ body: (Client, Project.ID) async throws -> Result) async throws -> Result {
        let client = try client()
        let project = try await projectID(client)
        return try await client.explainingName(project) { try await body(client, project) }
    }

    private func projectID(_ client: Client) async throws -> Project.ID {
        if let id = client.configuration.projectID?.value { return id }
        // From the user and not from the project, which a token with only member scopes may not read.
        if let id = try await client.auth.whoami().defaultProjectID { return id }
        throw CommandError(
            message: "no project is set, and you have no default project",
            hint: "--project ID selects a project, podstack project use ID stores it in the profile")
    }
}

extension Client {
    /// Returns a project by its ID.
    fileprivate func project(_ id: Project.ID) async throws -> Project {
        try await explainingName(id) { try await projects.get(id) }
    }

    /// Runs `body`, and adds a hint to its error when a project name was given instead of an ID.
    fileprivate func explainingName<Result>(
        _ id: Project.ID, _ body: () async throws -> Result
    ) async throws -> Result {
        do { return try await body() } catch var error as ResourceNotFoundError where error.resourceType == "project" {
            let all = try? await withoutProject.projects.list().all()
            guard let named = all?.filter({ $0.name.lowercased() == id.lowercased() }), !named.isEmpty else {
                throw error
            }
            let ids = named.map(\.id).joined(separator: " and ")
            error.response.hint = "\"\(id)\" is the name of \(ids): use the ID"
            throw error
        }
    }
}
