import PodstackAPI
import PodstackCryptography

extension TokenService {
    /// So many secrets of one token may be in their grace at once.
    private static let mostInGrace = 100

    /// Gives a token a new secret, which waits until it is first used.
    ///
    /// The generation counts the secrets that came into use: it grows with the first use of the new one, and
    /// `rotate_by` moves then to 90 days after the new one was made. The answer shows the token as it will be from
    /// that use on, so that it is the same before and after: asked again with the same digest, nothing changes.
    /// The secret is nil when the caller made it.
    ///
    /// - Parameter standing: Of the secret that the caller showed.
    func rotate(
        _ id: String, _ request: RotationRequest, by caller: Grant, showing standing: SecretStanding = .current,
        in change: Change
    ) throws -> (TokenRecord, secret: String?) {
        var generator = SecureGenerator()
        let secret = request.sha256 == nil ? TokenFormat.generateToken(id: id, using: &generator) : nil
        let hash = request.sha256 ?? Sodium.sha256((secret ?? "").utf8)
        let now = change.now
        let waiting = WaitingSecret(
            digest: digest.digest(ofSHA256: hash), madeAt: now, graceSeconds: request.graceSeconds)
        try digest.renew(hash, of: id, in: change.connection)
        var token = try find(id, accountID: caller.accountID, in: change.connection)
        try checkHandingOut(token, to: caller)
        try checkIsAlive(token, now: now)
        let secrets = try SecretStore.all(of: id, in: change.connection)
        switch secrets.standing(of: waiting.digest) {
        case .current where token.generation > 1:
            // The repeat of the rotation that made the current secret.
            return (token, nil)
        case .waiting(let known) where !known.hasLapsed(at: now):
            guard known.graceSeconds != request.graceSeconds else { return (token.asRotated, nil) }
            token.waiting?.graceSeconds = request.graceSeconds
            try TokenStore.update(token, in: change.connection)
            try record(token, in: change)
            return (token.asRotated, nil)
        case .waiting, nil: break
        case .current, .retired:
            throw DomainError.conflict("The token already had that secret; generate another one")
        }
        guard secrets.retired.count(where: { $0.endsAt > now }) < Self.mostInGrace else {
            throw DomainError.conflict(
                "The token has \(Self.mostInGrace) secrets in their grace period; rotate it later")
        }
        if caller.tokenID == id, case .retired = standing {
            throw DomainError.conflict(
                "This secret was already rotated and is in its grace period; rotate with the newer secret")
        }
        if let cancelled = token.waiting, cancelled.digest != waiting.digest {
            let secret = RetiredSecret(digest: cancelled.digest, rotatedAt: now, endsAt: now)
            try SecretStore.retire(secret, of: id, in: change.connection)
        }
        token.waiting = waiting
        try TokenStore.update(token, in: change.connection)
        try SecretStore.trim(id, now: now, in: change.connection)
        change.changed(token: id)
        try record(token, in: change)
        return (token.asRotated, secret)
    }

    private func record(_ token: TokenRecord, in change: Change) throws {
        let grace = token.waiting.map { JSONValue.integer(Int($0.graceSeconds)) }
        try change.record(
            .tokenRotated, on: AuditResource(token),
            ["generation": .integer(Int(token.generation) + 1), "grace_seconds": grace ?? .null])
    }

    /// Whoever rotates another token holds its new secret: it must not be good for more than the caller's own.
    private func checkHandingOut(_ token: TokenRecord, to caller: Grant) throws {
        guard token.id != caller.tokenID else { return }
        if let wider = token.scopes.first(where: { !caller.scopes.allows($0) }) {
            throw DomainError.forbidden(caller.lacks(wider))
        }
        if let allowed = caller.projectIDs {
            guard let projectIDs = token.projectIDs else {
                throw DomainError.forbidden(.restrictedToProjects(.rotateUnrestrictedToken, tokenProjectIDs: allowed))
            }
            if let foreign = projectIDs.first(where: { !allowed.contains($0) }) {
                throw DomainError.forbidden(caller.excludes(foreign))
            }
        }
        guard token.expiresAt ?? .max <= caller.expiresAt ?? .max else {
            throw DomainError.forbidden(.longerLifetime)
        }
    }
}
