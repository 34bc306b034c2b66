import PodstackAPI
import PodstackCryptography

/// The rules for creating, changing, rotating and revoking tokens.
struct TokenService: Sendable {
    let database: any Database
    let digest: SecretDigest
    let lastUsed: LastUsedTracker
    /// The most active tokens that an account may have.
    let maxActive: Int

    // MARK: - Reading

    /// Returns a token of the account.
    ///
    /// - Throws: The same ``DomainError/notFound(_:id:)`` if the token does not exist and if another account has it.
    func token(_ id: String, accountID: String) throws -> TokenRecord {
        try database.read { try find(id, accountID: accountID, in: $0) }
    }

    func find(
        _ id: String, accountID: String, in connection: any DatabaseConnection
    ) throws -> TokenRecord {
        guard let token = try TokenStore.find(id, accountID: accountID, in: connection) else {
            throw DomainError.notFound(.token, id: id)
        }
        return token
    }

    func list(
        accountID: String, _ selection: TokenStore.Selection, _ page: PageRequest, now: Int64
    ) throws -> (page: [TokenRecord], next: Cursor?) {
        let found = try database.read {
            try TokenStore.list(
                accountID: accountID, selection, now: now, limit: page.limit + 1, after: page.after, in: $0)
        }
        return page.page(of: found, bytes: \.listedBytes) { Cursor(position: $0.createdAt, id: $0.publicID) }
    }

    /// Returns a token with its latest use, which may not be in the database yet.
    func upToDate(_ token: TokenRecord) -> TokenRecord {
        guard let use = lastUsed.latest(token.id) else { return token }
        var token = token
        if use.time >= token.lastUsedAt ?? .min {
            (token.lastUsedAt, token.lastUsedFrom) = (use.time, use.address.description)
        }
        token.usedScopes.formUnion(use.scopes)
        token.usedScopesSince = token.usedScopesSince ?? use.time
        return token
    }

    // MARK: - Limit

    func countActive(accountID: String, now: Int64) throws -> Int {
        try database.read { try TokenStore.countActive(accountID: accountID, now: now, in: $0) }
    }

    /// Throws ``DomainError/quotaExceeded(_:)`` if the account has as many active tokens as it may have.
    func checkRoom(accountID: String, in change: Change) throws {
        let active = try TokenStore.countActive(accountID: accountID, now: change.now, in: change.connection)
        guard active < maxActive else {
            throw DomainError.quotaExceeded(QuotaExcess(resource: "tokens", limit: maxActive, current: active))
        }
    }

    // MARK: - Create

    /// Seconds after which a token expires by default.
    static let defaultLifetimeSeconds: Int64 = 30 * 86_400

    /// Creates a token.
    ///
    /// Repeating a request with the same client-generated secret returns the existing token. Whether another account has a
    /// token with the same ID makes no difference.
    ///
    /// - Returns: The token, and its secret unless the caller generated it.
    func create(_ request: TokenRequest, in change: Change) throws -> (TokenRecord, secret: String?) {
        let creator = try change.grant
        let scopes = request.scopes ?? creator.scopes
        try requireWithin(creator, scopes)
        let expiresAt = try expiry(request, creator, now: change.now)
        let projectIDs = try projects(request, creator)
        var generator = SecureGenerator()
        let id = request.id ?? TokenFormat.generateID(using: &generator)
        let secret = request.sha256 == nil ? TokenFormat.generateToken(id: id, using: &generator) : nil
        let hash = request.sha256 ?? Sodium.sha256((secret ?? "").utf8)
        var record = TokenRecord(
            id: id, accountID: creator.accountID, userID: creator.userID, name: request.name,
            digest: digest.digest(ofSHA256: hash), scopes: scopes, projectIDs: projectIDs, createdAt: change.now,
            expiresAt: expiresAt, spendLimit: try spendLimit(request.spendLimit ?? creator.spendLimit, of: creator))
        if creator.spendLimit != nil { record.parentID = creator.tokenID }
        try digest.renew(hash, of: id, in: change.connection)
        if let existing = try TokenStore.find(id, accountID: record.accountID, in: change.connection) {
            guard request.sha256 != nil, existing.revokedAt == nil,
                Sodium.constantTimeEqual(existing.digest, record.digest)
            else { throw Self.idInUse }
            // The request is repeated because its response was lost.
            return (existing, nil)
        }
        if let wanted = projectIDs { try checkProjectsExist(wanted, of: record, in: change.connection) }
        try checkRoom(accountID: record.accountID, in: change)
        try checkIsUnknown(record.digest, of: record, in: change.connection)
        guard let key = try TokenStore.unusedKey(for: id, in: change.connection) else { throw Self.idInUse }
        record.id = key
        try TokenStore.insert(record, in: change.connection)
        try change.record(.tokenCreated, on: AuditResource(record), record.audited)
        return (record, secret)
    }

