import Synchronization

/// A bucket for each of many: of addresses, or of tokens. Each instance of the service has its own: who spreads requests
/// over several gets so many of each, and none of them asks the database.
final class Allowances<Key: Hashable & Sendable>: Sendable {
    /// When each bucket will be full again; one that is full is not kept.
    private let buckets = Mutex<[Key: Int64]>([:])
    private let capacity: Int
    let limit: RateLimit

    init(_ limit: RateLimit, capacity: Int = 100_000) {
        self.limit = limit
        self.capacity = capacity
    }

    func take(_ key: Key, now: Int64) -> RateLimit.Verdict {
        buckets.withLock { buckets in
            if buckets.count >= capacity, buckets[key] == nil { Self.makeRoom(&buckets, now) }
            return limit.take(from: &buckets[key, default: 0], now: now)
        }
    }

    /// What one more would leave; none is taken.
    func look(_ key: Key, now: Int64) -> RateLimit.Verdict {
        var fullAt = buckets.withLock { $0[key] ?? 0 }
        return limit.take(from: &fullAt, now: now)
    }

    private static func makeRoom(_ buckets: inout [Key: Int64], _ now: Int64) {
        let count = buckets.count
        buckets = buckets.filter { $0.value > now * 1_000_000 }
        // So many at once are an attack from many places: to forget them lets a few more through, to keep them none.
        if buckets.count == count { buckets = [:] }
    }
}
