import PodstackAPI

/// What the owner of a token should know at a glance.
struct TokenHealth {
    /// Seconds after which an unused token stands out, and before its end.
    static let unusedAfter: Int64 = 90 * 86_400
    static let soon: Int64 = 14 * 86_400

    enum State { case active, expired, revoked }

    let state: State
    /// Seconds since 1970 of its end, if it has come.
    let endedAt: Int64?
    /// In words, each short enough for a badge; empty when it has ended.
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
        guard let end = token.expiresAt, end - now <= soon else { return nil }
        let days = (end - now + 86_399) / 86_400
        return days <= 1 ? "expires within a day" : "expires in \(days) days"
    }

    private static func idleness(_ token: TokenRecord, _ now: Int64) -> String? {
        guard now - (token.lastUsedAt ?? token.createdAt) >= unusedAfter else { return nil }
        return token.lastUsedAt.map { "not used for \((now - $0) / 86_400) days" } ?? "never used"
    }

    private static func rotation(_ token: TokenRecord, _ now: Int64) -> String? {
        token.rotateBy <= now ? "due for rotation" : nil
    }
}
