import PodstackAPI

/// The balance, the spend of this month and the current rate, as cards.
struct WalletCards: Component {
    let wallet: WalletSummary

    var body: some HTML {
        Element("div", .class("cards")) {
            FigureCard("Spent this month", wallet.spentThisMonth.displayText, hint: "Since the first, in UTC")
            FigureCard("Balance", wallet.balance.displayText, hint: balanceHint)
            FigureCard(
                "Current rate", "\(wallet.rate.displayText) an hour",
                hint: wallet.rate == .zero ? "No paid pods are running" : nil)
        }
    }

    /// How long the balance lasts.
    private var balanceHint: String? {
        if wallet.balance <= .zero { return "Paid pods cannot start" }
        guard wallet.rate > .zero else { return "Of \(wallet.credited.displayText) credited" }
        let hours = wallet.balance.millionths / wallet.rate.millionths
        return "Lasts \(hours < 1 ? "less than an hour" : DurationWords.text(seconds: hours * 3600)) at this rate"
    }
}

/// A number that matters, with its name.
struct FigureCard: Component {
    private let title: String
    private let figure: String
    private let hint: String?

    init(_ title: String, _ figure: String, hint: String?) {
        self.title = title
        self.figure = figure
        self.hint = hint
    }

    var body: some HTML {
        Card {
            Element("p", .class("hint")) { title }
            Element("p", .class("figure")) { figure }
            if let hint { Element("p", .class("hint")) { hint } }
        }
    }
}

/// The form that chooses a period.
struct PeriodForm: Component {
    let period: UsagePeriod

    var body: some HTML {
        Element("form", .class("card filters"), .method("get"), .action(Link("/usage")), .role("search")) {
            Element("div", .class("row")) {
                SelectField(
                    "Period", name: "period", value: period.choice.rawValue,
                    UsagePeriod.Choice.allCases.map { ($0.rawValue, $0.title) })
                Element("div", .class("row unless-custom-period")) {
                    // A date field cannot contain an invalid date: that value was not typed but part of a URL.
                    Field(
                        "From", name: "from", value: CivilDate(period.typedFrom) == nil ? "" : period.typedFrom,
                        problem: period.problems["from"], .type("date"))
                    Field(
                        "To", name: "to", value: CivilDate(period.typedTo) == nil ? "" : period.typedTo,
                        problem: period.problems["to"], .type("date"))
                }
                Element("div", .class("filter-actions")) {
                    Button("Show", .quiet)
                    Element("span", .class("hint")) { "Days are in UTC." }
                }
            }
        }
    }
}

/// The costs of each day as a chart and as a table.
struct SpendByDay: Component {
    let period: UsagePeriod
    let report: GroupedUsage

    var body: some HTML {
        Element("div", .class("bar")) {
            Element("h2") { "Spend by day" }
            UsageExport(grouping: .day, period: period)
        }
        Card {
            Element("p") {
                Element("span", .class("figure")) { report.total.displayText }
                " from \(period.first) to \(period.last)"
            }
            BarChart(label, values) { Amount($0)?.displayText ?? "" }
            Element("details") {
                Element("summary") { "Show as a table" }
                DataTable("Spend by day", ["Day", .amount("Time"), .amount("GPU time"), .amount("Cost")]) {
                    for row in report.rows { UsageRow(row: row, title: row.key, link: nil) }
                }
                if report.rows.isEmpty { Element("p", .class("empty")) { "No pod ran in this period." } }
            }
        }
    }

    private var label: String {
        let most = report.rows.max { $0.cost < $1.cost }
        let peak = most.map { ". The highest was \($0.cost.displayText) on \($0.key)" } ?? ""
        return "Spend of each day from \(period.first) to \(period.last), in total \(report.total.displayText)\(peak)"
    }

    /// The costs of all days, with those on which no pod ran.
    private var values: [ChartValue] {
        let costs = Dictionary(report.rows.map { ($0.key, $0.cost) }) { first, _ in first }
        return period.days.map { day in
            let cost = costs[day] ?? .zero
            return ChartValue(name: day, value: cost.doubleValue, text: cost.displayText)
        }
    }
}

/// The costs of each token, project or pod.
struct UsageTable: Component {
    let report: GroupedUsage
    let period: UsagePeriod

    var body: some HTML {
        Element("div", .class("bar")) {
            Element("h2") { "By \(report.grouping.rawValue)" }
            if !report.rows.isEmpty { UsageExport(grouping: report.grouping, period: period) }
        }
        if report.rows.isEmpty {
            Element("p", .class("card empty")) { "No pod ran in this period." }
        } else {
            DataTable(
                "Spend by \(report.grouping.rawValue)",
                [
                    Column(PodWords.capitalized(report.grouping.rawValue)), .amount("Time"), .amount("GPU time"),
                    .amount("Cost"),
                ]
            ) {
                for row in report.rows.prefix(Self.limit) { UsageRow(row: row, title: title(row), link: link(row)) }
            }
            if report.rows.count > Self.limit {
                Element("p", .class("hint")) { "The CSV file also has the \(report.rows.count - Self.limit) others." }
            }
        }
    }

    /// The most rows on the page.
    private static let limit = 50

    private func title(_ row: Usage.Row) -> String {
        if row.key == UsageReport.otherKey { return "All others" }
        if report.grouping == .token, row.key.isEmpty { return "Started in the dashboard" }
        return row.name ?? row.key
    }

    private func link(_ row: Usage.Row) -> Link? {
        guard row.name != nil else { return nil }
        switch report.grouping {
        case .token: return Link("/account/tokens", row.key)
        case .project: return Link("/projects", row.key)
        case .pod: return Link("/pods", row.key)
        default: return nil
        }
    }
}

private struct UsageRow: Component {
    let row: Usage.Row
    let title: String
    let link: Link?

    var body: some HTML {
        Row {
            RowTitle { if let link { Element("a", .href(link)) { title } } else { title } }
            AmountCell("Time") { DurationWords.text(seconds: row.seconds) }
            AmountCell("GPU time") { row.gpuSeconds == 0 ? "–" : DurationWords.text(seconds: row.gpuSeconds) }
            AmountCell("Cost") { row.cost.displayText }
        }
    }
}

private struct UsageExport: Component {
    let grouping: Usage.Grouping
    let period: UsagePeriod

    var body: some HTML {
        Element("p", .class("hint")) {
            Element(
                "a", .class("standalone"),
                .href(Link("/usage.csv", query: period.query + [("group_by", grouping.rawValue)]))
            ) {
                "Export as CSV"
                Element("span", .class("visually-hidden")) { " by \(grouping.rawValue)" }
            }
        }
    }
}
