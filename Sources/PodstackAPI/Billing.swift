#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

// MARK: - Wallet

/// The prepaid balance of an account.
public struct Wallet: Codable, Sendable, Hashable {
    /// The amount that is left; negative if pods cost more than was credited.
    public var balance: Amount
    /// The sum of all credits.
    public var credited: Amount
    /// The cost of all pods so far.
    public var spent: Amount
    /// The cost of this calendar month, in UTC.
    public var spentThisMonth: Amount

    /// Creates a wallet.
    ///
    /// - Parameters:
    ///   - balance: The amount that is left; negative if pods cost more than was credited.
    ///   - credited: The sum of all credits.
    ///   - spent: The cost of all pods so far.
    ///   - spentThisMonth: The cost of this calendar month, in UTC.
    public init(
        balance: Amount, credited: Amount, spent: Amount, spentThisMonth: Amount
    ) {
        self.balance = balance
        self.credited = credited
        self.spent = spent
        self.spentThisMonth = spentThisMonth
    }

    private enum CodingKeys: String, CodingKey {
        case balance, credited, spent
        case spentThisMonth = "spent_this_month"
    }
}

// MARK: - Usage

/// The costs of pods in a period, grouped.
public struct Usage: Codable, Sendable, Hashable {
    /// The beginning of the period.
    public var from: Date
    /// The end of the period, which is not part of it.
    public var to: Date
    /// The kind of group.
    public var groupBy: Grouping
    /// The groups; days in order, others by falling cost.
    public var rows: [Row]
    /// The cost of all groups.
    public var totalCost: Amount

    /// Creates a report.
    ///
    /// - Parameters:
    ///   - from: The beginning of the period.
    ///   - to: The end of the period, which is not part of it.
    ///   - groupBy: The kind of group.
    ///   - rows: The groups; days in order, others by falling cost.
    ///   - totalCost: The cost of all groups.
    public init(
        from: Date, to: Date, groupBy: Grouping, rows: [Row], totalCost: Amount
    ) {
        self.from = from
        self.to = to
        self.groupBy = groupBy
        self.rows = rows
        self.totalCost = totalCost
    }

    private enum CodingKeys: String, CodingKey {
        case from, to
        case groupBy = "group_by"
        case rows = "usage"
        case totalCost = "total_cost"
    }
}

extension Usage {
    /// A kind of group.
    public struct Grouping: APIName {
        /// The name as the API sends it.
        public let rawValue: String

        /// Creates a kind of group, known or unknown.
        ///
        /// - Parameter rawValue: The name as the API sends it.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// By day, in UTC.
        public static let day = Grouping(rawValue: "day")
        /// By the token that created the pod.
        public static let token = Grouping(rawValue: "token")
        /// By project.
        public static let project = Grouping(rawValue: "project")
        /// By pod.
        public static let pod = Grouping(rawValue: "pod")
    }

    /// The use of one day, token, project or pod.
    public struct Row: Codable, Sendable, Hashable {
        /// The day as `2026-11-28` (UTC), or the ID of the token, project or pod.
        public var key: String
        /// The name of the token, project or pod; nil for a day, or if it no longer exists.
        public var name: String?
        /// The seconds for which pods ran.
        public var seconds: Int64
        /// The seconds for which pods ran, times their GPUs.
        public var gpuSeconds: Int64
        /// The cost.
        public var cost: Amount

        /// Creates a row.
        ///
        /// - Parameters:
        ///   - key: The day as `2026-11-28` (UTC), or the ID of the token, project or pod.
        ///   - name: The name of the token, project or pod.
        ///   - seconds: The seconds for which pods ran.
        ///   - gpuSeconds: The seconds for which pods ran, times their GPUs.
        ///   - cost: The cost.
        public init(
            key: String, name: String? = nil, seconds: Int64, gpuSeconds: Int64, cost: Amount
        ) {
            self.key = key
            self.name = name
            self.seconds = seconds
            self.gpuSeconds = gpuSeconds
            self.cost = cost
        }

        private enum CodingKeys: String, CodingKey {
            case key, name, seconds, cost
            case gpuSeconds = "gpu_seconds"
        }

        /// Encodes the value.
        ///
        /// A missing value becomes `null`, because the API always sends every field.
        ///
        /// - Parameter encoder: The encoder to write to.
        /// - Throws: `EncodingError` if the encoder cannot represent a value.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(key, forKey: .key)
            try container.encode(name, forKey: .name)
            try container.encode(seconds, forKey: .seconds)
            try container.encode(gpuSeconds, forKey: .gpuSeconds)
            try container.encode(cost, forKey: .cost)
        }
    }
}

// MARK: - Limits

/// The most that the pods of a token or a project may cost in a period.
///
/// It is also the budget: at 50, 80 and 100 percent there is an audit event and a notice in the dashboard.
public struct SpendLimit: Codable, Sendable, Hashable {
    /// The amount.
    public var amount: Amount
    /// The period after which the sum starts again.
    public var period: Period

    /// Creates a limit.
    ///
    /// - Parameters:
    ///   - amount: The amount.
    ///   - period: The period after which the sum starts again.
    public init(
        amount: Amount, period: Period
    ) {
        self.amount = amount
        self.period = period
    }

    private enum CodingKeys: String, CodingKey {
        case amount, period
    }
}

extension SpendLimit {
    /// The period of a limit.
    public struct Period: APIName {
        /// The name as the API sends it.
        public let rawValue: String

        /// Creates a period, known or unknown.
        ///
        /// - Parameter rawValue: The name as the API sends it.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// A calendar day in UTC.
        public static let day = Period(rawValue: "day")
        /// A calendar month in UTC.
        public static let month = Period(rawValue: "month")
        /// The whole life of the token or project.
        public static let total = Period(rawValue: "total")
    }
}
