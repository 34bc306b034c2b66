import Synchronization

/// The regular maintenance of a running service.
///
/// Every instance does it; a second one finds nothing left to do.
final class Housekeeping: Sendable {
    /// The seconds between two removals of expired audit events.
    private static let pruningSeconds: Int64 = 3600

    /// The seconds that one call spends on it; the next call continues.
    private static let pruningLimitSeconds = 1.0

    private let service: Service
    private let offer: Mutex<FirstAccountOffer?>
    /// The seconds between two counts of the sessions.
    private static let countingSeconds: Int64 = 60
    /// The seconds between two successful readiness checks, each of which writes to the disk.
    ///
    /// After a failure, every run checks again.
    private static let readinessSeconds: Int64 = 30
    /// The monotonic times of the last removal, of the last count and of the last successful check, in seconds.
    private let lastPruned = Mutex<Int64?>(nil)
    private let lastCounted = Mutex<Int64?>(nil)
    private let lastReady = Mutex<Int64?>(nil)
    /// The time of both clocks at the start, in seconds.
    private let startedAt: (time: Int64, elapsed: Int64)
    /// One run at a time, and another one that waits.
    private let queue = WorkQueue(capacity: 1)
    private let isDatabaseLost = Mutex(false)

    /// Creates the maintenance of a service.
    ///
    /// - Parameters:
    ///   - service: The service.
    ///   - offer: The link for the first account, which is withdrawn when it ends.
    init(_ service: Service, _ offer: FirstAccountOffer? = nil) {
        self.service = service
        self.offer = Mutex(offer)
        startedAt = (service.now(), service.elapsed() / 1_000_000_000)
    }

    /// Starts ``run()`` on a thread of its own; if the last run still waits for the database, this one follows it.
    func start() {
        // Not on the queue, which may wait for the database.
        service.log.writeSums()
        queue.add { [self] in run() }
    }

    /// Writes last-used times, withdraws the link to the first account if it is obsolete and, once an hour, removes expired
    /// audit events.
    ///
    /// A failure is logged and retried next time. The loss of the database and its return are logged once.
    func run() {
        watchDatabase()
        if let current = offer.withLock({ $0 }), current.withdrawIfEnded() { offer.withLock { $0 = nil } }
        service.flushLastUsed()
        checkReadiness()
        countSessions()
        let elapsed = service.elapsed() / 1_000_000_000
        let isDue = lastPruned.withLock { $0.map { elapsed - $0 >= Self.pruningSeconds } ?? true }
        guard isDue else { return }
        // A clock that jumps ahead must not remove events that are not old.
        let now = min(service.now(), startedAt.time + elapsed - startedAt.elapsed)
        do {
            guard try service.changes.trail.prune(now: now, in: service.database, within: Self.pruningLimitSeconds)
            else { return }
            lastPruned.withLock { $0 = elapsed }
        } catch {
            service.log.write("old_events_not_removed", level: "warning")
        }
    }

    /// Checks the database for the metrics, because `/readyz` may not be requested.
    private func checkReadiness() {
        let second = service.elapsed() / 1_000_000_000
        let isDue = lastReady.withLock { $0.map { second - $0 >= Self.readinessSeconds } ?? true }
        guard isDue, let route = service.routes.first(where: { $0.operation == .getReadiness }) else { return }
        // The handler records the time of a success for the metrics.
        let isReady = (try? route.handle(Exchange(request: Request(method: "GET", path: "/readyz")))) != nil
        lastReady.withLock { $0 = isReady ? second : nil }
    }

    /// Counts the sessions for the metrics, once a minute.
    private func countSessions() {
        let second = MonotonicClock.seconds()
        let isDue = lastCounted.withLock { $0.map { second - $0 >= Self.countingSeconds } ?? true }
        guard isDue, let count = try? service.database.read({ try SignInStore.countSessions(in: $0) }) else { return }
        lastCounted.withLock { $0 = second }
        service.metrics.set(sessions: count)
    }

    private func watchDatabase() {
        var reason: String?
        do { _ = try service.database.read { try UserStore.isEmpty(in: $0) } } catch {
            reason = (error as? DatabaseFailure)?.reason ?? "the read failed"
        }
        let hasChanged = isDatabaseLost.withLock { isLost in
            defer { isLost = reason != nil }
            return isLost != (reason != nil)
        }
        guard hasChanged else { return }
        if let reason {
            service.log.write("database_lost", level: "error", [("reason", reason)])
        } else {
            service.log.write("database_again")
        }
    }
}
