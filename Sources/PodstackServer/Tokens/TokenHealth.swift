import PodstackAPI

/// The state of a token, with warnings for its owner.
struct TokenHealth {
    /// Seconds without a use after which there is a warning.
    static let unusedAfterSeconds: Int64 = 90 * 86_400
    /// Seconds before the expiry from which there is a warning; for a token with a short life, the last quarter of it.
    static let expiresSoonSeconds: Int64 = 14 * 86_400

    enum State { case active, expired, revoked }

    let state: State
    /// The time at which the token expired or was revoked, in seconds since 1970; nil for an active token.
    let endedAt: Int64?
    /// Texts short enough for a badge; empty if the token has ended.
    let warnings: [String]

    init(_ token: TokenRecord, now: Int64) {
        if let revokedAt = token.revokedAt {
            (state, endedAt, warnings) = (.revoked, revokedAt, [])
        } else if token.isExpired(at: now) {
            (state, endedAt, warnings) = (.expired, token.expiresAt, [])
        } else {
            (state, endedAt) = (.active, nil)
            warnings = [Self.expiry(token, now), Self.idleness(token, now), Self.rotation(token, now)].compactMap { $0 }
        }
    }

    private static func expiry(_ token: TokenRecord, _ now: Int64) -> String? {
        guard let end = token.expiresAt, end - now <= min(expiresSoonSeconds, (end - token.createdAt) / 4) else {
            return nil
        }
        let days = (end - now + 86_399) / 86_400
        return days <= 1 ? "expires within a day" : "expires in \(days) days"
    }

    private static func idleness(_ token: TokenRecord, _ now: Int64) -> String? {
        guard now - (token.lastUsedAt ?? token.createdAt) >= unusedAfterSeconds else { return nil }
        return token.lastUsedAt.map { "not used for \((now - $0) / 86_400) days" } ?? "never used"
    }

    private static func rotation(_ token: TokenRecord, _ now: Int64) -> String? {
        token.rotateBy <= now ? "due for rotation" : nil
    }
}
