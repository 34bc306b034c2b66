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
    private let lastPruned = Mutex<Int64?>(nil)
    private let isDatabaseLost = Mutex(false)

    init(_ service: Service) { self.service = service }

    /// Writes last-used times and, once an hour, removes expired audit events.
    ///
    /// A failure is logged and retried next time. The loss of the database and its return are logged once.
    func run() {
        watchDatabase()
        service.flushLastUsed()
        let now = service.now()
        let isDue = lastPruned.withLock { $0.map { now - $0 >= Self.pruningSeconds } ?? true }
        guard isDue else { return }
        do {
            guard try service.changes.trail.prune(now: now, in: service.database, within: Self.pruningLimitSeconds)
            else { return }
            lastPruned.withLock { $0 = now }
        } catch {
            service.log.write("old_events_not_removed", level: "warning")
        }
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
