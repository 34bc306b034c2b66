import PodstackCryptography

/// A secret that a rotation made, and that nobody has used yet.
struct WaitingSecret: Sendable, Equatable {
    /// One that is not used for this long is good for nothing.
    static let longestWait: Int64 = 86_400

    var digest: [UInt8]
    var madeAt: Int64
    /// How long the secret before it lives on, from the first use of this one.
    var graceSeconds: Int64

    var lapsesAt: Int64 { madeAt + Self.longestWait }
    func hasLapsed(at now: Int64) -> Bool { lapsesAt <= now }
}

/// A secret whose place another one took.
struct RetiredSecret: Sendable, Equatable {
    var digest: [UInt8]
    /// The first use of the secret after it, or the rotation that cancelled it before its own.
    var rotatedAt: Int64
    /// The end of its grace.
    var endsAt: Int64
}

/// What a secret is to its token.
enum SecretStanding: Sendable, Equatable {
    case current
    case waiting(WaitingSecret)
    case retired(RetiredSecret)
}

/// All secrets of a token: its digests, and no more of it than that.
struct TokenSecrets: Sendable {
    /// Whether there is such a token; if not, the others are of none that is asked for.
    var isThere: Bool
    var current: [UInt8]?
    var waiting: WaitingSecret?
    var retired: [RetiredSecret]

    /// Nil when `digest` is of none of them. Compares with all, whichever it is, and with as many when there is no
    /// token: an unknown id costs the same as a wrong secret.
    func standing(of digest: [UInt8]) -> SecretStanding? {
        let nothing = [UInt8](repeating: 0, count: 32)
        let isCurrent = Sodium.constantTimeEqual(digest, current ?? nothing)
        let isWaiting = Sodium.constantTimeEqual(digest, waiting?.digest ?? nothing)
        var found: RetiredSecret?
        for secret in retired where Sodium.constantTimeEqual(digest, secret.digest) { found = secret }
        guard isThere, current != nil else { return nil }
        if isCurrent { return .current }
        if isWaiting, let waiting { return .waiting(waiting) }
        return found.map(SecretStanding.retired)
    }
}
