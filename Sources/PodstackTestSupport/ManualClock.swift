import Synchronization

/// A clock that a test sets, in seconds since 1970.
package final class ManualClock: Sendable {
    private let time: Atomic<Int64>

    package init(_ start: Int64 = 1_900_000_000) { time = Atomic(start) }

    package var now: Int64 { time.load(ordering: .relaxed) }

    package func set(_ now: Int64) { time.store(now, ordering: .relaxed) }
}
