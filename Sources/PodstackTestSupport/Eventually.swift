#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The pauses of a wait that ends: they grow from 2 to 50 milliseconds until a limit on the monotonic clock.
package struct BoundedWait {
    package let limit: Duration
    private let deadline: ContinuousClock.Instant
    private var pause = Duration.milliseconds(2)

    package init(_ limit: Duration) {
        self.limit = limit
        deadline = .now + limit
    }

    /// Returns the next pause, or nil when time is up.
    package mutating func next() -> Duration? {
        let left = deadline - .now
        guard left > .zero else { return nil }
        defer { pause = min(pause * 3 / 2, .milliseconds(50)) }
        return min(pause, left)
    }

    /// Blocks the calling thread for a time.
    package static func sleep(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        usleep(useconds_t(clamping: seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
    }
}

#if canImport(Testing)
    package import Testing

    /// Waits until a condition holds, and fails the test when it does not hold in time.
    ///
    /// The condition is checked at least once, then again after pauses that grow from 2 to 50 milliseconds. An error that
    /// the condition throws ends the wait.
    ///
    /// - Parameters:
    ///   - limit: How long to wait, on the monotonic clock.
    ///   - what: The state that is waited for, for the failure's text: "the second request arrives".
    ///   - sourceLocation: The place that a failure names.
    ///   - condition: Returns whether the state is reached.
    /// - Throws: The failed expectation when time is up, or the error of the condition.
    package nonisolated(nonsending) func eventually(
        within limit: Duration = .seconds(10), _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: () async throws -> Bool
    ) async throws {
        var wait = BoundedWait(limit)
        while try await !condition() {
            guard let pause = wait.next() else { return try wait.fail(what, sourceLocation) }
            try await Task.sleep(for: pause, clock: .continuous)
        }
    }

    /// Waits on the calling thread until a condition holds, and fails the test when it does not hold in time.
    ///
    /// For code that cannot await. It blocks its thread: use it in suites with the `.blocking` trait.
    ///
    /// - Parameters:
    ///   - limit: How long to wait, on the monotonic clock.
    ///   - what: The state that is waited for, for the failure's text.
    ///   - sourceLocation: The place that a failure names.
    ///   - condition: Returns whether the state is reached.
    /// - Throws: The failed expectation when time is up, or the error of the condition.
    package func blockUntil(
        within limit: Duration = .seconds(10), _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: () throws -> Bool
    ) throws {
        var wait = BoundedWait(limit)
        while try !condition() {
            guard let pause = wait.next() else { return try wait.fail(what, sourceLocation) }
            BoundedWait.sleep(pause)
        }
    }

    extension BoundedWait {
        fileprivate func fail(_ what: String, _ sourceLocation: SourceLocation) throws {
            let heldInTime = false
            // A recorded issue and our own error would be reported as two failures.
            try #require(heldInTime, "Timed out after \(limit) waiting until \(what).", sourceLocation: sourceLocation)
        }
    }
#endif
