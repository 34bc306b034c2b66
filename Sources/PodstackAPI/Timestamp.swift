#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// The times of the API: ISO 8601 in UTC with whole seconds, such as `2027-01-31T12:00:00Z`.
package enum Timestamp {
    /// Returns a time as the API writes it.
    ///
    /// A fraction of a second is cut off.
    package static func format(_ date: Date) -> String {
        let seconds = date.timeIntervalSince1970.rounded(.down)
        guard range.contains(seconds) else { return date.formatted(.iso8601) }
        let whole = Int(seconds)
        let days = (seconds / 86_400).rounded(.down)
        let second = whole - Int(days) * 86_400
        var text = CivilDate(daysSince1970: Int(days)).description
        for (mark, number) in [("T", second / 3600), (":", second / 60 % 60), (":", second % 60)] {
            text += mark + (number < 10 ? "0" : "") + String(number)
        }
        return text + "Z"
    }

    /// The seconds since 1970 of the years 0 to 9999.
    private static let range = -62_167_219_200.0..<253_402_300_800

    /// Parses an ISO 8601 time with a time zone, such as `2027-01-31T12:00:00Z` or `2027-01-31T13:00:00.5+01:00`.
    ///
    /// Returns nil for any other text, and for a time that does not exist, such as 30 February or 24:00. Leap seconds do
    /// not exist either: the service counts seconds as the system does, without them.
    ///
    /// Source: RFC 3339, section 5.6.
    package static func parse(_ text: String) -> Date? {
        var text = text
        return text.withUTF8 { bytes in parsePlain(bytes) ?? parseGenerally(bytes) }
    }

    /// Parses an HTTP date in one of its three forms: `Wed, 21 Oct 2026 07:28:00 GMT`,
    /// `Wednesday, 21-Oct-26 07:28:00 GMT` and `Wed Oct 21 07:28:00 2026` (RFC 9110, section 5.6.7).
    ///
    /// Returns nil for any other text. A year of two digits is the one that is nearest to `now`.
    package static func parseHTTPDate(_ text: String, now: Date = Date()) -> Date? {
        let words = text.split(separator: " ")
        switch words.count {
        case 6:
            guard words[0].hasSuffix(","), words[1].utf8.count == 2, words[5] == "GMT" else { return nil }
            return httpDate(year: words[3], month: words[2], day: words[1], time: words[4])
        case 4:
            let date = words[1].split(separator: "-", omittingEmptySubsequences: false)
            guard words[0].hasSuffix(","), date.count == 3, date[0].utf8.count == 2, date[2].utf8.count == 2,
                words[3] == "GMT", let year = UInt8(date[2])
            else { return nil }
            let distance = Double(year) - Double(yearOf(now) % 100)
            let nearest = yearOf(now) + Int(distance) - Int((distance / 100).rounded()) * 100
            return httpDate(year: Substring(String(nearest)), month: date[1], day: date[0], time: words[2])
        case 5:
            return httpDate(year: words[4], month: words[1], day: words[2], time: words[3])
        default: return nil
        }
    }

    private static func httpDate(year: Substring, month: Substring, day: Substring, time: Substring) -> Date? {
        guard let month = months.firstIndex(of: String(month)), year.utf8.count == 4, time.utf8.count == 8 else {
            return nil
        }
        // A leap second, which this form has and the system's clock does not, counts as the second before it.
        let time = time.hasSuffix(":60") ? "\(time.dropLast(2))59" : String(time)
        var text = "\(year)-\(month < 9 ? "0" : "")\(month + 1)-\(day.utf8.count == 1 ? "0" : "")\(day)T\(time)Z"
        return text.withUTF8(parsePlain)
    }

    private static func yearOf(_ date: Date) -> Int {
        CivilDate(daysSince1970: Int((date.timeIntervalSince1970 / 86_400).rounded(.down))).year
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Parses a time with a fraction of up to 9 digits, or with an offset such as `+01:00`, `+0100` or `+01`.
    private static func parseGenerally(_ bytes: UnsafeBufferPointer<UInt8>) -> Date? {
        guard bytes.count >= 20, let start = seconds(bytes) else { return nil }
        var index = 19
        var fraction = 0.0
        if bytes[index] == UInt8(ascii: ".") {
            var end = index + 1
            while end < bytes.count, (0x30...0x39).contains(bytes[end]) { end += 1 }
            let digits = end - index - 1
            guard (1...9).contains(digits), let number = CivilDate.number(bytes, (index + 1)..<end) else { return nil }
            fraction = (0..<digits).reduce(Double(number)) { value, _ in value / 10 }
            index = end
        }
        guard index < bytes.count else { return nil }
        let zone = UnsafeBufferPointer(rebasing: bytes[index...])
        return offset(zone).map { Date(timeIntervalSince1970: Double(start - $0) + fraction) }
    }

    /// Returns the seconds of a time zone: `Z`, or a sign with hours and perhaps minutes.
    private static func offset(_ zone: UnsafeBufferPointer<UInt8>) -> Int? {
        if zone.count == 1, zone[0] == UInt8(ascii: "Z") { return 0 }
        guard [3, 5, 6].contains(zone.count), zone[0] == UInt8(ascii: "+") || zone[0] == UInt8(ascii: "-"),
            zone.count < 6 || zone[3] == UInt8(ascii: ":"), let hours = CivilDate.number(zone, 1..<3), hours < 24,
            let minutes = zone.count == 3 ? 0 : CivilDate.number(zone, (zone.count - 2)..<zone.count), minutes < 60
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return zone[0] == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// Parses `YYYY-MM-DDTHH:MM:SSZ`, the form that the API writes.
    static func parsePlain(_ bytes: UnsafeBufferPointer<UInt8>) -> Date? {
        guard bytes.count == 20, bytes[19] == UInt8(ascii: "Z") else { return nil }
        return seconds(bytes).map { Date(timeIntervalSince1970: Double($0)) }
    }

    /// Returns the seconds since 1970 of the time at the start of at least 19 bytes, as if it were in UTC.
    private static func seconds(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let date = CivilDate(digits: bytes), let hour = CivilDate.number(bytes, 11..<13),
            let minute = CivilDate.number(bytes, 14..<16), let second = CivilDate.number(bytes, 17..<19), hour < 24,
            minute < 60, second < 60
        else { return nil }
        return date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second
    }
}
