import PodstackAPI

/// The costs of the viewer's account, as the page `/usage` and as a CSV file.
struct UsagePages: Sendable {
    /// The groups by which the page sums up the costs.
    static let groupings: [Usage.Grouping] = [.day, .project, .token, .pod]

    private let database: any Database
    private let billing: Billing
    /// Returns the time in milliseconds since 1970.
    private let now: @Sendable () -> Int64

    init(_ services: Services) {
        database = services.database
        billing = services.pods.billing
        now = services.pods.now
    }

    var routes: [PageRoute] {
        [
            PageRoute("GET", "/usage", .signedIn, isSearch: true, handle: show),
            PageRoute("GET", "/usage.csv", .signedIn, isSearch: true, handle: export),
        ]
    }

    @Sendable private func show(_ exchange: PageExchange) throws -> Response {
        let session = try exchange.signedIn()
        let period = try UsagePeriod(exchange.request, now: exchange.now)
        let wallet = try database.read { try WalletSummary(of: session.user, billing, now: now(), in: $0) }
        let reports = period.problems.isEmpty ? try reports(period, session.user.grant, by: Self.groupings) : []
        return Document("Usage", .usage, for: exchange) {
            WalletCards(wallet: wallet)
            PeriodForm(period: period)
            if period.problems.isEmpty, let days = reports.first {
                SpendByDay(period: period, report: days)
                for report in reports.dropFirst() { UsageTable(report: report, period: period) }
            }
        }.response(status: period.problems.isEmpty ? 200 : 422)
    }

    @Sendable private func export(_ exchange: PageExchange) throws -> Response {
        let session = try exchange.signedIn()
        let period = try UsagePeriod(exchange.request, known: ["group_by"], now: exchange.now)
        guard period.problems.isEmpty else { throw DomainError.invalid("from", "must be the first day of a period") }
        let name = exchange.request.query("group_by") ?? Usage.Grouping.day.rawValue
        guard let grouping = Self.groupings.first(where: { $0.rawValue == name }) else {
            throw DomainError.invalid("group_by", "must be day, project, token or pod")
        }
        guard let report = try reports(period, session.user.grant, by: [grouping]).first else {
            throw DomainError.inconsistent
        }
        var response = Response(status: 200, body: Array(report.csv.utf8))
        response.contentType = "text/csv; charset=utf-8"
        response.set(
            "Content-Disposition",
            "attachment; filename=\"usage-by-\(name)-\(period.first)-\(period.last).csv\"")
        response.set("X-Content-Type-Options", "nosniff")
        return response
    }

    private func reports(
        _ period: UsagePeriod, _ grant: Grant, by groupings: [Usage.Grouping]
    ) throws -> [GroupedUsage] {
        let selection = BillingStore.Selection(accountID: grant.accountID, begin: period.begin, end: period.end)
        return try billing.reports(selection, by: groupings, for: grant, now: now(), in: database)
    }
}

extension GroupedUsage {
    /// The report as a CSV file with a line of titles.
    fileprivate var csv: String {
        let lines = rows.map { row in
            [row.key, row.name ?? "", String(row.seconds), String(row.gpuSeconds), row.cost.description]
                .map(AuditCSV.cell).joined(separator: ",") + "\r\n"
        }
        return "\(grouping.rawValue),name,seconds,gpu_seconds,cost\r\n" + lines.joined()
    }
}

/// The balance of the viewer's account, and what it has spent this month.
struct WalletSummary {
    let balance: Amount
    let credited: Amount
    let spentThisMonth: Amount
    /// The price of an hour of all pods that run now.
    let rate: Amount

    init(of user: UserRecord, _ billing: Billing, now: Int64, in connection: any DatabaseConnection) throws {
        let month = SpendLimit(amount: .zero, period: .month).periodStart(at: now)
        credited = Amount(millionths: try BillingStore.credited(accountID: user.accountID, in: connection))
        let spent = try billing.spent(.account(user.accountID), since: 0, now: now, in: connection)
        balance = credited - Amount(millionths: spent)
        spentThisMonth = Amount(
            millionths: try billing.spent(.account(user.accountID), since: month, now: now, in: connection))
        rate = Amount(
            millionths: try BillingStore.openRuns(of: .account(user.accountID), in: connection)
                .reduce(0) { $0 + $1.charge.pricePerHour })
    }
}
