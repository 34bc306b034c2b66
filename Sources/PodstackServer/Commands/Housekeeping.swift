import Synchronization

/// The regular maintenance of a running service.
///
/// Every instance does it; a second one finds nothing left to do.
final class Housekeeping: Sendable {
    /// The seconds between two removals of expired audit events.
    private static let pruningSeconds: Int64 = 3600

    private let service: Service
    private let offer: Mutex<FirstAccountOffer?>
    private let lastPruned = Mutex<Int64?>(nil)
    /// One run at a time, and another one that waits.
    private let queue = WorkQueue(capacity: 1)

    /// Creates the maintenance of a service.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - offer: The link for the first account, which is withdrawn when it ends.
    init(_ service: Service, _ offer: FirstAccountOffer? = nil) {
        self.service = service
        self.offer = Mutex(offer)
    }

    /// Starts ``run()`` on a thread of its own; if the last run still waits for the database, this one follows it.
    func start() { queue.add { [self] in run() } }

    /// Writes last-used times and, once an hour, removes expired audit events.
    ///
    /// A failure is logged and retried next time.
    func run() {
        do { try service.lastUsed.flush(to: service.database) } catch {
            service.log.write("last_used_not_written", level: "warning")
        }
        offer.withLock { if $0?.withdrawIfEnded() == true { $0 = nil } }
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
