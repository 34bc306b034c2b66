import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A time in UTC, such as `2026-11-24 10:33 UTC`, marked up so that programs can read it.
struct TimeElement: Component {
    private let date: String
    private let clock: String
    private let distance: String?

    /// Creates the element.
    ///
    /// - Parameters:
    ///   - seconds: The time, in seconds since 1970.
    ///   - now: The current time, to display the distance to it as well; nil for the time only.
    init(_ seconds: Int64, now: Int64? = nil) {
        (date, clock) = CivilDate.parts(of: seconds)
        distance = now.map { RelativeTime.text(of: seconds, from: $0) }
    }

    var body: some HTML {
        Element("time", .dateTime(date + "T" + clock + "Z")) {
            date
            " "
            clock
            " UTC"
        }
        if let distance {
            " "
            Element("span", .class("ago")) { distance }
        }
    }
}

/// Words for the distance between two times.
enum RelativeTime {
    /// Returns a text such as `3 days ago` or `in 2 hours`.
    ///
    /// Times in the future are rounded up, as in token warnings.
    static func text(of time: Int64, from now: Int64) -> String {
        let seconds = abs(now - time)
        if seconds < 60 { return time > now ? "in a moment" : "just now" }
        let units: [(length: Int64, name: String)] = [
            (365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3600, "hour"), (60, "minute"),
        ]
        // Two months are still displayed as 60 days: the day of a near expiry matters.
        let unit = units.first { seconds >= ($0.length > 86_400 ? 3 : 1) * $0.length } ?? (60, "minute")
        let count =
            if unit.length > 86_400 { (seconds + unit.length / 2) / unit.length } else {
                (seconds + (time > now ? unit.length - 1 : 0)) / unit.length
            }
        let text = "\(count) \(unit.name)\(count == 1 ? "" : "s")"
        return time > now ? "in \(text)" : "\(text) ago"
    }
}

/// Conversions between seconds since 1970 and dates in UTC, fast enough for a page of a thousand rows.
enum CivilDate {
    /// Returns the date and the time of day, such as `2026-11-24` and `10:33`.
    static func parts(of seconds: Int64) -> (date: String, clock: String) {
        let (day, time) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let minutes = time / 60
        return (date(ofDay: day), twoDigits(minutes / 60) + ":" + twoDigits(minutes % 60))
    }

    /// Returns a text such as `2026-11-24 10:33 UTC`.
    static func text(of seconds: Int64) -> String {
        let (date, clock) = parts(of: seconds)
        return date + " " + clock + " UTC"
    }

    /// Returns the date of a day, which is counted from 1970 and not negative.
    ///
    /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    static func date(ofDay day: Int64) -> String {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let civilYear = year + era * 400 + (month <= 2 ? 1 : 0)
        return String(civilYear) + "-" + twoDigits(month) + "-"
            + twoDigits(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Returns the first second of a date such as `2027-01-31`, or nil if the date is invalid or before 1970.
    static func time(ofDay text: String) -> Int64? {
        // The parser reads February 31 as March 3, so the result is converted back and compared.
        guard text.utf8.count == 10, let time = Timestamp.parse(text + "T00:00:00Z"),
            case let seconds = Int64(time.timeIntervalSince1970), seconds >= 0, date(ofDay: seconds / 86_400) == text
        else { return nil }
        return seconds
    }

    private static let pairs = (0..<100).map { ($0 < 10 ? "0" : "") + String($0) }
    private static func twoDigits(_ number: Int64) -> String { pairs[Int(number)] }
}
