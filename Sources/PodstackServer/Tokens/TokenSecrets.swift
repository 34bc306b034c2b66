import PodstackCryptography

// The secrets of one token, as a state machine without effects: every function takes the time and returns the actions
// that the store has to write. Only digests are in here.
//
//                      rotate(to:)                     firstUse(of:)
//       (unknown) ─────────────────▶ PENDING ─────────────────────────▶ CURRENT
//           ▲                       │        │                             │
//           │              24 hours │        │ rotate(to: another)         │ firstUse(of:) the next secret
//           │               pass    ▼        ▼                             ▼
//           │                    LAPSED ──▶ RETIRED, ended         RETIRED, in its grace period
//           │        rotate(to: another)     ▲     │                       │
//           │                                │     │ 90 days pass,         │ the grace period passes
//           │                                │     │ or 16 ended later     │
//           │                                └─────┼───────────────────────┘
//           └──────────────────────────────────────┘
//
//       revoke, or the expiry of the token: no secret authenticates again, whatever its state.
//
// Invariants, each shown by the test of the same number in TokenSecretsTests:
//
//  1. A token always has exactly one current secret, and at most one pending secret.
//  2. A digest has at most one state: it is current, pending or retired.
//  3. A pending secret becomes current with its first use, once, if it is used within 24 hours; the generation then
//     grows by one. Before its first use, a rotation changes nothing for the current secret.
//  4. From that first use on, the former current secret authenticates for the grace period of that rotation, and no
//     secret retired earlier authenticates longer than it.
//  5. The end of a retired secret never moves to a later time, and a retired secret never becomes current or pending.
//  6. A pending secret that another rotation replaces never authenticates again.
//  7. Repeating a rotation with the same digest changes nothing, except the grace period if it differs.
//  8. After a revocation or the expiry, no secret authenticates, and nothing changes that.
//  9. At most 100 secrets of a token are in their grace period, and a rotation forgets all but 16 ended secrets.
// 10. A digest that is not one of the token's has no state, and finding that out compares it with every secret.
//
// Random walks compare the machine with an independent model: "walks agree with a small model".

/// A secret that a rotation generated and that is not in use yet.
struct PendingSecret: Sendable, Equatable {
    /// Seconds within which a pending secret must be used for the first time.
    static let lifetimeSeconds: Int64 = 86_400

    var digest: [UInt8]
    var generatedAt: Int64
    /// Seconds for which the current secret stays valid after the first use of this one.
    var graceSeconds: Int64

    var lapsesAt: Int64 { generatedAt + Self.lifetimeSeconds }

    func hasLapsed(at now: Int64) -> Bool { lapsesAt <= now }
}

/// The secret of a token that is in use.
struct CurrentSecret: Sendable, Equatable {
    var digest: [UInt8]
    /// The time at which a rotation generated the secret; nil if it is the token's first one.
    var rotatedAt: Int64?
    /// The number of the token's secrets that came into use, up to this one.
    var generation: Int64 = 1
}

/// A secret that another one replaced.
struct RetiredSecret: Sendable, Equatable {
    var digest: [UInt8]
    /// The first use of the secret that replaced it, or the rotation that cancelled it while it was pending.
    var rotatedAt: Int64
    /// The end of its grace period.
    var endsAt: Int64
}

/// The period in which a token's secrets can authenticate.
struct TokenLifetime: Sendable, Equatable {
    var expiresAt: Int64?
    var revokedAt: Int64?

    /// Returns why no secret of the token authenticates, or nil if one may.
    func failure(at now: Int64) -> AuthenticationFailure? {
        if revokedAt != nil { return .revoked(at: revokedAt) }
        if let expiresAt, expiresAt <= now { return .expired(at: expiresAt) }
        return nil
    }
}

/// The state of one secret of a token.
enum SecretState: Sendable, Equatable {
    case current
    case pending(PendingSecret)
    case retired(RetiredSecret)

    /// Returns why a secret in this state does not authenticate, or nil if it does.
    func failure(at now: Int64, _ lifetime: TokenLifetime) -> AuthenticationFailure? {
        if let failure = lifetime.failure(at: now) { return failure }
        switch self {
        case .pending(let secret) where secret.hasLapsed(at: now): return .expired(at: secret.lapsesAt)
        case .retired(let secret) where secret.endsAt <= now: return .rotated(at: secret.rotatedAt)
        case .current, .pending, .retired: return nil
        }
    }

    /// Returns the time from which a secret in this state is refused; nil for never.
    func end(_ lifetime: TokenLifetime) -> Int64? {
        guard case .retired(let secret) = self else { return lifetime.expiresAt }
        return min(secret.endsAt, lifetime.expiresAt ?? .max)
    }
}

/// All secrets of a token.
struct TokenSecrets: Sendable, Equatable {
    /// A write that a transition requires.
    enum Action: Equatable {
        /// Write the current secret, and remove the pending one.
        case setCurrent(CurrentSecret)
        case setPending(PendingSecret)
        /// Let no retired secret of the token end later than this.
        case endGracePeriods(by: Int64)
        case retire(RetiredSecret)
        /// Delete a retired secret.
        case forget(digest: [UInt8])
        case revoke(at: Int64)
    }

    /// Reasons why a rotation is refused.
    enum RotationRefusal: Error, Equatable {
        case revoked
        case expired
        /// The token already had the secret with this digest.
        case reusedSecret
        case tooManyGracePeriods
        /// The caller presented a retired secret: a newer one exists.
        case retiredCaller
    }

