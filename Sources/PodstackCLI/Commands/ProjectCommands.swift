import Podstack
import PodstackAPI
import PodstackCommandLine

/// `podstack project`: the projects of the account, and the project in use.
enum ProjectCommands {
    static let all: [Command] = [list, create, get, update, delete, use, current]

    private static let id = Argument(
        "PROJECT", summary: "the ID or the name of the project", values: .listed(CompletionCommands.projects))

    static let list = Command(
        "project", "list", summary: "List the projects.",
        examples: ["podstack project list", Example("podstack project list -o json", "as JSON, for programs")],
        isPaged: true
    ) { invocation in
        let projects = try await invocation.client().withoutProject.projects.list().all()
        try invocation.write(["projects": projects]) {
            invocation.table(
                ifEmpty: "No projects", ["ID", "NAME", "ROLE", "CREATED"],
                projects.map { [$0.id, $0.name, $0.role?.rawValue ?? "", invocation.displayed($0.createdAt)] })
        }
        return .success
    }

    static let create = Command(
        "project", "create", summary: "Create a project and print its ID.",
        arguments: [Argument("NAME", summary: "the name of the project", count: .optional)],
        flags: [
            Flag("name", value: "NAME", summary: "the name of the project, as an option"),
            Flag("description", value: "TEXT", summary: "what the project is for"),
        ],
        examples: ["podstack project create training --description \"Models of 2027\""]
    ) { invocation in
        let name = try invocation.arguments.givenName(for: "podstack project create")
        let project = try await invocation.client().withoutProject.projects.create(
            name: name, description: invocation.arguments.value("description"))
        try invocation.write(project) { TerminalText.printable(project.id) }
        return .success
    }

    static let get = Command(
        "project", "get", summary: "Show a project.", arguments: [id],
        examples: ["podstack project get training", "podstack project get prj_example -o json"]
    ) { invocation in
        let project = try await invocation.namedProject()
        try invocation.write(project) { details(project, invocation) }
        return .success
    }

    static let update = Command(
        "project", "update", summary: "Change the name or the description of a project.", arguments: [id],
        flags: [
            Flag("name", value: "NAME", summary: "the new name"),
            Flag("description", value: "TEXT", summary: "what the project is for; an empty text removes it"),
            Flag(
                "spend-limit", value: "LIMIT",
                summary: "the most that the pods of the project may cost: \(PodFlags.spendLimitForm), or none"),
        ],
        examples: [
            "podstack project update training --name inference",
            "podstack project update training --spend-limit 100/month",
        ]
    ) { invocation in
        let (name, description) = (invocation.arguments.value("name"), invocation.arguments.value("description"))
        let arguments = invocation.arguments
        guard name != nil || description != nil || arguments.has("spend-limit") else {
            throw UsageError("nothing to change: give --name, --description or --spend-limit")
        }
        let spendLimit = try PodFlags.change("spend-limit", arguments) { try PodFlags.spendLimit(arguments) }
        let id = try await invocation.projectID(of: invocation.arguments.positional[0])
        let project = try await invocation.client().withoutProject.projects.update(
            id, name: name, description: description, spendLimit: spendLimit)
        try invocation.write(project) { details(project, invocation) }
        return .success
    }

    static let delete = Command(
        "project", "delete", summary: "Delete an empty project.", arguments: [id],
        examples: [
            "podstack project delete training",
            Example("podstack project delete prj_example --yes", "without a question"),
        ]
    ) { invocation in
        let text = invocation.arguments.positional[0]
        let id = try await invocation.projectID(of: text)
        let name = id == text ? id : "\"\(text)\" (\(id))"
        try invocation.confirm(TerminalText.printable("Delete the project \(name)?"))
        try await invocation.client().withoutProject.projects.delete(id)
        invocation.inform(TerminalText.printable("Deleted \(id)"))
        invocation.removeSetting(ofProject: id)
        return .success
    }

    static let use = Command(
        "project", "use", summary: "Check that a project exists, and make it the project of the profile.",
        arguments: [id], examples: ["podstack project use training", "podstack project use prj_example --profile work"]
    ) { invocation in
        let project = try await invocation.namedProject()
        try invocation.changeProfile { file, profile in try file.set(.projectID, to: project.id, profile: profile) }
        invocation.inform("[\(invocation.profileName)] uses \(project.id), \(TerminalText.printable(project.name))")
        return .success
    }

