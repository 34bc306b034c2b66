import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `/v1/audit-logs`.
struct AuditRoutes: Sendable {
    let services: Services

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let filter = try AuditFilter(exchange)
        // JSON is the default, also for a client that accepts anything.
        let isExport =
            !ContentNegotiation.accepts("application/json", exchange.request)
            && ContentNegotiation.accepts("text/csv", exchange.request)
        let page = try PageRequest(exchange.request, defaultLimit: isExport ? AuditExport.maxEvents : 50)
        guard !isExport else { return try export(filter, page, exchange) }
        let found = try services.database.read {
            try AuditStore.page(filter, limit: page.limit, page.auditRange, maxBytes: PageRequest.maxBytes, in: $0)
        }
        let next = found.end.map { Cursor(position: $0.number, id: $0.id) }
        return try .json(Page(elements: found.events.map(\.apiModel), nextCursor: next?.text))
    }

    /// Returns the events as a CSV file; a header has the cursor of the rest.
    private func export(_ filter: AuditFilter, _ page: PageRequest, _ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let file = try AuditExport.begin(
            .init(
                filter: filter, limit: page.limit, range: page.auditRange,
                actor: Actor(exchange.request, caller), requirement: exchange.requirement,
                accountID: caller.token.accountID), services)
        var response = file.response
        response.set("Content-Disposition", "attachment; filename=\"audit-logs.csv\"")
        if let last = file.last {
            response.set("Podstack-Next-Cursor", Cursor(position: last.number, id: last.id).text)
        }
        return response
    }
}

// MARK: - The query

extension PageRequest {
    /// The events from which the page is taken.
    fileprivate var auditRange: AuditRange { after.map { .before($0.position) } ?? .all }
}

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
