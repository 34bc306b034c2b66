import Synchronization

/// The tokens that were found good, by the SHA-256 of the whole token.
final class VerifiedTokens: AnnouncedCache {
    struct Key: Hashable {
        private let first, second, third, fourth: UInt64

        /// Of the 32 bytes of a digest.
        init(_ sha256: [UInt8]) {
            (first, second, third, fourth) = sha256.withUnsafeBytes { bytes in
                func word(_ index: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
                return (word(0), word(1), word(2), word(3))
            }
        }

        // The key is a hash already.
        func hash(into hasher: inout Hasher) { hasher.combine(first) }
    }

    /// Identities with what finds them again.
    private struct Generation {
        var identities: [Key: Identity] = [:]
        /// A token in its grace has more than one secret.
        private var keys: [String: [Key]] = [:]
        private var tokensOfUser: [String: Set<String>] = [:]

        mutating func insert(_ identity: Identity, for key: Key) {
            guard identities.updateValue(identity, forKey: key) == nil else { return }
            keys[identity.token.id, default: []].append(key)
            tokensOfUser[identity.token.userID, default: []].insert(identity.token.id)
        }

        mutating func take(_ key: Key) -> Identity? {
            guard let identity = identities.removeValue(forKey: key) else { return nil }
            let (id, userID) = (identity.token.id, identity.token.userID)
            keys[id]?.removeAll { $0 == key }
            guard keys[id]?.isEmpty == true else { return identity }
            keys[id] = nil
            tokensOfUser[userID]?.remove(id)
            if tokensOfUser[userID]?.isEmpty == true { tokensOfUser[userID] = nil }
            return identity
        }

        mutating func forget(_ announcement: Announcement) {
            for id in announcement.tokens { forget(id) }
            for userID in announcement.users {
                for id in tokensOfUser[userID] ?? [] { forget(id) }
            }
        }

        private mutating func forget(_ id: String) {
            for key in keys[id] ?? [] { _ = take(key) }
        }
    }

    /// When the young are as many as there is room for, they become the old, and the old are gone. One that is asked
    /// for is young again: what is used stays, whatever else comes by.
    private struct State {
        var young = Generation()
        var old = Generation()
        /// Grows whenever something was forgotten.
        var epoch: UInt64 = 0
        /// Of what others have changed, as it was seen last.
        var mark: UInt64 = 0

        mutating func clear() {
            epoch += 1
            young = Generation()
            old = Generation()
        }

        mutating func insert(_ identity: Identity, for key: Key, room: Int) {
            if young.identities.count >= room {
                old = young
                young = Generation()
            }
            young.insert(identity, for: key)
        }

        mutating func find(_ key: Key, room: Int) -> Identity? {
            if let identity = young.identities[key] { return identity }
            guard let identity = old.take(key) else { return nil }
            insert(identity, for: key, room: room)
            return identity
        }
    }

    /// In each of the two generations. A token takes one to two kilobytes.
    private let room: Int
    private let state = Mutex(State())
    private let lease: Lease?
    private let foreignChanges: SharedMark?

    /// - Parameters:
    ///   - lease: Nothing is found without it; nil when none is needed.
    ///   - foreignChanges: Everything is forgotten when that is another than before.
    init(lease: Lease? = nil, foreignChanges: SharedMark? = nil, room: Int = 50_000) {
        self.lease = lease
        self.foreignChanges = foreignChanges
        self.room = room
    }

    var count: Int { state.withLock { $0.young.identities.count + $0.old.identities.count } }

    /// The identity, or else the epoch to hand to ``insert(_:for:since:)``.
    func find(_ key: Key) -> (identity: Identity?, epoch: UInt64) {
        // Asked before: what is forgotten when the lease ends is not found after.
        let isKnown = lease?.isValid ?? true
        return state.withLock { state in
            if let mark = foreignChanges?.value, mark != state.mark {
                state.mark = mark
                state.clear()
            }
            return (isKnown ? state.find(key, room: room) : nil, state.epoch)
        }
    }

    /// Not inserted when anything was forgotten since `epoch`: what was read may be older than that.
    func insert(_ identity: Identity, for key: Key, since epoch: UInt64) {
        state.withLock { state in
            guard state.epoch == epoch else { return }
            state.insert(identity, for: key, room: room)
        }
    }

    /// From the return of this on, no request is served from what was known of those.
    func forget(_ announcement: Announcement) {
        state.withLock { state in
            guard !announcement.isEmpty else { return }
            state.epoch += 1
            state.young.forget(announcement)
            state.old.forget(announcement)
        }
    }

    /// The same for all of them.
    func forgetAll() { state.withLock { $0.clear() } }
}