    /// Creates the own token of a pod, which does not count toward the limit of active tokens.
    ///
    /// It has no more scopes and does not live longer than the creator's token, and is good for the pod's project only.
    ///
    /// - Parameters:
    ///   - scopes: The scopes.
    ///   - pod: The ID and the name of the pod.
    ///   - projectID: The project of the pod.
    ///   - change: The change in which the token is created.
    /// - Returns: The token and its secret.
    /// - Throws: ``DomainError/forbidden(_:)`` if the creator may do less.
    func create(
        scopes: [Scope], ofPod pod: (id: String, name: String), projectID: String, in change: Change
    ) throws -> (TokenRecord, secret: String) {
        let creator = try change.grant
        try requireWithin(creator, scopes)
        var generator = SecureGenerator()
        let id = TokenFormat.generateID(using: &generator)
        let secret = TokenFormat.generateToken(id: id, using: &generator)
        guard let key = try TokenStore.unusedKey(for: id, in: change.connection) else { throw DomainError.inconsistent }
        var record = TokenRecord(
            id: key, accountID: creator.accountID, userID: creator.userID, name: "pod \(pod.name)",
            digest: digest.digest(ofSHA256: Sodium.sha256(secret.utf8)), scopes: scopes, projectIDs: [projectID],
            createdAt: change.now, expiresAt: creator.expiresAt, spendLimit: creator.spendLimit)
        if creator.spendLimit != nil { record.parentID = creator.tokenID }
        record.podID = pod.id
        try TokenStore.insert(record, in: change.connection)
        try change.record(
            .tokenCreated, on: AuditResource(record), record.audited.merging(["pod_id": .string(pod.id)]) { $1 })
        return (record, secret)
    }

    /// Throws ``DomainError/forbidden(_:)`` if a new token would have a scope that its creator lacks.
    private func requireWithin(_ creator: Grant, _ scopes: [Scope]) throws {
        if let wider = scopes.first(where: { !creator.scopes.allows($0) }) {
            throw DomainError.forbidden(creator.lacks(wider))
        }
    }

    private static let idInUse = DomainError.conflict("That ID is taken; create a token with another ID")

    /// Throws if another token with the same ID has a secret, which would make it ambiguous.
    ///
    /// Only a caller that knows the digest of another account's token can get this error.
    private func checkIsUnknown(
        _ digest: [UInt8], of token: TokenRecord, in connection: any DatabaseConnection
    ) throws {
        let found = try TokenStore.verifiable(token.publicID, in: connection).token(with: digest)
        guard found == nil || found?.token.id == token.id && found?.token.accountID == token.accountID else {
            throw Self.idInUse
        }
    }

    /// The result of ``createOnce(_:in:_:)``.
    enum Creation {
        case created(TokenRecord, secret: String)
        /// An earlier request created the token.
        case repeated(TokenRecord)
        case invalidID
    }

    /// Creates a token with an ID that the caller chose, unless an earlier request did.
    ///
    /// - Parameters:
    ///   - id: The ID of the token.
    ///   - change: The change in which the token is created.
    ///   - request: Returns the request; not called if the token exists.
    /// - Returns: The new token and its secret, or the token that an earlier request created.
    /// - Throws: The errors of ``create(_:in:)``.
    func createOnce(_ id: String, in change: Change, _ request: () throws -> TokenRequest) throws -> Creation {
        guard TokenFormat.isID(id) else { return .invalidID }
        if let known = try TokenStore.find(id, accountID: try change.grant.accountID, in: change.connection) {
            return .repeated(known)
        }
        var request = try request()
        request.id = id
        let (token, secret) = try create(request, in: change)
        guard let secret else { throw DomainError.inconsistent }
        return .created(token, secret: secret)
    }

    private func expiry(_ request: TokenRequest, _ creator: Grant, now: Int64) throws -> Int64? {
        let limit = creator.expiresAt
        switch request.expiry {
        case .default: return min(now + Self.defaultLifetimeSeconds, limit ?? .max)
        case .never where limit == nil: return nil
        case .after(let seconds) where now + seconds <= limit ?? .max: return now + seconds
        case .at(let time) where time <= limit ?? .max: return time
        case .never, .after, .at:
            throw DomainError.invalid(
                request.expiryField, "must not be later than the expiry of the token that creates it")
        }
    }

