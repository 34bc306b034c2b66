import Synchronization

/// A token was used: when last, from where, and, if that was noted, for what.
struct TokenUse: Sendable, Equatable {
    /// Seconds since 1970.
    var time: Int64
    var address: ClientAddress
    var scopes: ScopeSet = []
}

/// The uses of tokens: gathered in memory, by each instance for itself, and written in batches. Until then the others
/// show what was before.
final class LastUsedTracker: Sendable {
    /// In one transaction.
    private static let batch = 500

    private struct State {
        var latest: [String: TokenUse] = [:]
        var unwritten: Set<String> = []
    }

    private let state = Mutex(State())

    func note(_ use: TokenUse, of id: String) {
        state.withLock { state in
            var latest = state.latest[id] ?? use
            if use.time > latest.time { (latest.time, latest.address) = (use.time, use.address) }
            latest.scopes.formUnion(use.scopes)
            guard latest != state.latest[id] else { return }
            state.latest[id] = latest
            state.unwritten.insert(id)
        }
    }

    func latest(_ id: String) -> TokenUse? { state.withLock { $0.latest[id] } }

    /// Writes what came since the last time. What could not be written is tried again the next time.
    func flush(to database: any Database) throws {
        while true {
            let uses: [(id: String, use: TokenUse)] = state.withLock { state in
                let ids = state.unwritten.prefix(Self.batch)
                state.unwritten.subtract(ids)
                return ids.compactMap { id in state.latest[id].map { (id, $0) } }
            }
            guard !uses.isEmpty else { return }
            do {
                try database.write { try TokenStore.note(uses, in: $0) }
            } catch {
                state.withLock { $0.unwritten.formUnion(uses.map(\.id)) }
                throw error
            }
            // Written values are in the database; kept ones would grow with every token ever used.
            state.withLock { state in
                for (id, use) in uses where state.latest[id] == use && !state.unwritten.contains(id) {
                    state.latest[id] = nil
                }
            }
        }
    }
}
