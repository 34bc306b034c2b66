/// The limits and the reports of work that blocks, such as waiting for a lock, a pipe or a program.
///
/// Bound to the task, because the work is far below the call that limits it and the program that shows what it waits
/// for.
package struct BlockingWork: Sendable {
    /// The longest time of each wait; nil when only its own limit applies.
    package var limit: Duration?
    /// Receives what the work waits for, after ``noticeDelay``.
    package var onWait: @Sendable (_ what: String) -> Void = { _ in }
    /// Receives a sentence about each safety step that the system does not support.
    package var onWarning: @Sendable (_ sentence: String) -> Void = { _ in }

    package init() {}

    @TaskLocal package static var current = BlockingWork()

    /// The time after which a user wants to know what a program waits for.
    package static let noticeDelay = Duration.seconds(2)

    /// Runs a closure, and reports what it waits for if it takes longer than ``noticeDelay``.
    package static func reporting<Value>(
        _ what: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async rethrows -> Value {
        let report = current.onWait
        let notice = Task.detached {
            try await Task.sleep(for: noticeDelay)
            report(what)
        }
        defer { notice.cancel() }
        return try await body()
    }
}

/// One wait, which is reported once if it takes longer than ``BlockingWork/noticeDelay``.
package struct Wait: Sendable {
    private let work = BlockingWork.current
    private let what: String
    /// The time at which the wait ends without success.
    private let end: ContinuousClock.Instant
    /// Nil after the notice.
    private var notice: ContinuousClock.Instant?

    /// Begins a wait for at most `limit`, and at most the limit of the work.
    package init(for what: String, within limit: Duration) {
        self.what = what
        let now = ContinuousClock.now
        end = now + min(limit, work.limit ?? limit)
        notice = now + BlockingWork.noticeDelay
    }

    /// Returns the longest time to sleep before this is called again; nil when the time is up.
    package mutating func next() -> Duration? {
        let now = ContinuousClock.now
        guard now < end else { return nil }
        if let notice, now >= notice {
            work.onWait(what)
            self.notice = nil
        }
        return notice.map { min($0, end) - now } ?? end - now
    }
}
