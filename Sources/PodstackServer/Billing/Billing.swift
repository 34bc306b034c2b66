import PodstackAPI

/// Computes what pods cost, and watches the limits of that.
///
/// Times are milliseconds since 1970, amounts are millionths. Each function reads and writes in the transaction of its
/// caller.
struct Billing: Sendable {
    /// The seconds of running that must be covered before a pod starts: the smallest time that is billed.
    private static let coveredSeconds: Int64 = 1

    // MARK: - Prices

    /// Returns the price of an hour of a pod.
    ///
    /// - Throws: ``DomainError/gpuNotAvailable(type:availableTypes:)`` for an unknown type.
    func pricePerHour(
        gpuType: String?, gpuCount: Int, cpuMillicores: Int, memoryGiB: Int, diskGiB: Int,
        in connection: any DatabaseConnection
    ) throws -> Int64 {
        try PriceList.pricePerHour(
            gpuType: gpuType, gpuCount: gpuCount, cpuMillicores: cpuMillicores, memoryGiB: memoryGiB,
            diskGiB: diskGiB, in: connection)
    }

    /// Returns free devices of a type; `used` are those that pods have.
    func assign(
        _ count: Int, of gpuType: String, used: [String], in connection: any DatabaseConnection
    ) throws -> [String] {
        try PriceList.assign(count, of: gpuType, used: used, in: connection)
    }

    // MARK: - Runs

    /// Stores a run of a pod: opens it, closes it, corrects its end, or opens it again if the engine still runs it.
    ///
    /// Repeating it changes nothing.
    func record(
        _ charge: PodCharge, userID: String, gpuType: String?, gpuCount: Int, startedAt: Int64, finishedAt: Int64?,
        in connection: any DatabaseConnection
    ) throws {
        let known = try BillingStore.run(of: charge.podID, startedAt: startedAt, in: connection)
        var run =
            known
            ?? BillingStore.Run(
                charge: charge, userID: userID, gpuType: gpuType, gpuCount: gpuCount, startedAt: startedAt)
        let oldCost = known?.finishedAt.map { run.cost(to: $0) } ?? 0
        guard known == nil || finishedAt != known?.finishedAt else { return }
        run.finishedAt = finishedAt.map { max($0, startedAt) }
        if known == nil {
            try BillingStore.insert(run, in: connection)
        } else {
            try BillingStore.setFinished(run, in: connection)
        }
        let settled = (run.finishedAt.map { run.cost(to: $0) } ?? 0) - oldCost
        guard settled != 0 else { return }
        for subject in try subjects(of: run.charge, in: connection) {
            try BillingStore.addSettled(settled, to: subject, in: connection)
        }
    }

    /// Returns what pods have cost so far.
    func costs(
        of podIDs: [String], now: Int64, in connection: any DatabaseConnection
    ) throws -> [String: Int64] {
        var costs: [String: Int64] = [:]
        for run in try BillingStore.runs(ofPods: podIDs, in: connection) {
            costs[run.charge.podID, default: 0] += run.cost(to: now)
        }
        return costs
    }

    private func subjects(
        of charge: PodCharge, in connection: any DatabaseConnection
    ) throws -> [BillingStore.Subject] {
        let tokens = try charge.tokenID.map { try BillingStore.lineage(of: $0, in: connection) } ?? []
        return subjects(of: charge, tokens: tokens)
    }

    /// Returns the subjects that a run counts for; `tokens` are the one that started it and those that created that one.
    private func subjects(of charge: PodCharge, tokens: [String]) -> [BillingStore.Subject] {
        [.account(charge.accountID), .project(charge.projectID)] + tokens.map { .token($0) }
    }

    // MARK: - Limits

    /// Checks that the wallet and every limit cover the next second of a pod.
    ///
    /// - Throws: ``DomainError/insufficientBalance(required:available:limit:)`` with the first limit that does not.
    func requireCover(_ charge: PodCharge, now: Int64, in connection: any DatabaseConnection) throws {
        let required = RunCost.cost(seconds: Self.coveredSeconds, pricePerHour: charge.pricePerHour)
        guard required > 0 else { return }
        for (limit, available) in try limits(of: charge, now: now, in: connection) where available < required {
            throw DomainError.insufficientBalance(required: required, available: max(0, available), limit: limit)
        }
    }

    /// Returns what every limit of a pod leaves, the wallet first.
    private func limits(
        of charge: PodCharge, now: Int64, in connection: any DatabaseConnection
    ) throws -> [(SpendLimitKind, available: Int64)] {
        var limits = [(SpendLimitKind.wallet, try balance(accountID: charge.accountID, now: now, in: connection))]
        for subject in try subjects(of: charge, in: connection) {
            guard let limit = try BillingStore.spendLimit(of: subject, in: connection) else { continue }
            let spent = try spent(subject, since: limit.periodStart(at: now), now: now, in: connection)
            limits.append((subject.kind, limit.amount.millionths - spent))
        }
        if let maxCost = charge.maxCost {
            let cost = try costs(of: [charge.podID], now: now, in: connection)[charge.podID] ?? 0
            limits.append((.pod, maxCost - cost))
        }
        return limits
    }

    /// Returns what the runs of a subject cost since a time; 0 for the beginning.
    func spent(
        _ subject: BillingStore.Subject, since begin: Int64, now: Int64, in connection: any DatabaseConnection
    ) throws -> Int64 {
        if begin <= 0 {
            let open = try BillingStore.openRuns(of: subject, in: connection)
            return try BillingStore.settled(subject, in: connection) + open.reduce(0) { $0 + $1.cost(to: now) }
        }
        return try BillingStore.runs(of: subject, endingAfter: begin, in: connection)
            .reduce(0) { $0 + $1.cost(from: begin, to: now) }
    }

