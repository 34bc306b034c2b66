import Synchronization

/// A clock that never goes back, whatever the machine's does: what has ended stays so.
///
/// Each instance of the service has its own: they agree as far as the clocks of their machines do.
///
/// After a clock that ran ahead was put right, time stands still until it is reached again, or the service restarted.
final class SteadyClock: Sendable {
    private let source: @Sendable () -> Int64
    private let latest = Atomic<Int64>(.min)

    init(_ source: @escaping @Sendable () -> Int64) { self.source = source }

    /// Seconds since 1970.
    var now: Int64 {
        let time = source()
        // Most of the time another request had this second already.
        let seen = latest.load(ordering: .relaxed)
        if time == seen { return time }
        return latest.max(time, ordering: .relaxed).newValue
    }
}
