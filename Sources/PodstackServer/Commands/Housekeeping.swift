import Synchronization

/// The regular maintenance of a running service.
///
/// Every instance does it; a second one finds nothing left to do.
final class Housekeeping: Sendable {
    /// The seconds between two removals of expired audit events.
    private static let pruningSeconds: Int64 = 3600

    private let service: Service
    /// The monotonic time of the last removal, in seconds.
    private let lastPruned = Mutex<Int64?>(nil)
    /// The time of both clocks at the start, in seconds.
    private let start: (time: Int64, elapsed: Int64)

    init(_ service: Service) {
        self.service = service
        start = (service.now(), service.elapsed() / 1_000_000_000)
    }

    /// Writes last-used times and, once an hour, removes expired audit events.
    ///
    /// A failure is logged and retried next time.
    func run() {
        do { try service.lastUsed.flush(to: service.database) } catch {
            service.log.write("last_used_not_written", level: "warning")
        }
        let elapsed = service.elapsed() / 1_000_000_000
        let isDue = lastPruned.withLock { $0.map { elapsed - $0 >= Self.pruningSeconds } ?? true }
        guard isDue else { return }
        // A clock that jumps ahead must not remove events that are not old.
        let now = min(service.now(), start.time + elapsed - start.elapsed)
        do {
            try service.changes.trail.prune(now: now, in: service.database)
            lastPruned.withLock { $0 = elapsed }
        } catch {
            service.log.write("old_events_not_removed", level: "warning")
        }
    }
}
