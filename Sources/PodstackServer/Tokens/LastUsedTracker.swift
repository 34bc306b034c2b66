import Synchronization

/// When each token was last used: gathered in memory, by each instance for itself, and written in batches. Until then
/// the others show the time before.
final class LastUsedTracker: Sendable {
    /// In one transaction.
    private static let batch = 500

    private struct State {
        var latest: [String: Int64] = [:]
        var unwritten: Set<String> = []
    }

    private let state = Mutex(State())

    func use(_ id: String, at now: Int64) {
        state.withLock { state in
            if let known = state.latest[id], known >= now { return }
            state.latest[id] = now
            state.unwritten.insert(id)
        }
    }

    func latest(_ id: String) -> Int64? { state.withLock { $0.latest[id] } }

    /// Writes what came since the last time. What could not be written is tried again the next time.
    func flush(to database: any Database) throws {
        while true {
            let times: [(id: String, time: Int64)] = state.withLock { state in
                let ids = state.unwritten.prefix(Self.batch)
                state.unwritten.subtract(ids)
                return ids.compactMap { id in state.latest[id].map { (id, $0) } }
            }
            guard !times.isEmpty else { return }
            do {
                try database.write { try TokenStore.setLastUsed(times, in: $0) }
            } catch {
                state.withLock { $0.unwritten.formUnion(times.map(\.id)) }
                throw error
            }
            // Written values are in the database; kept ones would grow with every token ever used.
            state.withLock { state in
                for (id, time) in times where state.latest[id] == time && !state.unwritten.contains(id) {
                    state.latest[id] = nil
                }
            }
        }
    }
}
