import PodstackAPI

/// Prices, wallets and runs in the database.
///
/// Times are milliseconds since 1970, amounts are millionths.
enum BillingStore {
    // MARK: - Prices

    static func gpuTypes(in connection: any DatabaseConnection) throws -> [GPUType] {
        try connection.query("SELECT name, memory_gigabytes, price_per_hour, devices FROM gpu_types ORDER BY name").map
        {
            GPUType(
                name: try $0.text("name"), memoryGigabytes: try $0.optionalInteger("memory_gigabytes"),
                pricePerHour: try $0.integer("price_per_hour"),
                devices: try $0.text("devices").split(separator: " ").map(String.init))
        }
    }

    static func set(_ type: GPUType, at now: Int64, in connection: any DatabaseConnection) throws {
        try connection.execute(
            """
            INSERT INTO gpu_types (name, memory_gigabytes, price_per_hour, devices, created_at)
            VALUES (\(type.name), \(type.memoryGigabytes), \(type.pricePerHour),
                \(type.devices.joined(separator: " ")), \(now))
            ON CONFLICT (name) DO UPDATE SET memory_gigabytes = excluded.memory_gigabytes,
                price_per_hour = excluded.price_per_hour, devices = excluded.devices
            """)
    }

    /// Removes a type; returns whether it existed.
    static func removeGPUType(_ name: String, in connection: any DatabaseConnection) throws -> Bool {
        try connection.execute("DELETE FROM gpu_types WHERE name = \(name)") > 0
    }

    static func resourcePrices(in connection: any DatabaseConnection) throws -> [PricedResource: Int64] {
        var prices: [PricedResource: Int64] = [:]
        for row in try connection.query("SELECT resource, price_per_hour FROM resource_prices") {
            guard let resource = PricedResource(rawValue: try row.text("resource")) else { continue }
            prices[resource] = try row.integer("price_per_hour")
        }
        return prices
    }

