import PodstackAPI

/// The rules for spend limits.
extension SpendLimit {
    /// The periods, from the shortest to the longest.
    private static let periods: [Period] = [.day, .month, .total]

    /// Returns whether nothing that this limit allows exceeds another one: it is no larger, and its period is no shorter.
    ///
    /// For example, 5 a month is within 5 a day, because a token may spend the whole month's amount on one day. But 5 a day
    /// is not within 5 a month.
    func isWithin(_ other: SpendLimit) -> Bool {
        guard let own = Self.periods.firstIndex(of: period), let outer = Self.periods.firstIndex(of: other.period)
        else { return false }
        return own >= outer && amount <= other.amount
    }

    /// Returns a limit if its values are valid.
    static func validated(amount: Double, period: String) throws(InvalidValue) -> SpendLimit {
        guard let amount = Amount(amount), amount >= .zero else {
            throw InvalidValue("must have an amount from 0 to 4000000000")
        }
        guard let period = periods.first(where: { $0.rawValue == period }) else {
            throw InvalidValue("must have the period day, month or total")
        }
        return SpendLimit(amount: amount, period: period)
    }

    /// Returns the start of the period that contains a time, in milliseconds since 1970 (UTC).
    func periodStart(at now: Int64) -> Int64 {
        let day = now.flooredDivision(by: 86_400_000)
        switch period {
        case .day: return day * 86_400_000
        case .month:
            let date = CivilDate(daysSince1970: Int(day))
            return (day - Int64(date.day) + 1) * 86_400_000
        default: return 0
        }
    }

    /// The limit in words, such as "5.00 in a month".
    var text: String { period == .total ? "\(amount) in total" : "\(amount) in a \(period)" }

    /// The values that the audit log records of a limit.
    var audited: JSONValue {
        .object(["amount": .number(amount.doubleValue), "period": .string(period.rawValue)])
    }
}

extension Int64 {
    /// Returns the quotient, rounded down.
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// A pod's run as it is charged.
struct PodCharge: Sendable, Equatable {
    var podID: String
    var accountID: String
    var projectID: String
    /// The key of the token that started the run; nil if a user did in the dashboard.
    var tokenID: String?
    /// Millionths.
    var pricePerHour: Int64
    /// Millionths; nil for no limit.
    var maxCost: Int64?
}

// MARK: - Cost of a run

/// The cost of a run: a pure function of its price and its length.
///
/// Every started second is charged. The cost of a part of a run is the difference of two costs since its start, so that
/// the parts of a run always add up to the whole.
enum RunCost {
    /// The highest price of an hour, in millionths: larger ones could overflow.
    static let maximumPricePerHour: Int64 = 1_000_000_000_000

    /// Returns the cost of a number of seconds, in millionths.
    static func cost(seconds: Int64, pricePerHour: Int64) -> Int64 {
        let (hourly, rest) = pricePerHour.quotientAndRemainder(dividingBy: 3600)
        return hourly * seconds + (rest * seconds + 1800) / 3600
    }

    /// Returns the started seconds between two times in milliseconds; 0 if the second is not later.
    static func seconds(from start: Int64, to end: Int64) -> Int64 { end <= start ? 0 : (end - start + 999) / 1000 }
}
