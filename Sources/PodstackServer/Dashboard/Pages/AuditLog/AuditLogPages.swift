import PodstackAPI

/// `/audit-log`: what happened, as a page, as a file, and as a stream of what is new.
struct AuditLogPages: Sendable {
    /// The most entries of one file.
    static let exported = 10_000

    private let database: any Database
    private let watch: AuditWatch

    init(_ service: Services, _ watch: AuditWatch) {
        database = service.database
        self.watch = watch
    }

    @Sendable func show(_ visit: Visit) throws -> Response {
        let query = try query(visit)
        var stopwatch = Stopwatch()
        let page = query.mistake == nil ? try read(query, visit.signedIn()) : nil
        stopwatch.note("read")
        var response = Document("Audit Log", .auditLog, for: visit) {
            AuditFilterForm(query: query)
            if let page { AuditTable(query: query, page: page) }
        }.response(status: page == nil ? 422 : 200)
        stopwatch.note("render")
        response.set("Server-Timing", stopwatch.header)
        return response
    }

    @Sendable func export(_ visit: Visit) throws -> Response {
        let query = try query(visit).checked()
        let found = try database.read {
            try AuditStore.list(query.filter, limit: Self.exported + 1, before: nil, in: $0)
        }
        var response = Response(status: 200, body: AuditRecord.csv(Array(found.prefix(Self.exported))))
        let name = found.count > Self.exported ? "audit-log-newest-\(Self.exported)" : "audit-log"
        response.contentType = "text/csv; charset=utf-8"
        response.set("Content-Disposition", "attachment; filename=\"\(name).csv\"")
        response.set("X-Content-Type-Options", "nosniff")
        return response
    }

    @Sendable func events(_ visit: Visit) throws -> Response {
        let query = try query(visit).checked()
        let session = try visit.signedIn()
        // A browser that comes back says where it was.
        let known = visit.request.header("last-event-id").flatMap { Int64($0) }
        guard let after = known ?? query.number else { throw ErrorResponse.badRequest("after is missing") }
        let watcher = AuditWatcher(
            sessionID: session.id, accountID: try database.read { try account(query, session, $0) },
            filter: query.filter, after: after,
            mayWatch: { connection in
                let authority = try Authority(of: session.user, in: connection)
                return (try? authority.require(.auditLogsRead, in: query.projectID)) != nil
            },
            messages: { events, connection in
                AuditMessages.encode(events, try ProjectStore.names(userID: session.user.id, in: connection))
            })
        var response = Response(status: 200)
        response.stream = try watch.watch(watcher)
        response.contentType = "text/event-stream"
        // A proxy that collects what it passes on would hold it back.
        response.set("X-Accel-Buffering", "no")
        response.set("X-Content-Type-Options", "nosniff")
        return response
    }

    private func query(_ visit: Visit) throws -> AuditQuery {
        let session = try visit.signedIn()
        return try AuditQuery(visit.request) { projectID in
            try database.read { try Authority(of: session.user, in: $0).require(.auditLogsRead, in: projectID) }
            return session.user.grant
        }
    }

    /// Whose log it is.
    private func account(
        _ query: AuditQuery, _ session: WebSession, _ connection: any DatabaseConnection
    ) throws -> String {
        guard let id = query.projectID else { return session.user.accountID }
        return try ProjectStore.find(id, in: connection)?.accountID ?? session.user.accountID
    }

    private func read(_ query: AuditQuery, _ session: WebSession) throws -> AuditPage {
        try database.read { connection in
            let account = try account(query, session, connection)
            let isMore = try AuditStore.has(moreThan: Self.exported, query.filter, in: connection)
            return AuditPage(
                query, events: try events(query, connection),
                projects: try ProjectStore.names(userID: session.user.id, in: connection),
                newest: try AuditStore.newest(of: [account], in: connection)[account] ?? 0, isMoreThanFile: isMore)
        }
    }

    /// One more than the page holds, when there is one.
    private func events(_ query: AuditQuery, _ connection: any DatabaseConnection) throws -> [AuditRecord] {
        switch query.place {
        case .newest: try AuditStore.list(query.filter, limit: query.limit + 1, before: nil, in: connection)
        case .before(let number):
            try AuditStore.list(query.filter, limit: query.limit + 1, before: number, in: connection)
        case .after(let number):
            try AuditStore.list(query.filter, limit: query.limit + 1, after: number, in: connection)
        }
    }
}

/// What a page of the audit log shows.
struct AuditPage {
    /// Newest first.
    let events: [AuditRecord]
    let projects: [String: String]
    let hasOlder: Bool
    let hasNewer: Bool
    /// The number of the newest entry of the whole log, shown or not.
    let newest: Int64
    let isMoreThanFile: Bool

    /// - Parameter found: One more than the page holds, when there is one.
    init(
        _ query: AuditQuery, events found: [AuditRecord], projects: [String: String], newest: Int64,
        isMoreThanFile: Bool
    ) {
        let isMore = found.count > query.limit
        let part = Array(found.prefix(query.limit))
        switch query.place {
        case .newest: (events, hasOlder, hasNewer) = (part, isMore, false)
        case .before: (events, hasOlder, hasNewer) = (part, isMore, true)
        case .after: (events, hasOlder, hasNewer) = (part.reversed(), true, isMore)
        }
        self.projects = projects
        self.newest = newest
        self.isMoreThanFile = isMoreThanFile
    }
}