    static func set(
        _ price: Int64, of resource: PricedResource, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            """
            INSERT INTO resource_prices (resource, price_per_hour) VALUES (\(resource.rawValue), \(price))
            ON CONFLICT (resource) DO UPDATE SET price_per_hour = excluded.price_per_hour
            """)
    }

    // MARK: - Wallets

    static func credit(
        _ amount: Int64, accountID: String, reason: String?, at now: Int64, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            """
            INSERT INTO wallet_entries (id, account_id, amount, reason, created_at)
            VALUES (\(Identifier.generate("wal_")), \(accountID), \(amount), \(reason), \(now))
            """)
    }

    /// Returns the sum of an account's credits.
    static func credited(accountID: String, in connection: any DatabaseConnection) throws -> Int64 {
        // PostgreSQL's sum of integers is a decimal number.
        try connection.query(
            """
            SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) AS total FROM wallet_entries
            WHERE account_id = \(accountID)
            """
        ).first?.integer("total") ?? 0
    }

    // MARK: - Runs

    /// A run of a pod.
    struct Run: Sendable, Equatable {
        var charge: PodCharge
        var userID: String
        var gpuType: String?
        var gpuCount: Int
        var startedAt: Int64
        /// Nil while it runs.
        var finishedAt: Int64?

        /// Returns the cost between two times, as far as the run lasted.
        func cost(from begin: Int64 = .min, to end: Int64) -> Int64 {
            let end = min(end, finishedAt ?? end)
            guard end > max(begin, startedAt) else { return 0 }
            func cost(until time: Int64) -> Int64 {
                RunCost.cost(
                    seconds: RunCost.seconds(from: startedAt, to: time), pricePerHour: charge.pricePerHour)
            }
            return cost(until: end) - (begin > startedAt ? cost(until: begin) : 0)
        }

        /// Returns the started seconds between two times, as far as the run lasted.
        func seconds(from begin: Int64, to end: Int64) -> Int64 {
            let end = min(end, finishedAt ?? end)
            guard end > max(begin, startedAt) else { return 0 }
            return RunCost.seconds(from: startedAt, to: end) - RunCost.seconds(from: startedAt, to: begin)
        }
    }

    private static let runColumns: SQL = """
        u.pod_id, u.started_at, u.finished_at, u.account_id, u.project_id, u.user_id, u.token_id, u.gpu_type, \
        u.gpu_count, u.price_per_hour
        """

    private static func run(_ row: DatabaseRow) throws -> Run {
        let podID = try row.text("pod_id")
        let startedAt = try row.integer("started_at")
        let finishedAt = try row.optionalInteger("finished_at")
        let charge = PodCharge(
            podID: podID, accountID: try row.text("account_id"), projectID: try row.text("project_id"),
            tokenID: try row.optionalText("token_id"), pricePerHour: try row.integer("price_per_hour"))
        return Run(
            charge: charge, userID: try row.text("user_id"), gpuType: try row.optionalText("gpu_type"),
            gpuCount: Int(try row.integer("gpu_count")), startedAt: startedAt, finishedAt: finishedAt)
    }

    static func run(
        of podID: String, startedAt: Int64, in connection: any DatabaseConnection
    ) throws -> Run? {
        try connection.query(
            "SELECT \(runColumns) FROM usage_intervals u WHERE u.pod_id = \(podID) AND u.started_at = \(startedAt)"
        ).first.map(run)
    }

    /// Returns the runs of pods.
    static func runs(ofPods podIDs: [String], in connection: any DatabaseConnection) throws -> [Run] {
        guard !podIDs.isEmpty else { return [] }
        return try connection.query(
            "SELECT \(runColumns) FROM usage_intervals u WHERE u.pod_id IN (\(list: podIDs)) ORDER BY u.started_at"
        ).map(run)
    }

    /// Returns the runs that have not ended, of all accounts, with the pods' `max_cost`.
    static func openRuns(in connection: any DatabaseConnection) throws -> [Run] {
        try connection.query(
            """
            SELECT \(runColumns), p.max_cost FROM usage_intervals u LEFT JOIN pods p ON p.id = u.pod_id
            WHERE u.finished_at IS NULL
            """
        ).map { row in
            var run = try run(row)
            run.charge.maxCost = try row.optionalInteger("max_cost")
            return run
        }
    }

    static func insert(_ run: Run, in connection: any DatabaseConnection) throws {
        let charge = run.charge
        try connection.execute(
            """
            INSERT INTO usage_intervals (pod_id, started_at, finished_at, account_id, project_id, user_id, token_id,
                gpu_type, gpu_count, price_per_hour)
            VALUES (\(charge.podID), \(run.startedAt), \(run.finishedAt), \(charge.accountID), \(charge.projectID),
                \(run.userID), \(charge.tokenID), \(run.gpuType), \(Int64(run.gpuCount)), \(charge.pricePerHour))
            """)
    }

    static func setFinished(_ run: Run, in connection: any DatabaseConnection) throws {
        try connection.execute(
            """
            UPDATE usage_intervals SET finished_at = \(run.finishedAt)
            WHERE pod_id = \(run.charge.podID) AND started_at = \(run.startedAt)
            """)
    }

    // MARK: - Sums

    /// A set of runs: those of an account, a project, or a token with all tokens that it created.
    enum Subject: Hashable, Sendable {
        case account(String)
        case project(String)
        case token(String)

        private static let tokenPrefix = "token "

        /// The ID, which says what kind of subject it is.
        var id: String {
            switch self {
            case .account(let id), .project(let id): id
            case .token(let key): Self.tokenPrefix + key
            }
        }

        /// Creates the project or token with an ``id``; accounts have no budgets.
        init(ofBudget id: String) {
            self = id.hasPrefix(Self.tokenPrefix) ? .token(String(id.dropFirst(Self.tokenPrefix.count))) : .project(id)
        }
    }

    /// Returns what the runs of a subject that have ended cost since the beginning.
    static func settled(_ subject: Subject, in connection: any DatabaseConnection) throws -> Int64 {
        try connection.query("SELECT settled FROM usage_totals WHERE subject = \(subject.id)")
            .first?.integer("settled") ?? 0
    }

    static func addSettled(
        _ amount: Int64, to subject: Subject, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            """
            INSERT INTO usage_totals (subject, settled) VALUES (\(subject.id), \(amount))
            ON CONFLICT (subject) DO UPDATE SET settled = usage_totals.settled + excluded.settled
            """)
    }

    /// Returns the runs of a subject that ended after a time, or have not ended.
    static func runs(
        of subject: Subject, endingAfter begin: Int64, in connection: any DatabaseConnection
    ) throws -> [Run] {
        try connection.query(
            """
            SELECT \(runColumns) FROM usage_intervals u
            WHERE \(condition(subject)) AND (u.finished_at > \(begin) OR u.finished_at IS NULL)
            """
        ).map(run)
    }

    /// Returns the runs of a subject that have not ended.
    static func openRuns(of subject: Subject, in connection: any DatabaseConnection) throws -> [Run] {
        try connection.query(
            "SELECT \(runColumns) FROM usage_intervals u WHERE u.finished_at IS NULL AND \(condition(subject))"
        ).map(run)
    }

    /// The runs that a report covers.
    struct Selection: Sendable {
        /// Nil for every account, together with a project.
        var accountID: String?
        /// The only projects to include; nil for all.
        var projectIDs: [String]?
        var begin: Int64
        var end: Int64
    }

    /// Returns a batch of the runs of a report, in the order of their start.
    static func runs(
        _ selection: Selection, after last: Run?, limit: Int, in connection: any DatabaseConnection
    ) throws -> [Run] {
        let (startedAt, podID) = (last?.startedAt ?? -1, last?.charge.podID ?? "")
        let isOfAccount: SQL = if let id = selection.accountID { " AND u.account_id = \(id)" } else { "" }
        let isOfProject: SQL = if let ids = selection.projectIDs { " AND u.project_id IN (\(list: ids))" } else { "" }
        return try connection.query(
            """
            SELECT \(runColumns) FROM usage_intervals u
            WHERE (u.finished_at > \(selection.begin) OR u.finished_at IS NULL) AND u.started_at < \(selection.end)
                AND (u.started_at, u.pod_id) > (\(startedAt), \(podID))\(isOfAccount)\(isOfProject)
            ORDER BY u.started_at, u.pod_id LIMIT \(Int64(limit))
            """
        ).map(run)
    }

    /// Returns the names of projects, pods or tokens by ID; of tokens, only those of an account.
    static func names(
        of keys: [String], by grouping: Usage.Grouping, accountID: String, in connection: any DatabaseConnection
    ) throws -> [String: String] {
        guard !keys.isEmpty else { return [:] }
        let rows: [DatabaseRow] =
            switch grouping {
            case .project: try connection.query("SELECT id, name FROM projects WHERE id IN (\(list: keys))")
            case .pod: try connection.query("SELECT id, name FROM pods WHERE id IN (\(list: keys))")
            case .token:
                try connection.query(
                    "SELECT id, name FROM tokens WHERE id IN (\(list: keys)) AND account_id = \(accountID)")
            default: []
            }
        return Dictionary(try rows.map { (try $0.text("id"), try $0.text("name")) }) { first, _ in first }
    }

    /// Returns the devices that pods hold: those of pods that run or are meant to run.
    static func usedDevices(in connection: any DatabaseConnection) throws -> [String] {
        try connection.query(
            """
            SELECT devices FROM pods WHERE terminated_at IS NULL AND devices IS NOT NULL
                AND (desired = 'running' OR status IN ('creating', 'pending', 'running', 'stopping'))
            """
        ).flatMap { try $0.text("devices").split(separator: " ").map(String.init) }
    }

    /// Returns the numbers of GPUs by type that pods hold which have started, or are about to.
    static func usedGPUs(in connection: any DatabaseConnection) throws -> [String: Int] {
        let rows = try connection.query(
            """
            SELECT gpu_type, gpu_count FROM pods WHERE terminated_at IS NULL AND gpu_type IS NOT NULL
                AND status IN ('creating', 'running', 'stopping')
            """)
        return Dictionary(
            try rows.map { (try $0.text("gpu_type"), Int(try $0.integer("gpu_count"))) }, uniquingKeysWith: +)
    }

    private static func condition(_ subject: Subject) -> SQL {
        switch subject {
        case .account(let id): "u.account_id = \(id)"
        case .project(let id): "u.project_id = \(id)"
        case .token(let key):
            """
            u.token_id IN (
                WITH RECURSIVE family (id) AS (
                    SELECT t.id FROM tokens t WHERE t.id = \(key)
                    UNION SELECT t.id FROM tokens t JOIN family f ON t.parent_id = f.id
                ) SELECT id FROM family)
            """
        }
    }

    // MARK: - Limits

    static func spendLimit(
        of subject: Subject, in connection: any DatabaseConnection
    ) throws -> SpendLimit? {
        let rows: [DatabaseRow] =
            switch subject {
            case .account: []
            case .project(let id):
                try connection.query("SELECT spend_amount, spend_period FROM projects WHERE id = \(id)")
            case .token(let key):
                try connection.query("SELECT spend_amount, spend_period FROM tokens WHERE id = \(key)")
            }
        return try rows.first.flatMap(spendLimit)
    }

    /// Returns the limit in the columns `spend_amount` and `spend_period`.
    static func spendLimit(_ row: DatabaseRow) throws -> SpendLimit? {
        guard let amount = try row.optionalInteger("spend_amount"), let period = try row.optionalText("spend_period")
        else { return nil }
        return SpendLimit(amount: Amount(millionths: amount), period: SpendLimit.Period(rawValue: period))
    }

    /// Returns the account of a token, which may differ from that of the projects in which it starts pods.
    static func accountID(ofToken key: String, in connection: any DatabaseConnection) throws -> String? {
        try connection.query("SELECT account_id FROM tokens WHERE id = \(key)").first?.text("account_id")
    }

    /// Returns a token and the tokens that its spending counts for: its creator, the creator's creator, and so on.
    static func lineage(of key: String, in connection: any DatabaseConnection) throws -> [String] {
        var keys = [key]
        while let parent = try connection.query("SELECT parent_id FROM tokens WHERE id = \(keys[keys.count - 1])")
            .first?.optionalText("parent_id"), !keys.contains(parent)
        {
            keys.append(parent)
        }
        return keys
    }

    /// Records that a budget has reached a share of its amount; returns false if that is recorded already.
    static func insertNotice(
        of subject: Subject, accountID: String, periodStart: Int64, percent: Int, at now: Int64,
        in connection: any DatabaseConnection
    ) throws -> Bool {
        try connection.execute(
            """
            INSERT INTO budget_notices (subject, period_start, percent, account_id, created_at)
            VALUES (\(subject.id), \(periodStart), \(Int64(percent)), \(accountID), \(now))
            ON CONFLICT (subject, period_start, percent) DO NOTHING
            """) > 0
    }

    /// Returns the shares that a budget is recorded to have reached in a period.
    static func notices(
        of subject: Subject, periodStart: Int64, in connection: any DatabaseConnection
    ) throws -> Set<Int> {
        Set(
            try connection.query(
                """
                SELECT percent FROM budget_notices
                WHERE subject = \(subject.id) AND period_start = \(periodStart)
                """
            ).map { Int(try $0.integer("percent")) })
    }

    /// Returns the latest notices about the budgets of an account: of each budget and period, the largest share.
    static func notices(
        ofAccount accountID: String, limit: Int, in connection: any DatabaseConnection
    ) throws -> [(subject: Subject, periodStart: Int64, percent: Int)] {
        try connection.query(
            """
            SELECT subject, period_start, MAX(percent) AS percent, MAX(created_at) AS latest FROM budget_notices
            WHERE account_id = \(accountID) GROUP BY subject, period_start ORDER BY latest DESC LIMIT \(Int64(limit))
            """
        ).map { row in
            (
                Subject(ofBudget: try row.text("subject")), try row.integer("period_start"),
                Int(try row.integer("percent"))
            )
        }
    }
}
