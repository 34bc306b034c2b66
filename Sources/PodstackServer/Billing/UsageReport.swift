import PodstackAPI

/// The sums of a usage report, run by run.
struct UsageReport {
    /// The most groups of a report; the others are summed up in one row.
    static let maximumGroups = 1000
    /// The key of the row that sums up the groups beyond the maximum.
    static let otherKey = "other"

    private let selection: BillingStore.Selection
    private let grouping: Usage.Grouping
    private let now: Int64
    private var sums: [String: Sum] = [:]

    private struct Sum {
        var seconds: Int64 = 0
        var gpuSeconds: Int64 = 0
        var cost: Int64 = 0
    }

    init(_ selection: BillingStore.Selection, by grouping: Usage.Grouping, now: Int64) {
        self.selection = selection
        self.grouping = grouping
        self.now = now
    }

    mutating func add(_ run: BillingStore.Run) {
        switch grouping {
        case .token: add(run, selection.begin, selection.end, to: run.charge.tokenID ?? "")
        case .project: add(run, selection.begin, selection.end, to: run.charge.projectID)
        case .pod: add(run, selection.begin, selection.end, to: run.charge.podID)
        default:
            let day: Int64 = 86_400_000
            let end = min(selection.end, run.finishedAt ?? now)
            var begin = max(selection.begin, run.startedAt)
            while begin < end {
                let next = min(end, (begin / day + 1) * day)
                add(run, begin, next, to: CivilDate(daysSince1970: Int(begin / day)).description)
                begin = next
            }
        }
    }

    private mutating func add(_ run: BillingStore.Run, _ begin: Int64, _ end: Int64, to key: String) {
        let end = min(end, now)
        var sum = sums[key] ?? Sum()
        let seconds = run.seconds(from: begin, to: end)
        sum.seconds += seconds
        sum.gpuSeconds += seconds * Int64(run.gpuCount)
        sum.cost += run.cost(from: begin, to: end)
        sums[key] = sum
    }

    /// Returns the rows: days in order, others by falling cost.
    func rows(_ names: ([String]) throws -> [String: String]) rethrows -> [Usage.Row] {
        let isByDay = grouping == .day
        var ordered = sums.sorted { isByDay ? $0.key < $1.key : ($1.value.cost, $0.key) < ($0.value.cost, $1.key) }
        if ordered.count > Self.maximumGroups {
            let other = ordered[(Self.maximumGroups - 1)...].reduce(into: Sum()) {
                $0.seconds += $1.value.seconds
                $0.gpuSeconds += $1.value.gpuSeconds
                $0.cost += $1.value.cost
            }
            ordered = ordered.prefix(Self.maximumGroups - 1) + [(Self.otherKey, other)]
        }
        let known = try names(isByDay ? [] : ordered.map(\.key))
        return ordered.map { key, sum in
            Usage.Row(
                key: grouping == .token ? TokenKey.tokenID(of: key) : key, name: known[key], seconds: sum.seconds,
                gpuSeconds: sum.gpuSeconds, cost: Amount(millionths: sum.cost))
        }
    }

    var totalCost: Int64 { sums.values.reduce(0) { $0 + $1.cost } }
}

/// A report of what pods cost in a period, by one kind of group.
struct GroupedUsage: Sendable {
    var grouping: Usage.Grouping
    /// The groups; days in order, others by falling cost.
    var rows: [Usage.Row]
    var total: Amount
}

extension Billing {
    private static let batch = 5000

    /// Returns what pods cost in a period, grouped.
    ///
    /// Users of other accounts may start pods in a project: the names of their tokens are left out.
    func usage(
        _ selection: BillingStore.Selection, by grouping: Usage.Grouping, for grant: Grant, now: Int64,
        in database: any Database
    ) throws -> (rows: [Usage.Row], totalCost: Int64) {
        let reports = try reports(selection, by: [grouping], for: grant, now: now, in: database)
        return (reports[0].rows, reports[0].total.millionths)
    }

    /// Returns what pods cost in a period, once for each kind of group, and reads their runs once for all of them.
    func reports(
        _ selection: BillingStore.Selection, by groupings: [Usage.Grouping], for grant: Grant, now: Int64,
        in database: any Database
    ) throws -> [GroupedUsage] {
        var reports = groupings.map { UsageReport(selection, by: $0, now: now) }
        var last: BillingStore.Run?
        while true {
            // Each batch is a transaction of its own, so that a long report delays nothing.
            let runs = try database.read {
                try BillingStore.runs(selection, after: last, limit: Self.batch, in: $0)
            }
            for index in reports.indices { for run in runs { reports[index].add(run) } }
            guard runs.count == Self.batch else { break }
            last = runs.last
        }
        return try zip(groupings, reports).map { grouping, report in
            let rows = try report.rows { keys in
                try database.read {
                    try BillingStore.names(of: keys, by: grouping, accountID: grant.accountID, in: $0)
                }
            }
            return GroupedUsage(grouping: grouping, rows: rows, total: Amount(millionths: report.totalCost))
        }
    }
}
