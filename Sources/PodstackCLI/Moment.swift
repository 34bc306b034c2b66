import Podstack

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A moment as people type it: a time, a day in UTC, or how long ago.
enum Moment {
    /// - Parameter isEnd: A day then stands for its end and not for its begin, as in "until the 31st".
    static func parse(_ text: String, now: Date, isEnd: Bool = false) throws(UsageError) -> Date {
        if let time = Timestamp.parse(text) { return time }
        // The 31st of February would be read as a day of March.
        if let day = Timestamp.parse(text + "T00:00:00Z"), Timestamp.format(day).hasPrefix(text + "T") {
            return isEnd ? day.addingTimeInterval(86_400) : day
        }
        if let span = try? TimeSpan.parse(text) { return now.addingTimeInterval(-Double(span.components.seconds)) }
        throw UsageError(
            "\"\(Arguments.shown(text))\" is no time: 2027-01-31, 2027-01-31T12:00:00Z, or 90s, 30m, 1h or 7d ago")
    }
}