    private func projects(_ request: TokenRequest, _ creator: Grant) throws -> [String]? {
        guard let allowed = creator.projectIDs else { return request.projectIDs }
        guard let wanted = request.projectIDs else { return allowed }
        if let foreign = wanted.first(where: { !allowed.contains($0) }) {
            throw DomainError.forbidden(creator.excludes(foreign))
        }
        return wanted
    }

    /// Returns a limit for a token that a caller creates or changes.
    ///
    /// - Throws: ``DomainError/invalid(_:)`` if it exceeds the caller's own.
    private func spendLimit(_ limit: SpendLimit?, of caller: Grant) throws -> SpendLimit? {
        guard let own = caller.spendLimit else { return limit }
        guard let limit, limit.isWithin(own) else {
            throw DomainError.invalid("spend_limit", "must not exceed the limit of your token: \(own.text)")
        }
        return limit
    }

    private func checkProjectsExist(
        _ wanted: [String], of token: TokenRecord, in connection: any DatabaseConnection
    ) throws {
        for id in wanted
        where try MemberStore.membership(userID: token.userID, projectID: id, in: connection) == nil {
            throw DomainError.notFound(.project, id: id)
        }
    }

    // MARK: - Update

    /// Changes a token.
    ///
    /// Its scopes and projects can only shrink, and end up within those of the caller's token.
    func update(_ id: String, _ request: TokenUpdate, in change: Change) throws -> TokenRecord {
        let caller = try change.grant
        let old = try find(id, accountID: caller.accountID, in: change.connection)
        var token = old
        try checkIsActive(token, now: change.now)
        if let name = request.name { token.name = name }
        if let scopes = request.scopes {
            if let wider = scopes.first(where: { !token.scopes.allows($0) }) {
                throw DomainError.invalid("scopes", "can only shrink: the token does not have \(wider)")
            }
            if let wider = scopes.first(where: { !caller.scopes.allows($0) }) {
                throw DomainError.forbidden(caller.lacks(wider))
            }
            token.scopes = scopes
        }
        if let projectIDs = request.projectIDs {
            try shrink(&token, to: projectIDs, by: caller, in: change.connection)
        }
        if let limit = request.spendLimit {
            token.spendLimit = try spendLimit(limit, of: caller)
            try checkSpending(of: token, by: caller, in: change.connection)
        }
        guard token != old else { return token }
        try TokenStore.update(token, in: change.connection)
        change.changed(token: token.id)
        try change.record(.tokenUpdated, on: AuditResource(token), .changed(from: old.audited, to: token.audited))
        return token
    }

    private func shrink(
        _ token: inout TokenRecord, to projectIDs: [String]?, by caller: Grant,
        in connection: any DatabaseConnection
    ) throws {
        guard let projectIDs else {
            guard token.projectIDs == nil else {
                throw DomainError.invalid("project_ids", "can only shrink: the token does not include every project")
            }
            return
        }
        if let current = token.projectIDs {
            guard projectIDs.allSatisfy(current.contains) else {
                throw DomainError.invalid("project_ids", "can only shrink: the token does not include one of them")
            }
        } else {
            try checkProjectsExist(projectIDs, of: token, in: connection)
        }
        if let allowed = caller.projectIDs, let foreign = projectIDs.first(where: { !allowed.contains($0) }) {
            throw DomainError.forbidden(caller.excludes(foreign))
        }
        token.projectIDs = projectIDs
    }

    private func checkIsActive(_ token: TokenRecord, now: Int64) throws {
        switch token.lifetime.failure(at: now) {
        case .revoked: throw Self.revoked
        case .some: throw Self.expired
        case nil: break
        }
    }

    private static let revoked = DomainError.conflict(
        "The token is revoked and can no longer change; create a new one")
    private static let expired = DomainError.conflict(
        "The token has expired and can no longer change; create a new one")

    // MARK: - Rotate

