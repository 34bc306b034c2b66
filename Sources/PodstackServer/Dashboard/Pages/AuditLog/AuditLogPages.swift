import PodstackAPI

/// The audit log as the page `/audit-log`, as a CSV file and as a stream of new entries.
struct AuditLogPages: Sendable {
    /// The most entries in a CSV file.
    static let exportLimit = AuditExport.maxEvents
    /// The bytes of entries after which a page ends before its limit.
    private static let maxBytes = 512 << 10

    private let services: Services
    private let watch: AuditWatch

    private var database: any Database { services.database }

    init(_ services: Services, _ watch: AuditWatch) {
        self.services = services
        self.watch = watch
    }

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        let query = try query(exchange)
        var timing = ServerTiming()
        let page = query.errors == nil ? try page(query, exchange.signedIn()) : nil
        timing.mark("read")
        var response = Document("Audit log", .auditLog, for: exchange) {
            AuditFilterForm(query: query)
            if let page { AuditTable(query: query, page: page) }
        }.response(status: page == nil ? 422 : 200)
        timing.mark("render")
        response.set("Server-Timing", timing.header)
        return response
    }

    @Sendable func export(_ exchange: PageExchange) throws -> Response {
        let query = try query(exchange).validated()
        let file = try AuditExport.begin(
            .init(
                filter: query.filter, limit: Self.exportLimit, actor: try exchange.actor(),
                accountID: try exchange.signedIn().user.accountID), services)
        var response = file.response
        let name = file.last == nil ? "audit-log" : "audit-log-newest-\(Self.exportLimit)"
        response.set("Content-Disposition", "attachment; filename=\"\(name).csv\"")
        response.set("X-Content-Type-Options", "nosniff")
        return response
    }

    @Sendable func events(_ exchange: PageExchange) throws -> Response {
        let query = try query(exchange).validated()
        let session = try exchange.signedIn()
        // A browser that reconnects sends the number of the last event that it received.
        let lastReceived = exchange.request.header("last-event-id").flatMap { Int64($0) }
        guard let after = lastReceived ?? query.after else {
            throw ErrorResponse.badRequest("The query parameter after is missing")
        }
        let watcher = AuditWatcher(
            sessionID: session.id, viewerAccountID: session.user.accountID,
            accountID: try database.read { try accountID(query, session, $0) },
            filter: query.filter, after: after,
            mayWatch: { connection in
                let authority = try Authority(of: session.user, in: connection)
                return (try? authority.require(.auditLogsRead, in: query.projectID)) != nil
            },
            messages: { events, connection in
                AuditStreamMessages.encode(events, try ProjectStore.names(userID: session.user.id, in: connection))
            })
        var response = Response(status: 200)
        response.stream = try watch.watch(watcher)
        response.contentType = "text/event-stream"
        // Keeps proxies from buffering the stream.
        response.set("X-Accel-Buffering", "no")
        response.set("X-Content-Type-Options", "nosniff")
        return response
    }

    private func query(_ exchange: PageExchange) throws -> AuditLogQuery {
        let session = try exchange.signedIn()
        return try AuditLogQuery(exchange.request) { projectID in
            try database.read { try Authority(of: session.user, in: $0).require(.auditLogsRead, in: projectID) }
            return session.user.grant
        }
    }

    /// Returns the ID of the account whose log the query reads.
    private func accountID(
        _ query: AuditLogQuery, _ session: WebSession, _ connection: any DatabaseConnection
    ) throws -> String {
        guard let id = query.projectID else { return session.user.accountID }
        return try ProjectStore.find(id, in: connection)?.accountID ?? session.user.accountID
    }

    private func page(_ query: AuditLogQuery, _ session: WebSession) throws -> AuditLogPage {
        try database.read { connection in
            let account = try accountID(query, session, connection)
            let exceedsExport = try AuditStore.has(moreThan: Self.exportLimit, query.filter, in: connection)
            let (found, hasMore) = try events(query, connection)
            return AuditLogPage(
                query, found: found, hasMore: hasMore,
                projectNames: try ProjectStore.names(userID: session.user.id, in: connection),
                newest: try AuditStore.newest(of: [account], in: connection)[account] ?? 0,
                exceedsExport: exceedsExport)
        }
    }

    /// Returns the entries of a page, and whether there are more.
    private func events(
        _ query: AuditLogQuery, _ connection: any DatabaseConnection
    ) throws -> (events: [AuditRecord], hasMore: Bool) {
        let maxBytes = Self.maxBytes
        return switch query.position {
        case .newest:
            try AuditStore.page(query.filter, limit: query.limit, before: nil, maxBytes: maxBytes, in: connection)
        case .before(let number):
            try AuditStore.page(query.filter, limit: query.limit, before: number, maxBytes: maxBytes, in: connection)
        case .after(let number):
            try AuditStore.page(query.filter, limit: query.limit, after: number, maxBytes: maxBytes, in: connection)
        }
    }
}

/// The entries of one page of the audit log.
struct AuditLogPage {
    /// The entries, newest first.
    let events: [AuditRecord]
    /// The names of the viewer's projects, by ID.
    let projectNames: [String: String]
    let hasOlder: Bool
    let hasNewer: Bool
    /// The number of the newest entry of the whole log, whether the filter includes it or not.
    let newest: Int64
    /// Whether a CSV file cannot hold all entries of the filter.
    let exceedsExport: Bool

    /// Creates a page from the entries that the database returned.
    ///
    /// - Parameters:
    ///   - query: The query.
    ///   - found: The entries of the page.
    ///   - hasMore: Whether more entries follow in the direction of the query.
    ///   - projectNames: The names of the viewer's projects, by ID.
    ///   - newest: The number of the newest entry of the log.
    ///   - exceedsExport: Whether a CSV file cannot hold all entries of the filter.
    init(
        _ query: AuditLogQuery, found: [AuditRecord], hasMore: Bool, projectNames: [String: String], newest: Int64,
        exceedsExport: Bool
    ) {
        switch query.position {
        case .newest: (events, hasOlder, hasNewer) = (found, hasMore, false)
        case .before: (events, hasOlder, hasNewer) = (found, hasMore, true)
        case .after: (events, hasOlder, hasNewer) = (found.reversed(), true, hasMore)
        }
        self.projectNames = projectNames
        self.newest = newest
        self.exceedsExport = exceedsExport
    }
}

/// Measures the parts of a response for its Server-Timing header.
///
/// Source: Server Timing, W3C.
struct ServerTiming {
    private var last = ContinuousClock.now
    private(set) var header = ""

    /// Records the time since the last mark under a name.
    mutating func mark(_ part: StaticString) {
        let now = ContinuousClock.now
        let microseconds = (now - last) / .microseconds(1)
        header += (header.isEmpty ? "" : ", ") + "\(part);dur=\(microseconds.rounded() / 1000)"
        last = now
    }
}
