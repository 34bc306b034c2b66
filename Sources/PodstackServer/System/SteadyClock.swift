import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A wall clock that never goes back, even if the system's clock does: what has expired stays expired.
///
/// If the system's clock ran ahead and is corrected, this clock stands still until the system's clock has caught up or the
/// service is restarted. Each instance of the service has its own.
final class SteadyClock: Sendable {
    private let source: @Sendable () -> Int64
    private let latest = Atomic<Int64>(.min)

    init(_ source: @escaping @Sendable () -> Int64) { self.source = source }

    /// The time in seconds since 1970.
    var now: Int64 {
        let time = source()
        // Usually another request has already stored this second.
        let seen = latest.load(ordering: .relaxed)
        if time == seen { return time }
        return latest.max(time, ordering: .relaxed).newValue
    }
}

/// Clocks for durations, which no change of the system's time affects.
enum MonotonicClock {
    /// Seconds of a clock that is cheap to read.
    static let seconds: @Sendable () -> Int64 = {
        var time = timespec()
        #if os(Linux)
            clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return Int64(time.tv_sec)
    }

    /// Nanoseconds of a clock that goes on while the machine sleeps.
    static var nanoseconds: Int64 {
        var time = timespec()
        #if os(Linux)
            clock_gettime(CLOCK_BOOTTIME, &time)
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
