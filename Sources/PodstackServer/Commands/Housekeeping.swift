import Synchronization

/// What has to be done now and then while the service runs. Each instance does it; the second finds it done.
final class Housekeeping: Sendable {
    private static let interval: Int64 = 3600

    private let service: Service
    private let lastDone = Mutex<Int64?>(nil)

    init(_ service: Service) { self.service = service }

    /// Writes last-used times and, once an hour, removes what is kept for a time only. Failures are logged, and tried
    /// again the next time.
    func run() {
        do { try service.lastUsed.flush(to: service.database) } catch {
            service.log.write("last_used_not_written", level: "warning")
        }
        let now = service.now()
        let isDue = lastDone.withLock { $0.map { now - $0 >= Self.interval } ?? true }
        guard isDue else { return }
        do {
            try service.changes.trail.prune(now: now, in: service.database)
            lastDone.withLock { $0 = now }
        } catch {
            service.log.write("old_events_not_removed", level: "warning")
        }
    }
}
