import Podstack
import PodstackAPI
import PodstackCommandLine

/// `podstack member`: the members of a project.
enum MemberCommands {
    static let all: [Command] = [list, add, update, remove, invitations, accept, decline, leave]

    private static let member = Argument(
        "MEMBER", summary: "the email address, the ID or the name of the member",
        values: .listed(CompletionCommands.members))
    private static let actions = Scope.actions.joined(separator: ", ")

    private static func role(_ summary: String) -> Flag {
        Flag("role", value: "ROLE", summary: summary, values: .choices(["admin", "user"]))
    }

    private static func permission(_ summary: String) -> Flag {
        Flag("permission", value: "P", summary: summary, isRepeatable: true, values: .choices(Scope.actions))
    }

    static let list = Command(
        "member", "list", summary: "List the members of the project of --project, or of the project in use.",
        examples: ["podstack member list", "podstack member list --project training -o wide"], isPaged: true
    ) { invocation in
        let members = try await invocation.inProject { client, project in
            try await client.members.list(project: project).all()
        }
        try invocation.write(["members": members]) { table(members, invocation) }
        return .success
    }

    static let add = Command(
        "member", "add",
        summary:
            "Invite a user who has an account to a project, and print the ID of the user. The invitation "
            + "expires after 24 hours.",
        arguments: [Argument("EMAIL", summary: "the email address of the user to invite")],
        flags: [
            role("admin, or user with permissions (default: user)"),
            permission("a permission of a user: \(actions) (default: read); may be repeated"),
        ],
        examples: [
            "podstack member add friend@example.com --permission create,read --project training",
            "podstack member add friend@example.com --role admin",
        ]
    ) { invocation in
        let email = invocation.arguments.positional[0]
        let role = try role(invocation) ?? "user"
        let permissions =
            invocation.arguments.list("permission")?.map(Member.Permission.init(rawValue:))
            ?? (role == .user ? [.read] : nil)
        try await invocation.inProject { client, project in
            let member = try await client.members.add(email, to: project, role: role, permissions: permissions)
            try invocation.write(member) { TerminalText.printable(member.userID) }
            invocation.inform(
                TerminalText.printable("Invited \(member.email) to \(project), as \(rights(member))"))
        }
        return .success
    }

    static let update = Command(
        "member", "update", summary: "Change the role, the permissions or the status of a member.",
        arguments: [member],
        flags: [
            role("admin, or user with permissions"),
            permission("a permission of a user, replacing the former ones: \(actions); may be repeated"),
            Flag(
                "status", value: "STATUS",
                summary: "active, or deactivated, which keeps the member but removes all access",
                values: .choices(["active", "deactivated"])),
        ],
        examples: [
            "podstack member update friend@example.com --permission read,update",
            "podstack member update friend@example.com --status deactivated",
        ]
    ) { invocation in
        let arguments = invocation.arguments
        let role = try role(invocation)
        let permissions = arguments.list("permission")?.map(Member.Permission.init(rawValue:))
        let status = arguments.value("status").map(Member.Status.init(rawValue:))
        guard role != nil || permissions != nil || status != nil else {
            throw UsageError("nothing to change: give --role, --permission or --status")
        }
        guard role != "user" || permissions != nil else {
            throw UsageError("--role user needs --permission: \(actions)")
        }
        let member = try await invocation.inProject { client, project in
            let id = try await client.memberID(arguments.positional[0], of: project)
            return try await client.members.update(
                id, of: project, role: role, permissions: permissions, status: status)
        }
        try invocation.write(member) { details(member, invocation) }
        return .success
    }

    static let remove = Command(
        "member", "remove", summary: "Remove a member from a project.", arguments: [member],
        examples: ["podstack member remove friend@example.com --project training"]
    ) { invocation in
        let member = invocation.arguments.positional[0]
        try await invocation.inProject { client, project in
            // Before the confirmation, which is pointless for a user who is not a member.
            let id = try await client.memberID(member, of: project)
            try invocation.confirm(TerminalText.printable("Remove \(member) from the project \(project)?"))
            try await client.members.remove(id, from: project)
            invocation.inform(TerminalText.printable("Removed \(member) from \(project)"))
        }
        return .success
    }

    // MARK: - Own membership

    private static let project = Argument(
        "PROJECT", summary: "the ID or the name of the project", values: .listed(CompletionCommands.projects))

    private static let invitedProject = Argument(
        "PROJECT", summary: "the ID or the name of the project", values: .listed(CompletionCommands.invitations))

    static let invitations = Command(
        "member", "invitations", summary: "List the invitations to projects that you have not answered yet.",
        examples: ["podstack member invitations"], isPaged: true
    ) { invocation in
        let invitations = try await invocation.client().withoutProject.members.invitations().all()
        try invocation.write(["invitations": invitations]) {
            invocation.table(
                ifEmpty: "No invitations", ["PROJECT-ID", "PROJECT", "ROLE", "PERMISSIONS", "INVITED BY", "EXPIRES"],
                invitations.map { each in
                    [
                        each.projectID, each.projectName, each.role.rawValue,
                        permissions(each.role, each.permissions), each.invitedBy, invocation.displayed(each.expiresAt),
                    ]
                })
        }
        return .success
    }

