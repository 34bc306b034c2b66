import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A time as people read it, in UTC, such as `2026-11-24 10:33 UTC`; the whole of it for programs.
struct Time: Component {
    private let date: String
    private let clock: String

    init(_ seconds: Int64) { (date, clock) = Calendar.parts(of: seconds) }

    var body: some HTML {
        Element("time", .dateTime(date + "T" + clock + "Z")) {
            date
            " "
            clock
            " UTC"
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

    /// The day since 1970 of a date such as `2026-11-24`; nil when there is no such day, or it was before.
    static func day(_ text: String) -> Int64? {
        // The general way takes the 31st of February for the 3rd of March.
        guard text.utf8.count == 10, let time = Timestamp.parse(text + "T00:00:00Z") else { return nil }
        let day = Int64(time.timeIntervalSince1970) / 86_400
        return day >= 0 && date(ofDay: day) == text ? day : nil
    }

    private static let twos = (0..<100).map { ($0 < 10 ? "0" : "") + String($0) }
    private static func two(_ number: Int64) -> String { twos[Int(number)] }
}
