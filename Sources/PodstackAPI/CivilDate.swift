/// A day of the proleptic Gregorian calendar, and the only date arithmetic of this package.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (`days_from_civil` and `civil_from_days`).
package struct CivilDate: Hashable, Sendable, CustomStringConvertible {
    /// The year, 0 to 9999.
    package let year: Int
    /// The month, 1 to 12.
    package let month: Int
    /// The day of the month, 1 to 31.
    package let day: Int

    /// Creates a date; nil if it does not exist.
    package init?(year: Int, month: Int, day: Int) {
        guard (0...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= 28 || day <= Self.lengthOfMonth(month, year)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// Parses a date such as `2027-01-31`; nil if the text has another form or the date does not exist.
    package init?(_ text: String) {
        var text = text
        guard let date = text.withUTF8({ $0.count == 10 ? Self(digits: $0) : nil }) else { return nil }
        self = date
    }

    /// Parses the date at the start of at least 10 bytes.
    init?(digits bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = Self.number(bytes, 0..<4), let month = Self.number(bytes, 5..<7),
            let day = Self.number(bytes, 8..<10)
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// Creates the date that is a number of days after 1970-01-01, or before it if the number is negative.
    ///
    /// - Parameter days: A number of days whose year is 0 to 9999.
    package init(daysSince1970 days: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// The number of days from 1970-01-01; negative before it.
    package var daysSince1970: Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The number of seconds from 1970-01-01T00:00:00Z to the start of the day in UTC.
    package var secondsSince1970: Int64 { Int64(daysSince1970) * 86_400 }

    /// The date such as `2027-01-31`.
    package var description: String {
        String(unsafeUninitializedCapacity: 10) { bytes in
            Self.write(year, 4, to: bytes, at: 0)
            bytes[4] = UInt8(ascii: "-")
            Self.write(month, 2, to: bytes, at: 5)
            bytes[7] = UInt8(ascii: "-")
            Self.write(day, 2, to: bytes, at: 8)
            return 10
        }
    }

    /// Parses a fixed range of decimal digits.
    static func number(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
        var value = 0
        for index in range {
            let digit = bytes[index]
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }

    private static func write(_ number: Int, _ width: Int, to bytes: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        var rest = number
        for index in (start..<(start + width)).reversed() {
            bytes[index] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        }
    }

    private static func lengthOfMonth(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
