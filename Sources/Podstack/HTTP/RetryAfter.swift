#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The header `Retry-After`: seconds, or the time of day as `Wed, 21 Oct 2026 07:28:00 GMT` (RFC 9110, 10.2.3).
enum RetryAfter {
    /// Nil when it is neither. A time that has passed is no wait.
    static func parse(_ text: String, now: Date = Date()) -> Duration? {
        let text = text.trimmingWhitespace()
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // More digits than an Int holds are longer than anybody waits.
            return .seconds(Int(text) ?? Int(Int32.max))
        }
        guard let date = httpDate(text) else { return nil }
        return .seconds(max(0, date.timeIntervalSince(now).rounded(.up)))
    }

    private static let months = [
        "Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06",
        "Jul": "07", "Aug": "08", "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12",
    ]

    private static func httpDate(_ text: String) -> Date? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[0].hasSuffix(","), words[1].count == 2, let month = months[String(words[2])],
            words[3].count == 4, words[4].count == 8, words[5] == "GMT"
        else { return nil }
        return Timestamp.parse("\(words[3])-\(month)-\(words[1])T\(words[4])Z")
    }
}