    static let current = Command(
        "project", "current", summary: "Show the project in use.",
        examples: ["podstack project current", "podstack project current --project training"]
    ) { invocation in
        let project = try await invocation.client().projects.current()
        try invocation.write(project) { details(project, invocation) }
        return .success
    }

    private static func details(_ project: Project, _ invocation: Invocation) -> String {
        let rows: [(String, String?)] = [
            ("ID", project.id), ("Name", project.name), ("Description", project.description),
            ("Role", project.role?.rawValue), ("Created", invocation.displayed(project.createdAt)),
            ("Spend limit", PodFlags.text(project.spendLimit)),
        ]
        return Details.text(rows.compactMap { name, value in value.flatMap { $0.isEmpty ? nil : (name, $0) } })
    }
}

// MARK: - The project of a command

extension Invocation {
    /// Returns the project that the first argument names.
    fileprivate func namedProject() async throws -> Project {
        let id = try await projectID(of: arguments.positional[0])
        return try await client().withoutProject.projects.get(id)
    }

    /// Runs `body` with the project of the settings or, if none is set, with the default project of the user.
    func inProject<Result>(_ body: (Client, Project.ID) async throws -> Result) async throws -> Result {
        let client = try client()
        let project = try await projectInUse(client)
        return try await explainingName(project) { try await body(client, project) }
    }

    func projectInUse(_ client: Client) async throws -> Project.ID {
        if let id = client.configuration.projectID?.value { return id }
        // From the user and not from the project, which a token with only member scopes may not read.
        if let id = try await client.auth.whoami().defaultProjectID { return id }
        throw CommandError(
            message: "no project is set, and you have no default project",
            hint: "--project selects a project, podstack project use stores one in the profile")
    }

    /// Runs `body`, and adds a hint to its error when the settings contain a name instead of an ID.
    private func explainingName<Result>(_ id: Project.ID, _ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch var error as ResourceNotFoundError where error.resourceType == "project" {
            guard let named = try? await projectID(of: id), named != id else { throw error }
            error.response.hint =
                "\"\(id)\" is the name of \(named): podstack project use stores the ID in the profile"
            throw error
        }
    }
}

// MARK: - The setting of a project that is gone

extension Invocation {
    /// Removes a project that was deleted from the profiles that name it.
    ///
    /// Otherwise almost every later command would fail. A setting that is stored elsewhere is only named.
    fileprivate func removeSetting(ofProject id: Project.ID) {
        let configuration = try? configuration()
        do {
            let path = try CredentialsFile.path(context.environment)
            var file = try CredentialsFile(changing: path)
            let profiles = file.profileNames.filter { file.value(.projectID, profile: $0) == id }
            for profile in profiles { try file.remove(.projectID, profile: profile) }
            if !profiles.isEmpty { try file.save() }
            for profile in profiles {
                inform(TerminalText.printable("Removed project_id from \(path) [\(profile)], which named this project"))
            }
        } catch {
            // The project is deleted, which the command was asked for.
            warn("the setting of the deleted project was not removed: \(ErrorReport(error).body.message)")
        }
        guard let setting = configuration?.projectID, setting.value == id, let advice = adviceForProject(setting.source)
        else { return }
        if case .profile = setting.source { return }
        warn(TerminalText.printable("\(setting.source.onCommandLine) still names the deleted project: \(advice)"))
    }

    /// Returns how to stop using the project that a setting names; nil for an option, which lasts for one command.
    func adviceForProject(_ source: ClientConfiguration.Source) -> String? {
        switch source {
        case .profile(let name, _, _):
            let flag = name == profileName && arguments.value("profile") == nil ? "" : " --profile \(name)"
            return "podstack project use NAME\(flag) selects another project, "
                + "podstack config unset project_id\(flag) removes the setting"
        case .environment(let variable): return "unset \(variable), or set it to another project"
        case .dotEnv(let variable, _, _): return "remove \(variable) from that file, or set it to another project"
        default: return nil
        }
    }

    /// Runs a closure, and adds advice to its error when the project of the settings does not exist.
    func advisingOnProject<Result>(_ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch var error as ResourceNotFoundError where error.resourceType == "project" {
            guard let setting = (try? configuration())?.projectID, setting.value == error.resourceID,
                let advice = adviceForProject(setting.source),
                error.response.hint?.contains("podstack project use") != true
            else { throw error }
            let origin = error.response.hint.map { "\($0). " } ?? ""
            error.response.hint = origin + advice
            throw error
        }
    }
}
