#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// The times of the API: ISO 8601 in UTC with whole seconds, such as `2027-01-31T12:00:00Z`.
package enum Timestamp {
    /// Returns a time as the API writes it.
    package static func format(_ date: Date) -> String { date.formatted(.iso8601) }

    /// Parses an ISO 8601 time with a time zone; fractions of a second are accepted.
    ///
    /// Returns nil for any other text.
    package static func parse(_ text: String) -> Date? {
        var text = text
        if let date = text.withUTF8(parsePlain) { return date }
        // Foundation's parser ignores what follows a time, so all characters are checked first.
        guard text.utf8.count <= 40, text.utf8.allSatisfy({ isPartOfTime($0) }) else { return nil }
        if let date = try? Date(text, strategy: .iso8601) { return date }
        return try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Parses the form of HTTP dates that senders must generate, such as `Wed, 21 Oct 2026 07:28:00 GMT` (RFC 9110,
    /// section 5.6.7).
    ///
    /// Returns nil for any other text.
    package static func parseHTTPDate(_ text: String) -> Date? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[0].hasSuffix(","), words[1].utf8.count == 2,
            let month = months.firstIndex(of: String(words[2])), words[3].utf8.count == 4, words[4].utf8.count == 8,
            words[5] == "GMT"
        else { return nil }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        var time = "\(words[3])-\(number)-\(words[1])T\(words[4])Z"
        return time.withUTF8(parsePlain)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func isPartOfTime(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "T"), UInt8(ascii: "Z"), UInt8(ascii: ":"),
            UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Parses `YYYY-MM-DDTHH:MM:SSZ`, the form that the API writes, without the cost of Foundation's parser.
    static func parsePlain(_ bytes: UnsafeBufferPointer<UInt8>) -> Date? {
        guard bytes.count == 20, bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"), bytes[19] == UInt8(ascii: "Z"),
            // Foundation's parser uses the Julian calendar for earlier years.
            let date = CivilDate(digits: bytes), date.year >= 1583,
            let hour = CivilDate.number(bytes, 11..<13), let minute = CivilDate.number(bytes, 14..<16),
            let second = CivilDate.number(bytes, 17..<19), hour < 24, minute < 60, second < 60
        else { return nil }
        return Date(timeIntervalSince1970: Double(date.daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second))
    }
}
