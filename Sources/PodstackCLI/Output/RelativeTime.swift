#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Times as people say them, such as "in 30 days" or "5 minutes ago".
enum RelativeTime {
    private static let units: [(name: String, seconds: Double)] = [
        ("minute", 60), ("hour", 3600), ("day", 86_400), ("month", 2_629_800), ("year", 31_557_600),
    ]

    /// Returns a length of time, such as "90 seconds" or "1 hour".
    static func text(_ length: Duration) -> String {
        let seconds = length.components.seconds
        let units: [(name: String, seconds: Int64)] = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)]
        let unit = units.first { seconds >= $0.seconds && seconds % $0.seconds == 0 } ?? ("second", 1)
        let count = seconds / unit.seconds
        return "\(count) \(unit.name)\(count == 1 ? "" : "s")"
    }

    /// Returns a time relative to another one.
    static func text(_ date: Date, now: Date) -> String {
        // Limited, because a number of years that does not fit an Int would trap.
        let seconds = min(max(date.timeIntervalSince(now), -1e15), 1e15)
        let distance = abs(seconds)
        guard distance < 60 else { return phrase(distance, isPast: seconds < 0) }
        return seconds < 0 ? "just now" : "in less than a minute"
    }

    private static func phrase(_ seconds: Double, isPast: Bool) -> String {
        // Days up to two months, because a token that is valid for 30 days should say so.
        let steps: [Double] = [3600, 86_400, 61 * 86_400, 24 * 2_629_800, .infinity]
        var index = steps.firstIndex { seconds < $0 } ?? units.count - 1
        var count = (seconds / units[index].seconds).rounded()
        // 59.7 minutes are an hour, and not 60 minutes.
        if index < 2, count * units[index].seconds >= units[index + 1].seconds {
            index += 1
            count = 1
        }
        let amount = "\(Int(count)) \(units[index].name)\(count == 1 ? "" : "s")"
        return isPast ? "\(amount) ago" : "in \(amount)"
    }
}
