import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How long what is remembered may be used without asking again.
///
/// It ends by the clock alone: a process that was stopped, or that nobody reaches any more, cannot be told.
final class Lease: Sendable {
    /// In nanoseconds.
    static let length: Int64 = 1_000_000_000

    private let end = Atomic<Int64>(.min)

    var isValid: Bool { Self.now < end.load(ordering: .acquiring) }

    /// - Parameter start: A time before whoever grants it was asked.
    func extend(from start: Int64) { end.store(start + Self.length, ordering: .releasing) }

    func cancel() { end.store(.min, ordering: .releasing) }

    /// Nanoseconds of a clock that nobody sets, and that goes on while the machine sleeps.
    static var now: Int64 {
        var time = timespec()
        #if os(Linux)
            clock_gettime(CLOCK_BOOTTIME, &time)
        #else
            clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
