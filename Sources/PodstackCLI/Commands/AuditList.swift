import Podstack

extension Command {
    static let auditList = Command(
        words: ["audit", "list"],
        summary: "List who did what, newest first: in your account, or in the project that is set.",
        flags: [
            .init(name: "since", value: "TIME", summary: "from then on: 2027-01-31, 2027-01-31T12:00:00Z, or 7d ago"),
            .init(name: "until", value: "TIME", summary: "before then; a day counts to its end"),
            .init(name: "action", value: "NAME", summary: "such as create, token_created or member_removed"),
            .init(name: "resource-type", value: "TYPE", summary: "such as project, token, member or user"),
            .init(name: "user", value: "USER", summary: "the e-mail address or the id of who did it"),
            .init(name: "search", value: "TEXT", summary: "what the action, a name, an id or an address contains"),
            .init(name: "all-projects", summary: "of your whole account, though a project is set"),
            .init(name: "limit", value: "N", summary: "at most so many; all unless said"),
            .init(name: "csv", summary: "as a table for spreadsheets"),
        ]
    ) { invocation in
        let arguments = invocation.arguments
        try arguments.nothing()
        guard !arguments.has("csv") || !arguments.has("output") else {
            throw UsageError("--csv and --output cannot both be given")
        }
        let limit = try limit(arguments.value("limit"))
        let now = invocation.context.time.date()
        let since = try arguments.value("since").map { text throws(UsageError) in try Moment.parse(text, now: now) }
        let until = try arguments.value("until").map { text throws(UsageError) in
            try Moment.parse(text, now: now, isEnd: true)
        }
        let events = try logs(invocation).list(
            action: arguments.value("action"), resourceType: arguments.value("resource-type"),
            user: arguments.value("user"), since: since, until: until, containing: arguments.value("search"))
        var writer =
            arguments.has("csv") ? ListWriter(invocation, as: AuditCSVForm()) : AuditColumns.writer(invocation)
        try await writer.writeAll(of: events, limit: limit)
        return .done
    }

    /// A project that somebody set long ago hides the rest of the log: whoever does not name it now is told.
    private static func logs(_ invocation: Invocation) throws -> AuditLogs {
        let isAll = invocation.arguments.has("all-projects")
        guard !isAll || invocation.arguments.value("project") == nil else {
            throw UsageError("--all-projects and --project cannot both be given")
        }
        let client = try invocation.client()
        if isAll { return client.withoutProject.auditLogs }
        if let project = client.configuration.projectID, project.source != .argument("projectID:") {
            invocation.note(
                "Of the project \(project.value) alone, which came from \(project.source.onCommandLine); "
                    + "--all-projects shows the log of your account")
        }
        return client.auditLogs
    }

    private static func limit(_ text: String?) throws(UsageError) -> Int? {
        guard let text else { return nil }
        guard let limit = Int(text), limit > 0 else { throw UsageError("--limit is a number, 1 or more") }
        return limit
    }
}
