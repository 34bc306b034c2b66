import Synchronization

/// The tokens that were found good, by the SHA-256 of the whole token.
final class VerifiedTokens: Sendable {
    struct Key: Hashable {
        private let first, second, third, fourth: UInt64

        /// Of the 32 bytes of a digest.
        init(_ sha256: [UInt8]) {
            func word(_ index: Int) -> UInt64 {
                sha256[(index * 8)..<(index * 8 + 8)].reduce(0) { $0 << 8 | UInt64($1) }
            }
            (first, second, third, fourth) = (word(0), word(1), word(2), word(3))
        }

        // The key is a hash already.
        func hash(into hasher: inout Hasher) { hasher.combine(first) }
    }

    private struct State {
        var identities: [Key: Identity] = [:]
        /// A token in its grace has more than one secret.
        var keys: [String: [Key]] = [:]
        var tokensOfUser: [String: Set<String>] = [:]
        /// Grows whenever something was forgotten.
        var epoch: UInt64 = 0

        mutating func clear() {
            identities = [:]
            keys = [:]
            tokensOfUser = [:]
        }

        mutating func forget(_ id: String) {
            epoch += 1
            for key in keys.removeValue(forKey: id) ?? [] {
                guard let userID = identities.removeValue(forKey: key)?.token.userID else { continue }
                tokensOfUser[userID]?.remove(id)
                if tokensOfUser[userID]?.isEmpty == true { tokensOfUser[userID] = nil }
            }
        }
    }

    /// Room for a million; when it is full it starts again empty.
    private let capacity = 1_000_000
    private let state = Mutex(State())
    private let lease: Lease?

    /// - Parameter lease: Nothing is found without it; nil when none is needed.
    init(lease: Lease? = nil) { self.lease = lease }

    var count: Int { state.withLock { $0.identities.count } }

    /// The identity, or else the epoch to hand to ``insert(_:for:since:)``.
    func find(_ key: Key) -> (identity: Identity?, epoch: UInt64) {
        // Asked before: what is forgotten when the lease ends is not found after.
        let isKnown = lease?.isValid ?? true
        return state.withLock { (isKnown ? $0.identities[key] : nil, $0.epoch) }
    }

    /// Not inserted when anything was forgotten since `epoch`: what was read may be older than that.
    func insert(_ identity: Identity, for key: Key, since epoch: UInt64) {
        state.withLock { state in
            guard state.epoch == epoch else { return }
            if state.identities.count >= capacity { state.clear() }
            if state.identities.updateValue(identity, forKey: key) == nil {
                state.keys[identity.token.id, default: []].append(key)
                state.tokensOfUser[identity.token.userID, default: []].insert(identity.token.id)
            }
        }
    }

    /// From the return of this on, no request is served from what was known of those.
    func forget(_ announcement: Announcement) {
        state.withLock { state in
            for id in announcement.tokens { state.forget(id) }
            for userID in announcement.users {
                state.epoch += 1
                for id in state.tokensOfUser[userID] ?? [] { state.forget(id) }
            }
        }
    }

    /// The same for all of them.
    func forgetAll() {
        state.withLock { state in
            state.epoch += 1
            state.clear()
        }
    }
}
