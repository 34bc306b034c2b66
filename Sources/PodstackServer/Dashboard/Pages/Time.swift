import PodstackAPI

/// A time as people read it, in UTC, such as `2026-11-24 10:33 UTC`; the whole of it for programs.
struct Time: Component {
    private let date: String
    private let clock: String
    private let distance: String?

    /// - Parameter now: To say also how far away it is; nil not to.
    init(_ seconds: Int64, now: Int64? = nil) {
        (date, clock) = Calendar.parts(of: seconds)
        distance = now.map { Calendar.distance(to: seconds, from: $0) }
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

/// Days and times of the calendar, fast enough for a thousand rows.
enum Calendar {
    /// Such as `2026-11-24` and `10:33`.
    static func parts(of seconds: Int64) -> (date: String, clock: String) {
        let (day, time) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let minutes = time / 60
        return (date(ofDay: day), two(minutes / 60) + ":" + two(minutes % 60))
    }

    /// Such as `2026-11-24 10:33 UTC`.
    static func text(of seconds: Int64) -> String {
        let (date, clock) = parts(of: seconds)
        return date + " " + clock + " UTC"
    }

    /// Such as `3 days ago` or `in 2 hours`. What is to come is rounded up, as the badges of tokens are.
    static func distance(to time: Int64, from now: Int64) -> String {
        let seconds = abs(now - time)
        if seconds < 60 { return time > now ? "in a moment" : "just now" }
        let units: [(length: Int64, name: String)] = [
            (365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3600, "hour"), (60, "minute"),
        ]
        // Two months are 60 days still: an end that is near is told to the day.
        let unit = units.first { seconds >= ($0.length > 86_400 ? 3 : 1) * $0.length } ?? (60, "minute")
        let count =
            if unit.length > 86_400 { (seconds + unit.length / 2) / unit.length } else {
                (seconds + (time > now ? unit.length - 1 : 0)) / unit.length
            }
        let text = "\(count) \(unit.name)\(count == 1 ? "" : "s")"
        return time > now ? "in \(text)" : "\(text) ago"
    }

    /// Of a day since 1970, not before it. Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    static func date(ofDay day: Int64) -> String {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let shownMonth = month < 10 ? month + 3 : month - 9
        let shownYear = year + era * 400 + (shownMonth <= 2 ? 1 : 0)
        return String(shownYear) + "-" + two(shownMonth) + "-" + two(dayOfYear - (153 * month + 2) / 5 + 1)
    }

    /// Of the first second of a day such as `2027-01-31`, since 1970; nil when there is none.
    static func time(ofDay text: String) -> Int64? {
        // The general way takes the 31st of February for the 3rd of March.
        guard text.utf8.count == 10, let time = Timestamp.parse(text + "T00:00:00Z"),
            case let seconds = Int64(time.timeIntervalSince1970), seconds >= 0, date(ofDay: seconds / 86_400) == text
        else { return nil }
        return seconds
    }

    private static let twos = (0..<100).map { ($0 < 10 ? "0" : "") + String($0) }
    private static func two(_ number: Int64) -> String { twos[Int(number)] }
}
