import Synchronization

/// A limit on the number of requests in a time window, all of which may come at once.
struct RateLimit: Sendable, Equatable {
    /// The name in the `RateLimit` header.
    var name: String
    var count: Int
    /// The length of the window in seconds.
    var window: Int64 = 60

    /// The result of asking for one more request.
    struct Verdict: Sendable, Equatable {
        var limit: RateLimit
        var isAllowed: Bool
        var remaining: Int
        /// Seconds until all requests are allowed again.
        var resetsIn: Int64
        /// Seconds until one more request is allowed; 0 if one is allowed now.
        var retryAfter: Int64

        /// The value of the header `RateLimit`.
        ///
        /// Source: draft-ietf-httpapi-ratelimit-headers.
        var header: String { "\"\(limit.name)\";r=\(remaining);t=\(resetsIn)" }
    }

    /// Takes one request from a bucket, or one that costs as much as several.
    ///
    /// One number is the whole state of a bucket: the time at which it will be full again, in microseconds. Each request
    /// moves it to a later time.
    func take(from fullAt: inout Int64, at time: Int64, cost: Int = 1) -> Verdict {
        let whole = window * 1_000_000
        let each = max(whole / Int64(count), 1)
        let next = max(fullAt, time) + each * Int64(cost)
        let isAllowed = next - time <= whole
        if isAllowed { fullAt = next }
        let missing = max(fullAt, time) - time
        return Verdict(
            limit: self, isAllowed: isAllowed, remaining: Int((whole - missing) / each),
            resetsIn: Self.seconds(missing), retryAfter: isAllowed ? 0 : Self.seconds(next - time - whole))
    }

    private static func seconds(_ microseconds: Int64) -> Int64 { (microseconds + 999_999) / 1_000_000 }
}

/// A bucket of a rate limit for each key, such as an address or a token.
///
/// Each instance of the service has its own buckets: a client that spreads its requests over several instances gets the
/// limit of each, and no request asks the database. A bucket takes about 50 bytes, so a full table takes less than 5 MB.
final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    /// The time at which each bucket will be full again, in microseconds of the monotonic clock.
    ///
    /// Full buckets are not stored.
    private let buckets = Mutex<[Key: Int64]>([:])
    private let capacity: Int
    private let elapsed: @Sendable () -> Int64
    let limit: RateLimit

    /// Creates a limiter.
    ///
    /// - Parameters:
    ///   - limit: The limit of each key.
    ///   - capacity: The most keys whose buckets are stored.
    ///   - elapsed: Returns the nanoseconds of a monotonic clock.
    init(
        _ limit: RateLimit, capacity: Int = 50_000, elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed
    ) {
        self.limit = limit
        self.capacity = capacity
        self.elapsed = elapsed
    }

    /// The number of stored buckets.
    var count: Int { buckets.withLock { $0.count } }

    /// Takes one request from the bucket of a key, or one that costs as much as several.
    func take(_ key: Key, cost: Int = 1) -> RateLimit.Verdict {
        let time = elapsed() / 1000
        return buckets.withLock { buckets in
            if buckets.count >= capacity, buckets[key] == nil { Self.removeSome(in: &buckets, capacity, at: time) }
            return limit.take(from: &buckets[key, default: 0], at: time, cost: cost)
        }
    }

    /// Returns the verdict on one more request without taking it.
    func peek(_ key: Key) -> RateLimit.Verdict {
        let time = elapsed() / 1000
        var fullAt = buckets.withLock { $0[key] ?? 0 }
        return limit.take(from: &fullAt, at: time)
    }

    /// Removes full buckets, and then those that have the most left until a quarter of the table is free.
    ///
    /// Only an attack from many addresses fills the table. It lets a few more requests through; keeping every bucket would
    /// reject every new address. Buckets that are nearly empty stay, so the attack frees no client from its limit.
    private static func removeSome(in buckets: inout [Key: Int64], _ capacity: Int, at time: Int64) {
        buckets = buckets.filter { $0.value > time }
        let room = capacity - capacity / 4
        guard buckets.count > room else { return }
        let byFullness = buckets.sorted { $0.value > $1.value }
        buckets = Dictionary(uniqueKeysWithValues: byFullness.prefix(room).map { ($0.key, $0.value) })
    }
}