    /// The most secrets of one token that may be in their grace period at once.
    static let maxGracePeriods = 100
    /// The most ended secrets of one token that are stored, so that their use is recognized.
    static let maxEnded = 16
    /// Seconds for which an ended secret is stored.
    static let endedRetentionSeconds: Int64 = 90 * 86_400

    private(set) var current: CurrentSecret
    private(set) var pending: PendingSecret?
    private(set) var retired: [RetiredSecret]
    private(set) var lifetime: TokenLifetime

    init(
        current: CurrentSecret, pending: PendingSecret? = nil, retired: [RetiredSecret] = [],
        lifetime: TokenLifetime = TokenLifetime()
    ) {
        self.current = current
        self.pending = pending
        self.retired = retired
        self.lifetime = lifetime
    }

    // MARK: - Reading

    /// Returns the state of the secret with a digest, or nil if it is not a secret of the token.
    ///
    /// It compares the digest with every secret in constant time, and does not stop at the one that matches.
    func state(of digest: [UInt8]) -> SecretState? {
        let isCurrent = Sodium.constantTimeEqual(digest, current.digest)
        let isPending = Sodium.constantTimeEqual(digest, pending?.digest ?? Self.noDigest)
        var found: RetiredSecret?
        for secret in retired where Sodium.constantTimeEqual(digest, secret.digest) { found = secret }
        if isCurrent { return .current }
        if isPending, let pending { return .pending(pending) }
        return found.map(SecretState.retired)
    }

    /// A digest that no secret has; it is compared with in place of a missing secret.
    static let noDigest = [UInt8](repeating: 0, count: 32)

    /// Returns whether the secret with a digest authenticates.
    func authenticates(_ digest: [UInt8], at now: Int64) -> Bool {
        guard let state = state(of: digest) else { return false }
        return state.failure(at: now, lifetime) == nil
    }

    /// Returns the secrets as they are from the first use of the pending secret with a digest on.
    func afterFirstUse(of digest: [UInt8]) -> TokenSecrets {
        guard pending?.digest == digest else { return self }
        var secrets = self
        secrets.promotePending()
        return secrets
    }

    // MARK: - Transitions

    /// Makes the secret with a digest pending.
    ///
    /// - Parameters:
    ///   - digest: The digest of the new secret.
    ///   - graceSeconds: Seconds for which the current secret stays valid after the first use of the new one.
    ///   - caller: The state of the secret that the caller presented; nil if it is not a secret of this token.
    ///   - now: The time.
    /// - Returns: The writes; none if the call repeats the rotation that the secret comes from.
    /// - Throws: The reason why the token cannot be rotated to this secret.
    mutating func rotate(
        to digest: [UInt8], graceSeconds: Int64, by caller: SecretState? = nil, at now: Int64
    ) throws(RotationRefusal) -> [Action] {
        switch lifetime.failure(at: now) {
        case .revoked: throw .revoked
        case .some: throw .expired
        case nil: break
        }
        switch state(of: digest) {
        case .current where current.generation > 1: return []
        case .pending(var known) where !known.hasLapsed(at: now):
            guard known.graceSeconds != graceSeconds else { return [] }
            known.graceSeconds = graceSeconds
            pending = known
            return [.setPending(known)]
        // A lapsed secret may be sent again, because it was never in use.
        case .pending, nil: break
        case .current, .retired: throw .reusedSecret
        }
        guard retired.count(where: { $0.endsAt > now }) < Self.maxGracePeriods else { throw .tooManyGracePeriods }
        if case .retired = caller { throw .retiredCaller }
        var actions: [Action] = []
        if let pending, pending.digest != digest {
            let cancelled = RetiredSecret(digest: pending.digest, rotatedAt: now, endsAt: now)
            retired.append(cancelled)
            actions.append(.retire(cancelled))
        }
        let new = PendingSecret(digest: digest, generatedAt: now, graceSeconds: graceSeconds)
        pending = new
        actions.append(.setPending(new))
        return actions + forgetEnded(at: now)
    }

    /// Makes the pending secret the current one, if the digest is its digest and it authenticates.
    ///
    /// - Returns: The writes; none if the digest is not the digest of a valid pending secret.
    mutating func firstUse(of digest: [UInt8], at now: Int64) -> [Action] {
        guard case .pending(let secret)? = state(of: digest), authenticates(digest, at: now) else { return [] }
        let end = now + secret.graceSeconds
        let former = RetiredSecret(digest: current.digest, rotatedAt: now, endsAt: end)
        for index in retired.indices { retired[index].endsAt = min(retired[index].endsAt, end) }
        retired.append(former)
        promotePending()
        return [.setCurrent(current), .endGracePeriods(by: end), .retire(former)]
    }

    /// Revokes the token with all its secrets.
    ///
    /// A second revocation changes nothing.
    mutating func revoke(at now: Int64) -> [Action] {
        guard lifetime.revokedAt == nil else { return [] }
        lifetime.revokedAt = now
        return [.revoke(at: now)]
    }

    private mutating func promotePending() {
        guard let secret = pending else { return }
        current = CurrentSecret(
            digest: secret.digest, rotatedAt: secret.generatedAt, generation: current.generation + 1)
        pending = nil
    }

    /// Forgets ended secrets: the oldest ones beyond ``maxEnded``, and those that ended long ago.
    private mutating func forgetEnded(at now: Int64) -> [Action] {
        let ended = retired.filter { $0.endsAt <= now }.sorted { $0.endsAt > $1.endsAt }
        let forgotten = ended.enumerated().filter { place, secret in
            place >= Self.maxEnded || secret.endsAt <= now - Self.endedRetentionSeconds
        }.map(\.element.digest)
        retired.removeAll { forgotten.contains($0.digest) }
        return forgotten.map(Action.forget)
    }
}
