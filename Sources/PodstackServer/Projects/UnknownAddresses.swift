import PodstackAPI

/// Keeps who may add members from finding out by the thousand which e-mail addresses have accounts. Whom they find, they
/// add, and that is in the log and before the eyes of whoever was added; so only what nobody has is counted.
struct UnknownAddresses: Sendable {
    /// Enough for who mistypes, and for a list of people of whom some have no account yet.
    private let allowances = RateLimiter<String>(RateLimit(name: "unknown-address", count: 20, window: 3600))

    /// Throws when a user has no more; then no address is looked up for them, whether somebody has it or not.
    func check(_ userID: String, now: Int64) throws {
        let verdict = allowances.peek(userID, now: now)
        guard verdict.isAllowed else { throw refusal(verdict) }
    }

    /// Counts one more. Throws when others at the same time have used up what there was.
    func note(by userID: String, now: Int64) throws {
        let verdict = allowances.take(userID, now: now)
        guard verdict.isAllowed else { throw refusal(verdict) }
    }

    private func refusal(_ verdict: RateLimit.Verdict) -> DomainError {
        .rateLimited(verdict, "Too many unknown email addresses: try again in \(verdict.retryAfter) seconds")
    }
}
