import Synchronization

/// A cache of verified tokens, by the SHA-256 of the whole token.
///
/// It has two generations. A new identity goes into the young generation. When that is full, it becomes the old one, and
/// the previous old one is dropped. An identity that is found in the old generation moves to the young one: tokens in use
/// stay, however many others are verified.
final class VerifiedTokens: AnnouncedCache {
    /// The SHA-256 of a token, as a key that is cheap to compare.
    struct Key: Hashable {
        private let first, second, third, fourth: UInt64

        /// Creates a key from the 32 bytes of a digest.
        init(_ sha256: [UInt8]) {
            (first, second, third, fourth) = sha256.withUnsafeBytes { bytes in
                func word(_ index: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
                return (word(0), word(1), word(2), word(3))
            }
        }

        // The key is a hash already.
        func hash(into hasher: inout Hasher) { hasher.combine(first) }
    }

    /// Identities, with the indexes by token and by user that announcements need.
    private struct Generation: Sendable {
        var identities: [Key: Identity] = [:]
        /// The keys of each token; during a grace period a token has more than one secret.
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

    private struct State {
        var young = Generation()
        var old = Generation()
        /// Grows whenever identities are removed.
        var epoch: UInt64 = 0
        /// The value of `foreignChanges` when it was last read.
        var mark: UInt64 = 0

        /// Removes all identities, and returns them: releasing many takes long, which must not happen in the lock.
        mutating func clear() -> [Generation] {
            epoch += 1
            defer { (young, old) = (Generation(), Generation()) }
            return [young, old]
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

    /// The most identities in each generation; an identity takes one to two kilobytes.
    private let room: Int
    private let state = Mutex(State())
    private let lease: Lease?
    private let foreignChanges: SharedMark?

    /// Creates an empty cache.
    ///
    /// - Parameters:
    ///   - lease: The lease without which no identity is found; nil if none is needed.
    ///   - foreignChanges: The mark that changes with every change by another process; the cache is then emptied.
    ///   - room: The most identities in each generation.
    init(lease: Lease? = nil, foreignChanges: SharedMark? = nil, room: Int = 50_000) {
        self.lease = lease
        self.foreignChanges = foreignChanges
        self.room = room
    }

    var count: Int { state.withLock { $0.young.identities.count + $0.old.identities.count } }

    /// Returns the cached identity, if there is one, and the epoch to pass to ``insert(_:for:since:)``.
    func find(_ key: Key) -> (identity: Identity?, epoch: UInt64) {
        // Read first: the cache is emptied when the lease ends, and must not be read with a lease that ended meanwhile.
        let isKnown = lease?.isValid ?? true
        var removed: [Generation] = []
        let found = state.withLock { state in
            if let mark = foreignChanges?.value, mark != state.mark {
                state.mark = mark
                removed = state.clear()
            }
            return (identity: isKnown ? state.find(key, room: room) : nil, epoch: state.epoch)
        }
        if !removed.isEmpty { Self.release(removed) }
        return found
    }

    /// Releases identities on another thread, if there are many.
    private static func release(_ generations: [Generation]) {
        let count = generations.reduce(0) { $0 + $1.identities.count }
        if count > 1000 { WorkerThread.start { withExtendedLifetime(generations) {} } }
    }

    /// Inserts an identity, unless identities were removed since `epoch`: the identity may have been read before that.
    func insert(_ identity: Identity, for key: Key, since epoch: UInt64) {
        state.withLock { state in
            guard state.epoch == epoch else { return }
            state.insert(identity, for: key, room: room)
        }
    }

    /// Removes the identities that an announcement names; once this returns, no request is served from them.
    func forget(_ announcement: Announcement) {
        state.withLock { state in
            guard !announcement.isEmpty else { return }
            state.epoch += 1
            state.young.forget(announcement)
            state.old.forget(announcement)
        }
    }

    /// Removes all identities.
    func forgetAll() {
        let removed = state.withLock { $0.clear() }
        Self.release(removed)
    }
}