    static let accept = Command(
        "member", "accept", summary: "Accept the invitation to a project, and print the ID of the project.",
        arguments: [invitedProject], examples: ["podstack member accept training"]
    ) { invocation in
        let project = try await invocation.invitedProjectID()
        let member = try await invocation.client().withoutProject.members.accept(project)
        try invocation.write(member) { TerminalText.printable(project) }
        invocation.inform(TerminalText.printable("You are a member of \(project), as \(rights(member))"))
        return .success
    }

    static let decline = Command(
        "member", "decline", summary: "Decline the invitation to a project.", arguments: [invitedProject],
        examples: ["podstack member decline training"]
    ) { invocation in
        let project = try await invocation.invitedProjectID()
        try await invocation.client().withoutProject.members.decline(project)
        invocation.inform(TerminalText.printable("Declined the invitation to \(project)"))
        return .success
    }

    static let leave = Command(
        "member", "leave", summary: "Leave a project: you and your tokens lose access to it.", arguments: [project],
        examples: ["podstack member leave training"]
    ) { invocation in
        let project = try await invocation.projectID(of: invocation.arguments.positional[0])
        try invocation.confirm(TerminalText.printable("Leave the project \(project)?"))
        try await invocation.client().withoutProject.members.leave(project)
        invocation.inform(TerminalText.printable("You are no longer a member of \(project)"))
        return .success
    }

    /// Returns the role of `--role`, checked before any request.
    private static func role(_ invocation: Invocation) throws(UsageError) -> Member.Role? {
        let role = invocation.arguments.value("role").map(Member.Role.init(rawValue:))
        guard role != "admin" || !invocation.arguments.has("permission") else {
            throw UsageError("--role admin cannot be combined with --permission: an admin has all permissions")
        }
        return role
    }

    // MARK: - Output

    private static func table(_ members: [Member], _ invocation: Invocation) -> String {
        let isWide = invocation.format == .wide
        return invocation.table(
            ifEmpty: "No members",
            ["ID", "EMAIL", "ROLE", "PERMISSIONS", "STATUS"] + (isWide ? ["NAME", "ADDED"] : []),
            members.map { member in
                [
                    member.userID, member.email, member.role.rawValue, permissions(member), member.status.rawValue,
                ]
                    + (isWide ? [member.name ?? "", Timestamp.format(member.addedAt)] : [])
            })
    }

    private static func details(_ member: Member, _ invocation: Invocation) -> String {
        Details.text([
            ("ID", member.userID), ("Email", member.email), ("Name", member.name ?? ""), ("Role", member.role.rawValue),
            ("Permissions", permissions(member)), ("Status", member.status.rawValue),
            ("Added", invocation.displayed(member.addedAt)),
        ])
    }

    /// Returns the rights of a member, as in "user with create, read".
    private static func rights(_ member: Member) -> String {
        member.role == "admin" ? "admin" : "\(member.role) with \(member.permissions.joined(separator: ", "))"
    }

    private static func permissions(_ member: Member) -> String { permissions(member.role, member.permissions) }

    private static func permissions(_ role: Member.Role, _ permissions: [Member.Permission]) -> String {
        role == "admin" ? "all" : permissions.joined(separator: " ")
    }
}

extension Invocation {
    /// Returns the ID of the project of an invitation that the first argument names.
    fileprivate func invitedProjectID() async throws -> Project.ID {
        let text = arguments.positional[0]
        guard !text.hasPrefix("prj_") else { return text }
        let invitations = try await client().withoutProject.members.invitations().all()
        let candidates = invitations.map { each in
            NameLookup.Candidate(id: each.projectID, name: each.projectName, description: "from \(each.invitedBy)")
        }
        let lookup = NameLookup(
            kind: "invitation", listCommand: "podstack member invitations", candidates: candidates)
        guard let id = try lookup.id(of: text) else { throw lookup.notFound(text) }
        return id
    }
}

extension Client {
    /// Returns the ID of the member with an ID, an email address or a name.
    fileprivate func memberID(_ member: String, of project: Project.ID) async throws -> User.ID {
        guard !member.hasPrefix("usr_") else { return member }
        let all = try await members.list(project: project).all()
        if let found = all.first(where: { $0.email.lowercased() == member.lowercased() }) { return found.userID }
        let candidates = all.map { each in
            NameLookup.Candidate(id: each.userID, name: each.name ?? "", description: each.email)
        }
        let lookup = NameLookup(kind: "member", listCommand: "podstack member list", candidates: candidates)
        if !member.isEmpty, let id = try lookup.id(of: member) { return id }
        throw CommandError(
            message: "\(TerminalText.printable(member)) is not a member of \(project)",
            hint: "podstack member list lists the members", status: .notFound)
    }
}
