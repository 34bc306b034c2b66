#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The clocks of a client: a value, so that tests need not wait.
///
/// `PodstackTesting` has a `TestClock` that provides one.
public struct TimeSource: Sendable {
    /// Returns the current date, which is compared with the dates that the service sends.
    public var date: @Sendable () -> Date
    /// Returns the current time of a clock that never goes back, for deadlines.
    public var now: @Sendable () -> ContinuousClock.Instant
    /// Waits for a duration; throws `CancellationError` if the task is canceled.
    public var sleep: @Sendable (Duration) async throws -> Void

    /// Creates a time source.
    ///
    /// - Parameters:
    ///   - date: Returns the current date.
    ///   - now: Returns the current time of a clock that never goes back.
    ///   - sleep: Waits for a duration.
    public init(
        date: @escaping @Sendable () -> Date, now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.date = date
        self.now = now
        self.sleep = sleep
    }

    /// The clocks of the system.
    public static let system = TimeSource(
        date: { Date() }, now: { .now }, sleep: { try await Task.sleep(for: $0) })
}

extension Duration {
    /// The duration in whole seconds, rounded up.
    ///
    /// A duration of more than 300 years becomes about that long, because larger numbers could overflow.
    var wholeSeconds: Int {
        let limit = Duration.seconds(10_000_000_000)
        let (seconds, attoseconds) = min(max(self, .zero - limit), limit).components
        return Int(seconds) + (attoseconds > 0 ? 1 : 0)
    }
}
