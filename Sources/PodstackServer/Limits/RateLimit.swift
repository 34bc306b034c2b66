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

    /// Takes one request from a bucket.
    ///
    /// One number is the whole state of a bucket: the time at which it will be full again, in microseconds. Each request
    /// moves it to a later time.
    func take(from fullAt: inout Int64, now: Int64) -> Verdict {
        let time = now * 1_000_000
        let whole = window * 1_000_000
        let each = max(whole / Int64(count), 1)
        let next = max(fullAt, time) + each
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
/// limit of each, and no request asks the database.
final class RateLimiter<Key: Hashable & Sendable>: Sendable {
    /// The time at which each bucket will be full again.
    ///
    /// Full buckets are not stored.
    private let buckets = Mutex<[Key: Int64]>([:])
    private let capacity: Int
    let limit: RateLimit

    init(_ limit: RateLimit, capacity: Int = 100_000) {
        self.limit = limit
        self.capacity = capacity
    }

    /// Takes one request from the bucket of a key.
    func take(_ key: Key, now: Int64) -> RateLimit.Verdict {
        buckets.withLock { buckets in
            if buckets.count >= capacity, buckets[key] == nil { Self.removeFull(&buckets, now) }
            return limit.take(from: &buckets[key, default: 0], now: now)
        }
    }

    /// Returns the verdict on one more request without taking it.
    func peek(_ key: Key, now: Int64) -> RateLimit.Verdict {
        var fullAt = buckets.withLock { $0[key] ?? 0 }
        return limit.take(from: &fullAt, now: now)
    }

    private static func removeFull(_ buckets: inout [Key: Int64], _ now: Int64) {
        let count = buckets.count
        buckets = buckets.filter { $0.value > now * 1_000_000 }
        // Only an attack from many addresses fills the table. Emptying it lets a few more requests through; keeping it
        // would reject every new address.
        if buckets.count == count { buckets = [:] }
    }
}
