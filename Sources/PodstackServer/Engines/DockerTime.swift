/// The times of the Docker API: RFC 3339 with up to nine digits of a second.
enum DockerTime {
    /// Returns the nanoseconds since 1970; nil for the time `0001-01-01T00:00:00Z`, which means none, and for other texts.
    static func nanoseconds(_ text: String) -> Int64? {
        var parser = Parser(rest: Array(text.utf8)[...])
        guard let year = parser.number(4), parser.accept("-"), let month = parser.number(2), parser.accept("-"),
            let day = parser.number(2), parser.accept("T"), let hour = parser.number(2), parser.accept(":"),
            let minute = parser.number(2), parser.accept(":"), let second = parser.number(2), year >= 1970,
            year < 2262, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        let fraction = parser.accept(".") ? parser.fraction() : 0
        guard let fraction, let offset = parser.offset(), parser.rest.isEmpty else { return nil }
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return seconds * 1_000_000_000 + fraction
    }

    /// Returns the milliseconds since 1970, without the rest; nil as for ``nanoseconds(_:)``.
    static func milliseconds(_ text: String) -> Int64? { nanoseconds(text).map { $0 / 1_000_000 } }

    /// Returns a time as the API takes it in queries: seconds since 1970 with a fraction.
    static func query(nanoseconds: Int64) -> String {
        let fraction = String(nanoseconds % 1_000_000_000)
        return "\(nanoseconds / 1_000_000_000).\(String(repeating: "0", count: 9 - fraction.utf8.count))\(fraction)"
    }

    /// The number of days since 1970 of a date in the Gregorian calendar.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        // The year begins in March, so that a leap day is its last.
        let year = month > 2 ? year : year - 1
        let month = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * month + 2) / 5 + day - 1
        return year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    private struct Parser {
        var rest: ArraySlice<UInt8>

        mutating func accept(_ character: Character) -> Bool {
            guard let first = rest.first, first == character.asciiValue else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number(_ digits: Int) -> Int64? {
            guard rest.count >= digits else { return nil }
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        /// Returns the nanoseconds of one to nine digits.
        mutating func fraction() -> Int64? {
            var value: Int64 = 0
            var count = 0
            while let digit = digit() {
                guard count < 9 else { return nil }
                value = value * 10 + digit
                count += 1
            }
            guard count > 0 else { return nil }
            for _ in count..<9 { value *= 10 }
            return value
        }

        /// Returns the seconds of `Z`, `+01:00` or `-01:00`.
        mutating func offset() -> Int64? {
            if accept("Z") { return 0 }
            let sign: Int64 = accept("+") ? 1 : accept("-") ? -1 : 0
            guard sign != 0, let hours = number(2), accept(":"), let minutes = number(2), hours < 24, minutes < 60
            else {
                return nil
            }
            return sign * (hours * 3600 + minutes * 60)
        }

        private mutating func digit() -> Int64? {
            guard let first = rest.first, (0x30...0x39).contains(first) else { return nil }
            rest.removeFirst()
            return Int64(first - 0x30)
        }
    }
}
