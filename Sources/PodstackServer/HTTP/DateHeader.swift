import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The value of the `Date` header, which is formatted once a second for all responses.
///
/// Source: RFC 9110, sections 5.6.7 and 6.6.1.
enum DateHeader {
    private static let latest = Mutex<(second: Int, text: String)>((.min, ""))

    /// The value for a response that is sent now, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    static var current: String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        let second = time.tv_sec
        return latest.withLock { latest in
            if latest.second != second { latest = (second, text(of: second)) }
            return latest.text
        }
    }

    /// Returns the text of a time in seconds since 1970.
    static func text(of second: Int) -> String {
        var second = time_t(second)
        var date = tm()
        gmtime_r(&second, &date)
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = days[Int(date.tm_wday)]
        let month = months[Int(date.tm_mon)]
        let clock = "\(padded(date.tm_hour)):\(padded(date.tm_min)):\(padded(date.tm_sec))"
        return "\(day), \(padded(date.tm_mday)) \(month) \(date.tm_year + 1900) \(clock) GMT"
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
