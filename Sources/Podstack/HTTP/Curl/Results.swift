import Synchronization

/// Results that their callers have not been told yet.
///
/// To tell one is to wake a thread that runs tasks, if one sleeps. On a busy machine that thread runs at once, in the place
/// of the loop's, finds one task, and sleeps again. So whoever was told tells another before it goes on, as the loop does
/// until all are told.
final class Results: Sendable {
    private let untold = Mutex<[(transfer: Transfer, status: Result<Int, any Error>)]>([])

    func append(_ status: Result<Int, any Error>, of transfer: Transfer) {
        untold.withLock { $0.append((transfer, status)) }
    }

    /// Whether there was any.
    @discardableResult
    func tellOne() -> Bool {
        guard let (transfer, status) = untold.withLock({ $0.popLast() }) else { return false }
        transfer.completion.finish(status)
        return true
    }
}