    /// Returns what is left of an account's credit; negative if pods cost more.
    func balance(accountID: String, now: Int64, in connection: any DatabaseConnection) throws -> Int64 {
        try BillingStore.credited(accountID: accountID, in: connection)
            - spent(.account(accountID), since: 0, now: now, in: connection)
    }

    // MARK: - Watching

    /// The state of all limits of running pods.
    struct Review: Sendable {
        /// The pods that have to stop, with the limit that they reached.
        var exhausted: [(podID: String, limit: SpendLimitKind)] = []
        /// The budgets that have reached a share that is not recorded yet.
        var notices: [BudgetNotice] = []

        var isEmpty: Bool { exhausted.isEmpty && notices.isEmpty }
    }

    /// A budget that has reached a share of its amount.
    struct BudgetNotice: Sendable, Equatable {
        var subject: BillingStore.Subject
        var accountID: String
        var periodStart: Int64
        /// 50, 80 or 100.
        var percent: Int
        var limit: SpendLimit
        var spent: Int64
    }

    private static let noticePercents = [50, 80, 100]

    /// Finds the running pods that have reached a limit, and the budgets to report.
    ///
    /// It only reads, so that most calls need no write.
    func review(now: Int64, in connection: any DatabaseConnection) throws -> Review {
        let runs = try BillingStore.openRuns(in: connection).filter { $0.charge.pricePerHour > 0 }
        var review = Review()
        var wallets: [String: Bool] = [:]
        var budgets: [BillingStore.Subject: Bool] = [:]
        var lineages: [String: [String]] = [:]
        let limited = runs.filter { $0.charge.maxCost != nil }.map(\.charge.podID)
        let costs = try costs(of: limited, now: now, in: connection)
        for run in runs {
            let charge = run.charge
            let isWalletEmpty = try wallets.value(of: charge.accountID) {
                try balance(accountID: charge.accountID, now: now, in: connection) <= 0
            }
            var reached: SpendLimitKind? = isWalletEmpty ? .wallet : nil
            let tokens = try charge.tokenID.map { id in
                try lineages.value(of: id) { try BillingStore.lineage(of: id, in: connection) }
            }
            for subject in subjects(of: charge, tokens: tokens ?? []) {
                let isUsedUp = try budgets.value(of: subject) {
                    try reviewBudget(subject, accountID: charge.accountID, now: now, &review, in: connection)
                }
                if isUsedUp { reached = reached ?? subject.kind }
            }
            if let maxCost = charge.maxCost, costs[charge.podID] ?? 0 >= maxCost { reached = reached ?? .pod }
            if let reached { review.exhausted.append((charge.podID, reached)) }
        }
        return review
    }

    /// Adds the notices of a budget; returns whether it is used up.
    private func reviewBudget(
        _ subject: BillingStore.Subject, accountID: String, now: Int64, _ review: inout Review,
        in connection: any DatabaseConnection
    ) throws -> Bool {
        guard let limit = try BillingStore.spendLimit(of: subject, in: connection) else { return false }
        let start = limit.periodStart(at: now)
        let spent = try spent(subject, since: start, now: now, in: connection)
        let reached = Self.noticePercents.filter { percent in
            // Divided first: the product could overflow.
            spent >= limit.amount.millionths / 100 * Int64(percent)
                + limit.amount.millionths % 100 * Int64(percent) / 100
        }
        if !reached.isEmpty {
            // A token is reported to its own account, which need not be that of the project.
            var owner: String? = accountID
            if case .token(let key) = subject { owner = try BillingStore.accountID(ofToken: key, in: connection) }
            let known = try BillingStore.notices(of: subject, periodStart: start, in: connection)
            review.notices += reached.filter { !known.contains($0) }.map {
                BudgetNotice(
                    subject: subject, accountID: owner ?? accountID, periodStart: start, percent: $0, limit: limit,
                    spent: spent)
            }
        }
        return spent >= limit.amount.millionths
    }

    /// Stores the notices of a review with their audit events.
    func record(_ notices: [BudgetNotice], now: Int64, in change: Change) throws {
        for notice in notices {
            guard
                try BillingStore.insertNotice(
                    of: notice.subject, accountID: notice.accountID, periodStart: notice.periodStart,
                    percent: notice.percent, at: now, in: change.connection)
            else { continue }
            guard let resource = notice.resource else { continue }
            try change.record(
                .budgetReached, on: resource,
                [
                    "percent": .integer(notice.percent), "spend_limit": notice.limit.audited,
                    "spent": .number(Amount(millionths: notice.spent).doubleValue),
                ])
        }
    }
}

extension Dictionary {
    /// Returns the value of a key, which is computed once.
    fileprivate mutating func value(of key: Key, _ compute: () throws -> Value) rethrows -> Value {
        if let value = self[key] { return value }
        let value = try compute()
        self[key] = value
        return value
    }
}

extension BillingStore.Subject {
    var kind: SpendLimitKind {
        switch self {
        case .account: .wallet
        case .project: .project
        case .token: .token
        }
    }
}

extension Billing.BudgetNotice {
    /// The token or project in the audit log; nil for an account, which has no budget.
    fileprivate var resource: AuditResource? {
        switch subject {
        case .account: nil
        case .project(let id):
            AuditResource(type: "project", id: id, name: nil, accountID: accountID, projectID: id)
        case .token(let key):
            AuditResource(type: "token", id: TokenKey.tokenID(of: key), name: nil, accountID: accountID)
        }
    }
}
