import Podstack
import PodstackAPI
import PodstackCommandLine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `podstack audit`: the audit log.
enum AuditCommands {
    static let all: [Command] = [list]

    static let list = Command(
        "audit", "list",
        summary: "List the audit log, newest events first: of your account, or of the project that is set.",
        flags: [
            Flag(
                "since", value: "TIME",
                summary: "events from this time: 2027-01-31, 2027-01-31T12:00:00Z, or 7d for 7 days ago"),
            Flag("until", value: "TIME", summary: "events before this time; a date includes that day"),
            Flag("action", value: "NAME", summary: "an action, such as create, token_created or member_removed"),
            Flag("resource-type", value: "TYPE", summary: "a resource type, such as project, token, member or user"),
            Flag("user", value: "USER", summary: "the email address or the ID of the user who acted"),
            Flag("search", value: "TEXT", summary: "text in the action, or in a name, an ID or an address"),
            Flag("all-projects", summary: "the log of the whole account, even when a project is set"),
            Flag("limit", value: "N", summary: "the maximum number of events (default: all)"),
            Flag("csv", summary: "write CSV, for spreadsheets"),
        ],
        examples: [
            "podstack audit list --since 7d --action token_created",
            "podstack audit list --limit 20 --all-projects",
            Example("podstack audit list --since 2027-01-01 --until 2027-01-31 --csv >january.csv", "for spreadsheets"),
        ], isPaged: true
    ) { invocation in
        let arguments = invocation.arguments
        guard !arguments.has("csv") || !arguments.has("output") else {
            throw UsageError("--csv and --output cannot both be given: give one of them")
        }
        let limit = try arguments.count("limit")
        let now = invocation.context.time.date()
        let since = try arguments.time("since", now: now, isEnd: false)
        let until = try arguments.time("until", now: now, isEnd: true)
        let events = try logs(invocation).list(
            action: arguments.value("action"), resourceType: arguments.value("resource-type"),
            user: arguments.value("user"), since: since, until: until, containing: arguments.value("search"))
        var writer = arguments.has("csv") ? ListWriter(invocation, formatter: AuditCSVFormatter()) : table(invocation)
        try await writer.writeAll(of: events, limit: limit)
        return .success
    }

    /// Returns the log of the project or the account.
    ///
    /// Tells the user about a project that was set earlier, because it hides the rest of the log.
    private static func logs(_ invocation: Invocation) throws -> AuditLogs {
        let isAll = invocation.arguments.has("all-projects")
        guard !isAll || invocation.arguments.value("project") == nil else {
            throw UsageError("--all-projects and --project cannot both be given: give one of them")
        }
        let client = try invocation.client()
        if isAll { return client.withoutProject.auditLogs }
        if let project = client.configuration.projectID, project.source != .argument("projectID:") {
            invocation.inform(
                "Only events of the project \(project.value), which is set by \(project.source.onCommandLine); "
                    + "--all-projects shows the log of your account")
        }
        return client.auditLogs
    }

    // MARK: - Columns

    private typealias Column = (name: String, value: @Sendable (AuditEvent) -> String?)

    private static let columns: [Column] = [
        ("USER", { $0.userEmail ?? $0.userID }),
        ("ACTION", { $0.action }), ("TYPE", { $0.resourceType }), ("NAME", { $0.resourceName ?? $0.resourceID }),
        ("IP ADDRESS", { $0.ipAddress }),
    ]

    private static let wideColumns: [Column] = [
        ("ID", { $0.resourceID }), ("PROJECT", { $0.projectID }), ("TOKEN", { $0.tokenID }),
        ("USER AGENT", { $0.userAgent }), ("EVENT", { $0.id }),
    ]

    private static func table(_ invocation: Invocation) -> ListWriter<AuditEvent> {
        let columns = columns + (invocation.format == .wide ? wideColumns : [])
        return ListWriter(
            invocation, ifEmpty: "No events", header: ["TIME"] + columns.map(\.name),
            row: { event in
                [invocation.displayed(event.createdAt)] + columns.map { $0.value(event) ?? "" }
            })
    }
}

extension Arguments {
    /// Returns the time of a flag: a time, a day in UTC, or a length of time before now.
    ///
    /// A day stands for its start or, if `isEnd` is true, for its end.
    func time(_ flag: String, now: Date, isEnd: Bool) throws(UsageError) -> Date? {
        guard let text = value(flag) else { return nil }
        if let time = Timestamp.parse(text) { return time }
        // Only a day of the calendar is formatted as it was written: February 31 would become a day of March.
        if let day = Timestamp.parse(text + "T00:00:00Z"), Timestamp.format(day).hasPrefix(text + "T") {
            return isEnd ? day.addingTimeInterval(86_400) : day
        }
        if let duration = Self.duration(of: text) {
            return now.addingTimeInterval(-Double(duration.components.seconds))
        }
        throw UsageError(
            "--\(flag): invalid time \"\(Self.displayed(text))\": use 2027-01-31, 2027-01-31T12:00:00Z, or a time "
                + "ago such as 30m, 12h or 7d")
    }
}
