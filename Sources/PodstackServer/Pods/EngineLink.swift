import Synchronization

/// The engine of the pods, as the routes and the ``PodController`` share it.
final class EngineLink: Sendable {
    /// The engine; nil for a service without one.
    let engine: (any PodEngine)?
    private let state = Mutex(State())
    /// The pods to look at; a change wakes the controller.
    let wakeups = Monitor(Wakeups())

    private struct State {
        var isReachable = true
        var capabilities: EngineCapabilities?
    }

    struct Wakeups {
        /// The pods that have to be reconciled; the database may have more.
        var podIDs: Set<String> = []
        /// Whether pods, volumes or anything else has changed in the database.
        var hasChanges = false
        var isStopping = false
    }

    init(_ engine: (any PodEngine)?) { self.engine = engine }

    /// Whether the engine cannot be asked, so that the recorded states may be old.
    var isStale: Bool { engine == nil || !state.withLock { $0.isReachable } }

    /// The abilities of the engine; nil until it has responded once.
    var capabilities: EngineCapabilities? { state.withLock { $0.capabilities } }

    /// Returns the engine.
    ///
    /// - Throws: ``DomainError/unavailable(_:retryAfterSeconds:)`` if there is none, or it did not respond last time.
    func require() throws -> any PodEngine {
        guard let engine else {
            throw DomainError.unavailable("This service has no container engine", retryAfterSeconds: 60)
        }
        guard state.withLock({ $0.isReachable }) else { throw Self.unreachable }
        return engine
    }

    static let unreachable = DomainError.unavailable(
        "The container engine does not respond; try again later", retryAfterSeconds: 5)

    func set(_ capabilities: EngineCapabilities) { state.withLock { $0.capabilities = capabilities } }

    /// Records whether the engine responds; returns whether that is news.
    func set(isReachable: Bool) -> Bool {
        state.withLock { state in
            defer { state.isReachable = isReachable }
            return state.isReachable != isReachable
        }
    }

    /// Wakes the controller, because a pod or a volume has changed in the database.
    func wake(_ podID: String? = nil) {
        wakeups.change { wakeups in
            if let podID { wakeups.podIDs.insert(podID) } else { wakeups.hasChanges = true }
        }
    }
}
