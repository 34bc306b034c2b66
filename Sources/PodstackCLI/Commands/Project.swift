import Podstack

extension Command {
    static let projectList = Command(words: ["project", "list"], summary: "List the projects.") { invocation in
        try invocation.arguments.nothing()
        let projects = try await invocation.client().withoutProject.projects.list().all()
        try invocation.write(["projects": projects]) {
            Table.text(
                ["ID", "NAME", "ROLE", "CREATED"],
                projects.map { [$0.id, $0.name, $0.role ?? "", Timestamp.format($0.createdAt)] })
        }
        return .done
    }

    static let projectCreate = Command(
        words: ["project", "create"], summary: "Make a project; prints its id.", usage: "NAME",
        flags: [.init(name: "description", value: "TEXT", summary: "what it is for")]
    ) { invocation in
        let name = try invocation.arguments.only("the NAME of the project")
        let project = try await invocation.client().withoutProject.projects.create(
            name: name, description: invocation.arguments.value("description"))
        try invocation.write(project) { Table.printable(project.id) }
        return .done
    }

    static let projectGet = Command(
        words: ["project", "get"], summary: "Show a project.", usage: "ID"
    ) { invocation in
        let project = try await invocation.client().withoutProject.project(
            try invocation.arguments.only("the ID of the project"))
        try invocation.write(project) { ProjectDetails.text(project) }
        return .done
    }

    static let projectUpdate = Command(
        words: ["project", "update"], summary: "Change a project's name or description.", usage: "ID",
        flags: [
            .init(name: "name", value: "NAME", summary: "its new name"),
            .init(name: "description", value: "TEXT", summary: "what it is for; empty takes it away"),
        ]
    ) { invocation in
        let id = try invocation.arguments.only("the ID of the project")
        let (name, description) = (invocation.arguments.value("name"), invocation.arguments.value("description"))
        guard name != nil || description != nil else { throw UsageError("nothing to change: --name or --description") }
        let project = try await invocation.client().withoutProject.projects.update(
            id, name: name, description: description)
        try invocation.write(project) { ProjectDetails.text(project) }
        return .done
    }

    static let projectDelete = Command(
        words: ["project", "delete"], summary: "Delete an empty project.", usage: "ID"
    ) { invocation in
        let id = try invocation.arguments.only("the ID of the project")
        try invocation.confirm("Delete the project \(id)?")
        try await invocation.client().withoutProject.projects.delete(id)
        invocation.note("Deleted \(id)")
        return .done
    }

    static let projectCurrent = Command(
        words: ["project", "current"], summary: "Show the project that operations use."
    ) { invocation in
        try invocation.arguments.nothing()
        let project = try await invocation.client().projects.current()
        try invocation.write(project) { ProjectDetails.text(project) }
        return .done
    }

    static let projectUse = Command(
        words: ["project", "use"], summary: "Make a project the one of the profile, after looking that it is there.",
        usage: "ID"
    ) { invocation in
        let id = try invocation.arguments.only("the ID of the project")
        let project = try await invocation.client().withoutProject.project(id)
        try invocation.changeProfile { file, profile in try file.set(.projectID, to: project.id, profile: profile) }
        invocation.note("[\(invocation.profileName)] uses \(project.id), \(Table.printable(project.name))")
        return .done
    }
}

private enum ProjectDetails {
    static func text(_ project: Project) -> String {
        Details.text([
            ("ID", project.id), ("Name", project.name), ("Description", project.description ?? ""),
            ("Role", project.role ?? ""), ("Created", Timestamp.format(project.createdAt)),
        ])
    }
}
