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
/// If the system's clock ran ahead and is corrected, this clock is ahead of it. It then advances at half the speed of the
/// monotonic clock until the system's clock has caught up. Each instance of the service has its own.
///
/// Durations do not use this clock, except those that end something: while it is ahead, they would take twice as long.
final class SteadyClock: Sendable {
    /// A change of the system's time by more than a few seconds.
    struct Step: Sendable, Equatable {
        enum Direction: String, Sendable, CaseIterable { case forward, backward }

        var direction: Direction
        var seconds: Int64
    }

    /// A difference between the clocks that is not reported: both are read a moment apart, and in whole seconds.
    private static let toleranceSeconds: Int64 = 3

    private let source: @Sendable () -> Int64
    private let elapsed: @Sendable () -> Int64
    private let onStep: @Sendable (Step) -> Void
    /// The last time that was returned.
    private let latest = Atomic<Int64>(.min)
    /// The monotonic time until which `latest` is valid while this clock is ahead.
    private let latestEnd = Atomic<Int64>(.min)
    private let state = Mutex(State())

    private struct State {
        /// Both clocks when they were last compared; nil before the first time.
        var compared: (time: Int64, elapsed: Int64)?
        /// The time in nanoseconds at a monotonic time, while this clock is ahead of the system's.
        var ahead: (time: Int64, elapsed: Int64)?
    }

    /// Creates a clock.
    ///
    /// - Parameters:
    ///   - source: Returns the system's time in seconds since 1970.
    ///   - elapsed: Returns the nanoseconds of a monotonic clock.
    ///   - onStep: Called once for each step of the system's time.
    init(
        _ source: @escaping @Sendable () -> Int64, elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed,
        onStep: @escaping @Sendable (Step) -> Void = { _ in }
    ) {
        self.source = source
        self.elapsed = elapsed
        self.onStep = onStep
    }

    /// The time in seconds since 1970.
    var now: Int64 {
        let time = source()
        // Usually another request has already stored this second.
        let seen = latest.load(ordering: .relaxed)
        if time == seen { return time }
        if time < seen, elapsed() < latestEnd.load(ordering: .relaxed) { return seen }
        return advance()
    }

    /// Advances to the system's time, or slowly while that is earlier.
    private func advance() -> Int64 {
        let (result, step) = state.withLock { state in
            // Read again: another thread may have advanced the clock meanwhile.
            let (time, elapsed) = (source(), elapsed())
            let previous = state.compared
            let step = previous.flatMap { Self.step(from: $0, to: (time, elapsed)) }
            state.compared = (time, elapsed)
            let seen = latest.load(ordering: .relaxed)
            // A step back happens some time after the clocks were last compared.
            let start = state.ahead ?? previous.map { (seen * 1_000_000_000, $0.elapsed) }
            let slow = start.map { $0.time + max(0, elapsed - $0.elapsed) / 2 } ?? 0
            guard time < slow / 1_000_000_000 else {
                state.ahead = nil
                latest.store(time, ordering: .relaxed)
                return (time, step)
            }
            state.ahead = start
            let result = max(seen, slow / 1_000_000_000)
            latest.store(result, ordering: .relaxed)
            latestEnd.store(elapsed + ((result + 1) * 1_000_000_000 - slow) * 2, ordering: .relaxed)
            // While the clock is ahead, the system's clock is compared once a second too.
            if latestEnd.load(ordering: .relaxed) - elapsed > 1_000_000_000 {
                latestEnd.store(elapsed + 1_000_000_000, ordering: .relaxed)
            }
            return (result, step)
        }
        if let step { onStep(step) }
        return result
    }

    private static func step(
        from old: (time: Int64, elapsed: Int64), to new: (time: Int64, elapsed: Int64)
    ) -> Step? {
        let seconds = new.time - old.time - (new.elapsed - old.elapsed) / 1_000_000_000
        guard abs(seconds) > toleranceSeconds else { return nil }
        return Step(direction: seconds > 0 ? .forward : .backward, seconds: abs(seconds))
    }
}

/// Compares stored times with the system's clock, for waits that survive a restart or that several instances share.
///
/// The system's clock can be stepped after a time was stored, so no wait relies on the stored time alone.
enum StoredTime {
    /// The largest difference between the clocks of two instances that is regarded as normal.
    private static let skewSeconds: Int64 = 60
    /// The seconds by which a stored time may lie in the future; a later one was stored while the clock was ahead.
    static let toleranceSeconds: Int64 = 300

    /// Returns the seconds that are left of a wait.
    ///
    /// A start that lies in the future counts as now, so a wait is never longer than its length. If it lies far in the
    /// future, the clock was ahead when it was stored, and the wait is over: otherwise it would begin again each time.
    ///
    /// - Parameters:
    ///   - length: The length of the wait in seconds.
    ///   - start: The stored start of the wait, in seconds since 1970.
    ///   - now: The system's time, in seconds since 1970.
    /// - Returns: The seconds from 0 to `length`.
    static func remaining(of length: Int64, since start: Int64, now: Int64) -> Int64 {
        if start > now + skewSeconds { return 0 }
        return max(0, length - max(0, now - start))
    }
}

/// The system's clock, which can be stepped.
enum SystemClock {
    /// Returns the time in seconds since 1970.
    static let seconds: @Sendable () -> Int64 = {
        var time = timespec()
        #if os(Linux)
            // A few milliseconds behind, and cheap to read.
            clock_gettime(CLOCK_REALTIME_COARSE, &time)
        #else
            clock_gettime(CLOCK_REALTIME, &time)
        #endif
        return Int64(time.tv_sec)
    }
}

extension SystemClock {
    /// Returns the time in milliseconds since 1970.
    static let milliseconds: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Returns a clock in milliseconds that follows a clock in seconds.
    ///
    /// It is as exact as the system's clock if that agrees with the other one, which may be a few milliseconds behind.
    static func milliseconds(following seconds: @escaping @Sendable () -> Int64) -> @Sendable () -> Int64 {
        {
            let (coarse, fine) = (seconds() * 1000, milliseconds())
            return abs(fine - coarse) < 2000 ? fine : coarse
        }
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

    /// Returns ``nanoseconds``.
    static let elapsed: @Sendable () -> Int64 = { nanoseconds }

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
