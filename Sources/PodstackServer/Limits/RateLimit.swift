/// So many of something in so many seconds, all of them at once if need be.
struct RateLimit: Sendable, Equatable {
    /// As the header names it.
    var name: String
    var count: Int
    var window: Int64 = 60

    /// What one more leaves.
    struct Verdict: Sendable, Equatable {
        var limit: RateLimit
        var isAllowed: Bool
        var remaining: Int
        /// Seconds until everything is allowed again.
        var resetsIn: Int64
        /// Seconds until one more is allowed; 0 when one is.
        var retryAfter: Int64

        /// Source: draft-ietf-httpapi-ratelimit-headers.
        var header: String { "\"\(limit.name)\";r=\(remaining);t=\(resetsIn)" }

        var error: DomainError { .rateLimited(self, nil) }
    }

    /// The bucket is told by one number: when it will be full again, in microseconds. One taken moves that away.
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
