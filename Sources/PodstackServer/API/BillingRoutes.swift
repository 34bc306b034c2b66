import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `/v1/gpus` and `/v1/billing`.
struct BillingRoutes: Sendable {
    let database: any Database
    let billing: Billing
    let link: EngineLink
    /// Returns the time in seconds since 1970.
    let now: @Sendable () -> Int64

    @Sendable func gpus(_ exchange: Exchange) throws -> Response {
        var reader = QueryReader(exchange.request, known: ["limit", "cursor"])
        _ = reader.take("limit") { $0 }
        try reader.finish()
        let counts = link.capabilities?.gpus
        let gpus = try database.read { try PriceList.offers(engine: counts, in: $0) }.map { offer in
            GPU(
                id: offer.type.name, memory: offer.type.memoryGigabytes.map(Int.init), total: offer.total,
                available: offer.available, pricePerHour: Amount(millionths: offer.type.pricePerHour))
        }
        return try .json(Page(elements: gpus, nextCursor: nil))
    }

    @Sendable func wallet(_ exchange: Exchange) throws -> Response {
        try QueryReader(exchange.request, known: []).finish()
        let accountID = try exchange.caller().token.accountID
        let time = now() * 1000
        let month = SpendLimit(amount: .zero, period: .month).periodStart(at: time)
        let wallet = try database.read { connection in
            let credited = try BillingStore.credited(accountID: accountID, in: connection)
            let spent = try billing.spent(.account(accountID), since: 0, now: time, in: connection)
            let thisMonth = try billing.spent(.account(accountID), since: month, now: time, in: connection)
            return Wallet(
                balance: Amount(millionths: credited - spent), credited: Amount(millionths: credited),
                spent: Amount(millionths: spent), spentThisMonth: Amount(millionths: thisMonth))
        }
        return try .json(wallet)
    }

    @Sendable func usage(_ exchange: Exchange) throws -> Response {
        let time = now()
        let query = try UsageQuery(exchange.request, now: time)
        let grant = try exchange.caller().token.grant
        var selection = BillingStore.Selection(
            accountID: grant.accountID, projectIDs: grant.projectIDs, begin: query.from * 1000, end: query.to * 1000)
        // The project of the header may belong to another account; the caller is a member of it.
        if case .scope(_, let projectID?, _) = exchange.requirement {
            (selection.accountID, selection.projectIDs) = (nil, [projectID])
        }
        let (rows, total) = try billing.usage(
            selection, by: query.grouping, for: grant, now: time * 1000, in: database)
        return try .json(
            Usage(
                from: Date(query.from), to: Date(query.to), groupBy: query.grouping, rows: rows,
                totalCost: Amount(millionths: total)))
    }
}

/// The query of `GET /v1/billing/usage`.
struct UsageQuery {
    /// The longest period of a report.
    private static let maximumDays: Int64 = 400
    private static let groupings: [Usage.Grouping] = [.day, .token, .project, .pod]

    /// Seconds since 1970.
    var from: Int64
    /// Seconds since 1970; the period ends before it.
    var to: Int64
    var grouping = Usage.Grouping.day

    /// Reads the query; the default is this month so far, by day.
    ///
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all parameters.
    init(_ request: Request, now: Int64) throws {
        var reader = QueryReader(request, known: ["from", "to", "group_by"])
        let from = reader.take("from", Self.time)
        let to = reader.take("to", Self.time)
        let grouping = reader.take("group_by") { text throws(InvalidValue) in
            guard let grouping = Self.groupings.first(where: { $0.rawValue == text }) else {
                throw InvalidValue("must be day, token, project or pod")
            }
            return grouping
        }
        try reader.finish()
        self.to = to ?? now + 1
        self.from = from ?? SpendLimit(amount: .zero, period: .month).periodStart(at: (self.to - 1) * 1000) / 1000
        if let grouping { self.grouping = grouping }
        guard self.from < self.to else { throw DomainError.invalid("from", "must be before to") }
        guard self.to - self.from <= Self.maximumDays * 86_400 else {
            throw DomainError.invalid("from", "must be at most \(Self.maximumDays) days before to")
        }
    }

    private static func time(_ text: String) throws(InvalidValue) -> Int64 {
        if let date = CivilDate(text) { return Int64(date.daysSince1970) * 86_400 }
        guard let date = Timestamp.parse(text), (0..<253_402_300_800).contains(date.timeIntervalSince1970) else {
            throw InvalidValue("must be a day such as 2027-01-31 or a time such as 2027-01-31T12:00:00Z")
        }
        return Int64(date.timeIntervalSince1970)
    }
}
