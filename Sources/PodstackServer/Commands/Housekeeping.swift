import Synchronization

/// The regular maintenance of a running service.
///
/// Every instance does it; a second one finds nothing left to do.
final class Housekeeping: Sendable {
    /// The seconds between two removals of expired audit events.
    private static let pruningSeconds: Int64 = 3600

    private let service: Service
    private let lastPruned = Mutex<Int64?>(nil)

    init(_ service: Service) { self.service = service }

    /// Writes last-used times and, once an hour, removes expired audit events.
    ///
    /// A failure is logged and retried next time.
    func run() {
        do { try service.lastUsed.flush(to: service.database) } catch {
            service.log.write("last_used_not_written", level: "warning")
        }
        let now = service.now()
        let isDue = lastPruned.withLock { $0.map { now - $0 >= Self.pruningSeconds } ?? true }
        guard isDue else { return }
        do {
            try service.changes.trail.prune(now: now, in: service.database)
            lastPruned.withLock { $0 = now }
        } catch {
            service.log.write("old_events_not_removed", level: "warning")
        }
    }
}
