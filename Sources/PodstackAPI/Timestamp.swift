#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The times of the API: ISO 8601, UTC, whole seconds, `Z`. Fractions are understood when read.
public enum Timestamp {
    public static func format(_ date: Date) -> String { date.formatted(.iso8601) }

    /// Nil when `text` is not a time with a zone.
    public static func parse(_ text: String) -> Date? {
        if let date = try? Date(text, strategy: .iso8601) { return date }
        return try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