    /// Rotates a token: its new secret is pending until its first use.
    ///
    /// ``TokenSecrets`` has the rules.
    ///
    /// - Parameters:
    ///   - id: The token.
    ///   - request: The new secret, if the caller generated it, and the grace period.
    ///   - change: The change in which the token is rotated.
    /// - Returns: The token as it is from the first use of the new secret on, so that a repeated request gets the same
    ///   response, and the new secret, unless the caller generated it.
    /// - Throws: ``DomainError/notFound(_:id:)``, ``DomainError/conflict(_:)`` if the token cannot be rotated, or
    ///   ``DomainError/forbidden(_:)`` if the caller may not receive the secret.
    func rotate(
        _ id: String, _ request: RotationRequest, in change: Change
    ) throws -> (TokenRecord, secret: String?) {
        let caller = try change.grant
        var generator = SecureGenerator()
        let secret = request.sha256 == nil ? TokenFormat.generateToken(id: id, using: &generator) : nil
        let hash = request.sha256 ?? Sodium.sha256((secret ?? "").utf8)
        try digest.renew(hash, of: id, in: change.connection)
        let token = try find(id, accountID: caller.accountID, in: change.connection)
        guard token.podID == nil else {
            throw DomainError.conflict("A pod's own token cannot be rotated, because the pod reads it from a file")
        }
        try checkHandingOut(token, to: caller, in: change.connection)
        var secrets = try SecretStore.secrets(of: token, in: change.connection)
        let newDigest = digest.digest(ofSHA256: hash)
        let presented = caller.tokenID == token.id ? change.actor.secretDigest.flatMap(secrets.state) : nil
        let actions: [TokenSecrets.Action]
        do {
            actions = try secrets.rotate(
                to: newDigest, graceSeconds: request.graceSeconds, by: presented, at: change.now)
        } catch { throw Self.conflict(error) }
        let rotated = token.with(secrets.afterFirstUse(of: newDigest))
        guard !actions.isEmpty else { return (rotated, nil) }
        try checkIsUnknown(newDigest, of: token, in: change.connection)
        try SecretStore.apply(actions, to: token.id, in: change.connection)
        change.changed(token: token.id)
        try change.record(
            .tokenRotated, on: AuditResource(token),
            [
                "generation": .integer(Int(rotated.generation)),
                "grace_seconds": .integer(Int(request.graceSeconds)),
            ])
        return (rotated, secret)
    }

    private static func conflict(_ refusal: TokenSecrets.RotationRefusal) -> DomainError {
        switch refusal {
        case .revoked: revoked
        case .expired: expired
        case .reusedSecret: .conflict("The token already had that secret; generate another one")
        case .tooManyGracePeriods:
            .conflict(
                "The token has \(TokenSecrets.maxGracePeriods) secrets in their grace period; rotate it later")
        case .retiredCaller:
            .conflict("This secret was already rotated and is in its grace period; rotate with the newer secret")
        }
    }

    /// Checks that a caller that gets the secret of another token may do all that the token may do.
    func checkHandingOut(
        _ token: TokenRecord, to caller: Grant, in connection: any DatabaseConnection
    ) throws {
        guard token.id != caller.tokenID else { return }
        try checkSpending(of: token, by: caller, in: connection)
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

    /// Checks that what a token spends counts for the limit of a caller that may spend, or let spend, with it.
    ///
    /// A token with a spend limit could otherwise spend on the account of a token that it did not create.
    private func checkSpending(
        of token: TokenRecord, by caller: Grant, in connection: any DatabaseConnection
    ) throws {
        guard let own = caller.spendLimit, let callerID = caller.tokenID, token.id != callerID else { return }
        guard try BillingStore.lineage(of: token.id, in: connection).contains(callerID),
            token.spendLimit?.isWithin(own) ?? false
        else { throw DomainError.forbidden(.exceedsSpendLimit(own)) }
    }

    // MARK: - Revoke

    /// Revokes a token of the caller's account.
    ///
    /// Once the change is made, every instance rejects the token.
    func revoke(_ id: String, in change: Change) throws {
        try revoke(id, accountID: try change.grant.accountID, in: change)
    }

    /// Revokes a token of an account.
    func revoke(_ id: String, accountID: String, in change: Change) throws {
        let token = try find(id, accountID: accountID, in: change.connection)
        try Self.revoke(token, in: change)
    }

    /// Revokes a token, with the reason for the audit log if there is one.
    static func revoke(_ token: TokenRecord, because reason: String? = nil, in change: Change) throws {
        // Announced even if the token is already revoked: that instance may have failed before its announcement.
        change.changed(token: token.id)
        var secrets = token.secrets(retired: [])
        let actions = secrets.revoke(at: change.now)
        guard !actions.isEmpty else { return }
        try SecretStore.apply(actions, to: token.id, in: change.connection)
        try change.record(
            .tokenRevoked, on: AuditResource(token), reason.map { ["reason": .string($0)] } ?? [:])
    }
}
