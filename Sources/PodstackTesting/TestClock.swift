public import Podstack
import Synchronization

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A clock for tests: it advances only when the client sleeps or the test advances it, so no test waits.
///
/// ```swift
/// let clock = TestClock()
/// let client = try Client(apiToken: "test", transport: transport, time: clock.time)
/// // … a call that is retried …
/// #expect(clock.sleeps.count == 3)
/// ```
public final class TestClock: Sendable {
    private struct State {
        var passed = Duration.zero
        var sleeps: [Duration] = []
    }

    private let start: Date
    private let origin = ContinuousClock.now
    private let state = Mutex(State())

    /// Creates a clock.
    ///
    /// - Parameter start: The date at which the clock starts (default: 2030-03-17T17:46:40Z).
    public init(_ start: Date = Date(timeIntervalSince1970: 1_900_000_000)) { self.start = start }

    /// The time source to pass to a client.
    public var time: TimeSource {
        TimeSource(
            date: { self.date },
            now: { self.origin + self.state.withLock(\.passed) },
            sleep: { duration in
                try Task.checkCancellation()
                self.state.withLock {
                    $0.sleeps.append(duration)
                    $0.passed += duration
                }
            })
    }

    /// The current date of the clock.
    public var date: Date { start.addingTimeInterval(state.withLock(\.passed) / .seconds(1)) }

    /// The durations of all waits so far.
    public var sleeps: [Duration] { state.withLock(\.sleeps) }

    /// Advances the clock.
    ///
    /// - Parameter duration: The time to add.
    public func advance(by duration: Duration) { state.withLock { $0.passed += duration } }
}
