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
            AuditFilterForm(query: query, page: page)
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
                filter: query.filter, limit: Self.exportLimit,
                actor: Actor(try exchange.signedIn(), from: exchange.origin),
                requirement: .scope(.auditLogsRead, in: query.projectID),
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
                let authority = Authority(session.user.grant, in: connection)
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
            try database.read { try Authority(session.user.grant, in: $0).require(.auditLogsRead, in: projectID) }
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
            let exportEnd = try AuditStore.end(ofPage: Self.exportLimit, query.filter, in: connection)
            return AuditLogPage(
                query,
                found: try AuditStore.page(
                    query.filter, limit: query.limit, query.range, maxBytes: Self.maxBytes, in: connection),
                projectNames: try ProjectStore.names(userID: session.user.id, in: connection),
                newest: try AuditStore.newest(of: [account], in: connection)[account] ?? 0,
                exceedsExport: exportEnd != nil)
        }
    }
}

/// The entries of one page of the audit log.
struct AuditLogPage {
    /// The entries, newest first.
    let events: [AuditRecord]
    /// The names of the viewer's projects, by ID.
    let projectNames: [String: String]
    /// The number before which the older entries begin; nil if there are none.
    let older: Int64?
    /// The number after which the newer entries begin; nil if there are none.
    let newer: Int64?
    /// Whether the page ends because enough entries were searched, not because it is full or the log ends.
    let isSearchedInPart: Bool
    /// The number of the newest entry of the whole log, whether the filter includes it or not.
    let newest: Int64
    /// Whether a CSV file cannot hold all entries of the filter.
    let exceedsExport: Bool

    /// Creates a page from the entries that the database returned.
    ///
    /// - Parameters:
    ///   - query: The query.
    ///   - found: The entries of the page, in the direction of the query.
    ///   - projectNames: The names of the viewer's projects, by ID.
    ///   - newest: The number of the newest entry of the log.
    ///   - exceedsExport: Whether a CSV file cannot hold all entries of the filter.
    init(
        _ query: AuditLogQuery, found: AuditPage, projectNames: [String: String], newest: Int64, exceedsExport: Bool
    ) {
        // Plain numbers and one assignment of each property: the optimizer of Swift 6.3.1 ends with an error otherwise.
        let found = (events: found.events, end: Self.number(of: found.end))
        let first = found.events.first?.number
        let last = found.events.last?.number
        var (older, newer) = (found.end, nil as Int64?)
        var isReversed = false
        switch query.position {
        case .newest: break
        case .before(let number): newer = first ?? max(0, number - 1)
        case .after(let number):
            (older, newer) = (first ?? min(number, .max - 1) + 1, found.end)
            isReversed = true
        }
        events = isReversed ? found.events.reversed() : found.events
        self.older = older
        self.newer = newer
        isSearchedInPart = found.end != nil && found.end != last
        self.projectNames = projectNames
        self.newest = newest
        self.exceedsExport = exceedsExport
    }

    private static func number(of position: AuditEventPosition?) -> Int64? { position?.number }
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
