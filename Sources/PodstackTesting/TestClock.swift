import Podstack
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A clock that stands still until somebody sleeps or moves it; nobody really waits.
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

    public init(_ start: Date = Date(timeIntervalSince1970: 1_900_000_000)) { self.start = start }

    /// What to give to a client.
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

    public var date: Date { start.addingTimeInterval(state.withLock(\.passed) / .seconds(1)) }

    /// Every wait so far.
    public var sleeps: [Duration] { state.withLock(\.sleeps) }

    public func advance(by duration: Duration) { state.withLock { $0.passed += duration } }
}
