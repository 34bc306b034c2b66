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
        var text = text
        if let date = text.withUTF8({ plain($0[...]) }) { return date }
        // The general way passes over what follows a time.
        guard text.utf8.count <= 40, text.utf8.allSatisfy({ isOfTime($0) }) else { return nil }
        if let date = try? Date(text, strategy: .iso8601) { return date }
        return try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    private static func isOfTime(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "T"), UInt8(ascii: "Z"), UInt8(ascii: ":"),
            UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`, as the API writes it: most of what is read, so without the general way's cost.
    static func plain(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Date? {
        let bytes = UnsafeBufferPointer(rebasing: text)
        guard bytes.count == 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            bytes[19] == UInt8(ascii: "Z"),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
            let second = number(bytes[17..<19]),
            // Earlier years are of the Julian calendar, which the general way knows.
            year >= 1583, (1...12).contains(month), (1...28).contains(day) || day <= lastDay(month, year),
            day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        let days = daysBefore(year) + daysBefore(month, in: year) + day - 1 - daysBefore(1970)
        return Date(timeIntervalSince1970: Double(days * 86_400 + hour * 3600 + minute * 60 + second))
    }

    private static func number(_ digits: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        var value = 0
        for digit in digits {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }

    private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func lastDay(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// From the first day of year 1, in the Gregorian calendar.
    private static func daysBefore(_ year: Int) -> Int {
        let past = year - 1
        return past * 365 + past / 4 - past / 100 + past / 400
    }

    private static func daysBefore(_ month: Int, in year: Int) -> Int {
        (1..<month).reduce(0) { $0 + lastDay($1, year) }
    }
}
