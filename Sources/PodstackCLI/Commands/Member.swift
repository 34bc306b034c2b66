import Podstack

extension Command {
    static let memberList = Command(
        words: ["member", "list"], summary: "List the people of a project: that of --project, else the one in use."
    ) { invocation in
        try invocation.arguments.nothing()
        let members = try await invocation.inProject { client, project in
            try await client.members.list(project: project).all()
        }
        try invocation.write(["members": members]) { MemberDetails.table(members, isWide: invocation.format == .wide) }
        return .done
    }

    static let memberAdd = Command(
        words: ["member", "add"], summary: "Add somebody who has an account to a project; prints their id.",
        usage: "EMAIL",
        flags: [
            .init(
                name: "role", value: "ROLE", summary: "admin, or user with some permissions; user unless said",
                takes: .words(["admin", "user"])),
            .init(
                name: "permission", value: "P", summary: "of a user: \(choices); read unless said; may be repeated",
                isRepeatable: true, takes: .words(Scope.actions)),
        ]
    ) { invocation in
        let email = try invocation.arguments.only("the EMAIL of who is to be added")
        let role = try role(invocation) ?? "user"
        let permissions = try permissions(invocation) ?? (role == "user" ? ["read"] : nil)
        try await invocation.inProject { client, project in
            let member = try await client.members.add(email, to: project, role: role, permissions: permissions)
            try invocation.write(member) { Table.printable(member.userID) }
            let note = "Added \(member.email) to \(project), as \(MemberDetails.rights(member))"
            invocation.note(Table.printable(note))
        }
        return .done
    }

    static let memberUpdate = Command(
        words: ["member", "update"], summary: "Change what a member of a project may do.", usage: "EMAIL-OR-ID",
        flags: [
            .init(
                name: "role", value: "ROLE", summary: "admin, or user with some permissions",
                takes: .words(["admin", "user"])),
            .init(
                name: "permission", value: "P", summary: "all that a user may do: \(choices); may be repeated",
                isRepeatable: true, takes: .words(Scope.actions)),
            .init(
                name: "status", value: "STATUS", summary: "deactivated keeps the member without any right; active",
                takes: .words(["active", "deactivated"])),
        ]
    ) { invocation in
        let who = try invocation.arguments.only(whom)
        let (role, permissions) = (try role(invocation), try permissions(invocation))
        let status = try invocation.arguments.choice("status", of: ["active", "deactivated"])
        guard role != nil || permissions != nil || status != nil else {
            throw UsageError("nothing to change: --role, --permission or --status")
        }
        guard role != "user" || permissions != nil else {
            throw UsageError("--role user needs --permission: \(choices)")
        }
        let member = try await invocation.inProject { client, project in
            let id = try await client.memberID(who, of: project)
            return try await client.members.update(
                id, of: project, role: role, permissions: permissions, status: status)
        }
        try invocation.write(member) { MemberDetails.text(member) }
        return .done
    }

    static let memberRemove = Command(
        words: ["member", "remove"], summary: "Take somebody out of a project.", usage: "EMAIL-OR-ID"
    ) { invocation in
        let who = try invocation.arguments.only(whom)
        try await invocation.inProject { client, project in
            // Who is none is no question to ask.
            let id = try await client.memberID(who, of: project)
            try invocation.confirm(Table.printable("Remove \(who) from the project \(project)?"))
            try await client.members.remove(id, from: project)
            invocation.note(Table.printable("Removed \(who) from \(project)"))
        }
        return .done
    }

    private static let whom = "the EMAIL or the ID of the member"
    private static let choices = Scope.actions.joined(separator: ", ")

    /// Told before anything is asked of the service, in the words of the command line.
    private static func role(_ invocation: Invocation) throws(UsageError) -> String? {
        let role = try invocation.arguments.choice("role", of: ["admin", "user"])
        guard role != "admin" || !invocation.arguments.has("permission") else {
            throw UsageError("--role admin takes no --permission: an admin has all")
        }
        return role
    }

    private static func permissions(_ invocation: Invocation) throws(UsageError) -> [String]? {
        guard let permissions = invocation.arguments.values("permission") else { return nil }
        guard !permissions.isEmpty, permissions.allSatisfy(Scope.actions.contains) else {
            throw UsageError("--permission is any of \(choices)")
        }
        return permissions
    }
}

extension Client {
    /// The id of a member, whose address people have at hand rather.
    fileprivate func memberID(_ who: String, of project: Project.ID) async throws -> User.ID {
        guard who.contains("@") else { return who }
        for try await member in members.list(project: project) where member.email.lowercased() == who.lowercased() {
            return member.userID
        }
        throw CommandError(
            message: "\(who) is not a member of \(project)", hint: "podstack member list shows who is",
            status: .notFound)
    }
}
