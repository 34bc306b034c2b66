import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `/v1/audit-logs`.
struct AuditRoutes: Sendable {
    /// The maximum number of events in one CSV file.
    ///
    /// A response header has the cursor of the rest.
    private static let exportLimit = 10_000

    let database: any Database

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let filter = try AuditFilter(exchange)
        // JSON is the default, also for a client that accepts anything.
        let isExport =
            !ContentNegotiation.accepts("application/json", exchange.request)
            && ContentNegotiation.accepts("text/csv", exchange.request)
        let page = try PageRequest(exchange.request, defaultLimit: isExport ? Self.exportLimit : 50)
        let found = try database.read {
            try AuditStore.list(filter, limit: page.limit + 1, before: page.after?.position, in: $0)
        }
        let (events, next) = page.page(of: found) { Cursor(position: $0.number, id: $0.id) }
        guard isExport else {
            return try .json(Page(elements: events.map(\.apiModel), nextCursor: next?.text))
        }
        var response = Response(status: 200, body: AuditRecord.csv(events))
        response.contentType = "text/csv; charset=utf-8"
        response.set("Content-Disposition", "attachment; filename=\"audit-logs.csv\"")
        if let next { response.set("Podstack-Next-Cursor", next.text) }
        return response
    }
}

// MARK: - The query

extension AuditFilter {
    /// The query parameters that select events.
    static let parameters = ["action", "resource_type", "user", "since", "until", "q"]

    /// Reads the filter of a request: of the account's log, or of the log of the project that the request names and
    /// that the caller is a member of.
    ///
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all parameters.
    init(_ exchange: Exchange) throws {
        let grant = try exchange.caller().token.grant
        var reader = QueryReader(exchange.request, known: Self.parameters + ["limit", "cursor"])
        self.init(
            &reader, of: grant, projectID: exchange.request.header("x-project-id"), since: Self.time,
            until: Self.time)
        try reader.finish()
    }

    /// Reads the filter from query parameters.
    ///
    /// Problems are left in the reader.
    ///
    /// - Parameters:
    ///   - reader: The query.
    ///   - grant: The caller's grant, whose account's log is read.
    ///   - projectID: The project whose log is read in place of the account's. The caller checks that it may be read.
    ///   - since: Reads the first second of the events from its text.
    ///   - until: Reads the first second after the events from its text.
    init(
        _ reader: inout QueryReader, of grant: Grant, projectID: String?,
        since: (String) throws(InvalidValue) -> Int64, until: (String) throws(InvalidValue) -> Int64
    ) {
        self.init(grant, projectID: projectID)
        action = reader.take("action") { $0 }
        resourceType = reader.take("resource_type") { $0 }
        // The log is stored in NFC.
        user = reader.take("user") { Normalization.nfc($0) }
        self.since = reader.take("since", since)
        self.until = reader.take("until", until)
        text = reader.take("q") { Normalization.nfc($0) }
    }

    private static func time(_ text: String) throws(InvalidValue) -> Int64 {
        guard let date = Timestamp.parse(text), abs(date.timeIntervalSince1970) < 1e12 else {
            throw InvalidValue("must be a time such as 2027-01-31T12:00:00Z")
        }
        return Int64(date.timeIntervalSince1970.rounded(.up))
    }
}
