import Synchronization

/// The regular maintenance of a running service.
///
/// Every instance does it; a second one finds nothing left to do.
final class Housekeeping: Sendable {
    /// The seconds between two removals of expired audit events.
    private static let pruningSeconds: Int64 = 3600

    private let service: Service
    /// The link to the first account; nil when it is used or obsolete.
    private let offer: Mutex<FirstAccountOffer?>
    private let lastPruned = Mutex<Int64?>(nil)
    /// The database may be slow; signals and deadlines must not wait for it.
    private let queue = WorkQueue(capacity: 1)

    init(_ service: Service, _ offer: FirstAccountOffer? = nil) {
        self.service = service
        self.offer = Mutex(offer)
    }

    /// Does the work on another thread, unless the previous one still waits for its turn.
    func start() { _ = queue.add { [self] in run() } }

    /// Writes last-used times, withdraws the link to the first account if it is obsolete and, once an hour, removes expired
    /// audit events.
    ///
    /// A failure is logged and retried next time.
    func run() {
        if let current = offer.withLock({ $0 }), current.withdrawIfEnded() { offer.withLock { $0 = nil } }
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
