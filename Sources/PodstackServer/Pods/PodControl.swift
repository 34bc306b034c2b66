import Synchronization

/// Starts and stops the ``PodController`` of a service that has an engine.
final class PodControl: Sendable {
    private let link: EngineLink
    private let changes: Changes
    private let billing: Billing
    private let sealing: SealedValues
    private let settings: PodWorker.Settings
    private let log: Log
    private let now: @Sendable () -> Int64
    private let elapsed: @Sendable () -> Int64
    private let controller = Mutex<PodController?>(nil)

    init(
        link: EngineLink, changes: Changes, billing: Billing, sealing: SealedValues, settings: PodWorker.Settings,
        log: Log, now: @escaping @Sendable () -> Int64, elapsed: @escaping @Sendable () -> Int64
    ) {
        self.link = link
        self.changes = changes
        self.billing = billing
        self.sealing = sealing
        self.settings = settings
        self.log = log
        self.now = now
        self.elapsed = elapsed
    }

    /// Starts the controller; does nothing without an engine.
    ///
    /// - Throws: ``DatabaseFailure`` if the database's label for the engine can be neither read nor created.
    func start() throws {
        guard let engine = link.engine else { return }
        let database = changes.database
        let instance =
            try database.read { try PodStore.instance(in: $0) }
            ?? database.write { try PodStore.createInstance(in: $0) }
        let controller = PodController(
            PodWorker.Environment(
                link: link, engine: engine, database: database, changes: changes, billing: billing, sealing: sealing,
                settings: settings, instance: instance, log: log, now: now, elapsed: elapsed))
        self.controller.withLock { $0 = controller }
        controller.start()
    }

    func stop() {
        let controller = controller.withLock { controller in
            defer { controller = nil }
            return controller
        }
        controller?.stop()
    }
}
