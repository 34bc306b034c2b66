import PodstackAPI
import Synchronization

// MARK: - A use

/// A use of a token: the time, the client's address, and the scopes if they were recorded.
struct TokenUse: Sendable, Equatable {
    /// Seconds since 1970.
    var time: Int64
    var address: ClientAddress
    var scopes: ScopeSet = []
}

/// A set of scopes that name one resource and one action each, in 64 bits.
struct ScopeSet: OptionSet, Sendable {
    /// The databases store positions in these lists: a new resource is added at the end, and none is removed.
    private static let resources = ["projects", "members", "pods", "tokens", "audit-logs", "volumes", "billing"]
    private static let actions = ["create", "read", "update", "delete"]

    var rawValue: Int64
    init(rawValue: Int64) { self.rawValue = rawValue }

    /// Creates the set of all scopes that `scope` includes.
    init(_ scope: Scope) {
        rawValue = 0
        let (own, ownAction) = (scope.resource, scope.action)
        for (place, resource) in Self.resources.enumerated() where own.map({ $0 == resource }) ?? true {
            for (offset, action) in Self.actions.enumerated() where ownAction.map({ $0 == action }) ?? true {
                rawValue |= 1 << Int64(place * Self.actions.count + offset)
            }
        }
    }

    /// The elements of the set.
    var scopes: [Scope] {
        Self.resources.enumerated().flatMap { place, resource in
            Self.actions.enumerated().compactMap { offset, action in
                rawValue & 1 << Int64(place * Self.actions.count + offset) != 0
                    ? Scope("\(resource):\(action)") : nil
            }
        }
    }
}

// MARK: - Writing uses

/// Collects the uses of tokens in memory and writes them in batches.
///
/// Each instance has its own; until a batch is written, the other instances show the previous use.
final class LastUsedTracker: Sendable {
    /// The most uses that one transaction writes.
    private static let batch = 500

    private struct State {
        var latest: [String: TokenUse] = [:]
        var unwritten: Set<String> = []
    }

    private let state = Mutex(State())

    func add(_ use: TokenUse, of id: String) {
        state.withLock { state in
            var latest = state.latest[id] ?? use
            if use.time > latest.time { (latest.time, latest.address) = (use.time, use.address) }
            latest.scopes.formUnion(use.scopes)
            guard latest != state.latest[id] else { return }
            state.latest[id] = latest
            state.unwritten.insert(id)
        }
    }

    /// Returns the latest use of a token that may not be in the database yet.
    func latest(_ id: String) -> TokenUse? { state.withLock { $0.latest[id] } }

    /// The number of tokens with uses that are not written yet.
    var unwrittenCount: Int { state.withLock { $0.unwritten.count } }

    /// Writes the uses since the last call.
    ///
    /// Uses that cannot be written stay for the next call.
    func flush(to database: any Database) throws {
        while true {
            let uses: [(id: String, use: TokenUse)] = state.withLock { state in
                let ids = state.unwritten.prefix(Self.batch)
                state.unwritten.subtract(ids)
                return ids.compactMap { id in state.latest[id].map { (id, $0) } }
            }
            guard !uses.isEmpty else { return }
            do {
                try database.write { try TokenStore.recordUses(uses, in: $0) }
            } catch {
                state.withLock { $0.unwritten.formUnion(uses.map(\.id)) }
                throw error
            }
            // Written uses are removed: kept, they would grow with every token ever used.
            state.withLock { state in
                for (id, use) in uses where state.latest[id] == use && !state.unwritten.contains(id) {
                    state.latest[id] = nil
                }
            }
        }
    }
}

// MARK: - Advice

/// Advice to give a token fewer scopes, based on the scopes that it used.
struct ScopeAdvice: Equatable {
    /// Seconds for which a token's use is recorded before there is any advice.
    static let minimumSeconds: Int64 = 7 * 86_400

    /// Seconds since 1970.
    var since: Int64
    var used: [Scope]
    /// The scopes that suffice: at least one, and fewer than the token has.
    var enough: [Scope]

    /// Creates the advice for a token; nil if there is none.
    init?(for token: TokenRecord, now: Int64) {
        guard let since = token.usedScopesSince, since <= now - Self.minimumSeconds, token.lastUsedAt != nil else {
            return nil
        }
        var enough: [Scope] = []
        for scope in token.scopes {
            for needed in Self.needed(scope, used: token.usedScopes) where !enough.allows(needed) {
                enough.append(needed)
            }
        }
        guard !enough.isEmpty, enough != token.scopes else { return nil }
        self.since = since
        self.enough = enough
        // Scopes that were used and later removed from the token are left out.
        used = token.usedScopes.scopes.filter(token.scopes.allows)
    }

    /// Whether the token creates or rotates other tokens, which may do only what it may do itself.
    var handsOn: Bool { used.contains(.tokensCreate) || used.contains(.tokensUpdate) }

    private static func needed(_ scope: Scope, used: ScopeSet) -> [Scope] {
        if used.contains(ScopeSet(scope)) { return [scope] }
        guard scope.resource == nil else { return used.intersection(ScopeSet(scope)).scopes }
        return Scope.resources.compactMap { Scope("\($0):*") }.flatMap { needed($0, used: used) }
    }
}
