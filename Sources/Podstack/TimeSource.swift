#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The time as a client sees it: a value, so that a test need not wait.
public struct TimeSource: Sendable {
    /// The time of day.
    public var date: @Sendable () -> Date
    /// For deadlines: only ever goes forward.
    public var now: @Sendable () -> ContinuousClock.Instant
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(
        date: @escaping @Sendable () -> Date, now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.date = date
        self.now = now
        self.sleep = sleep
    }

    public static let system = TimeSource(
        date: { Date() }, now: { .now }, sleep: { try await Task.sleep(for: $0) })
}
