import PodstackAPI

/// `/v1/audit-logs`.
struct AuditRoutes: Sendable {
    /// The most events of one export; its header says where the rest begins.
    private static let exported = 10_000

    let database: any Database

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let filter = try AuditFilter(exchange)
        // JSON unless it was not asked for: a browser, say, takes anything.
        let isExport =
            !ContentNegotiation.accepts("application/json", exchange.request)
            && ContentNegotiation.accepts("text/csv", exchange.request)
        let page = try PageRequest(exchange.request, defaultLimit: isExport ? Self.exported : 50)
        let found = try database.read {
            try AuditStore.list(filter, limit: page.limit + 1, before: page.after?.position, in: $0)
        }
        let (events, next) = page.page(of: found) { Cursor(position: $0.number, id: $0.id) }
        guard isExport else {
            return try .json(Page(elements: events.map(\.shown), nextCursor: next?.text))
        }
        var response = Response(status: 200, body: AuditExport.encode(events))
        response.contentType = "text/csv; charset=utf-8"
        response.set("Content-Disposition", "attachment; filename=\"audit-logs.csv\"")
        if let next { response.set("Podstack-Next-Cursor", next.text) }
        return response
    }
}
