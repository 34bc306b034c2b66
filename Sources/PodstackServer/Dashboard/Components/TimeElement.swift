import PodstackAPI

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

extension CivilDate {
    /// Returns the date and the time of day in UTC, such as `2026-11-24` and `10:33`.
    static func parts(of seconds: Int64) -> (date: String, clock: String) {
        let (day, time) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let minutes = time / 60
        let date = CivilDate(daysSince1970: Int(day)).description
        return (date, twoDigits(minutes / 60) + ":" + twoDigits(minutes % 60))
    }

    /// Returns a text such as `2026-11-24 10:33 UTC`.
    static func text(of seconds: Int64) -> String {
        let (date, clock) = parts(of: seconds)
        return date + " " + clock + " UTC"
    }

    private static let pairs = (0..<100).map { ($0 < 10 ? "0" : "") + String($0) }
    private static func twoDigits(_ number: Int64) -> String { pairs[Int(number)] }
}
