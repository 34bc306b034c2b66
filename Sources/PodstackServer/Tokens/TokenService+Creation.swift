import PodstackAPI
import PodstackCryptography

extension TokenService {
    /// Seconds that a token lives whose maker says nothing of it.
    static let standardLife: Int64 = 30 * 86_400

    /// Makes a token; the secret is nil when the caller made it, or asks again for what was made before.
    func create(
        _ request: TokenRequest, by maker: Grant, in change: Change
    ) throws -> (TokenRecord, secret: String?) {
        let scopes = request.scopes ?? maker.scopes
        if let wider = scopes.first(where: { !maker.scopes.allows($0) }) {
            throw DomainError.forbidden(maker.lacks(wider))
        }
        let expiresAt = try expiry(request, maker, now: change.now)
        let projectIDs = try projects(request, maker)
        var generator = SecureGenerator()
        let id = request.id ?? TokenFormat.generateID(using: &generator)
        let secret = request.sha256 == nil ? TokenFormat.generateToken(id: id, using: &generator) : nil
        let hash = request.sha256 ?? Sodium.sha256((secret ?? "").utf8)
        let record = TokenRecord(
            id: id, accountID: maker.accountID, userID: maker.userID, name: request.name,
            digest: digest.digest(ofSHA256: hash), scopes: scopes, projectIDs: projectIDs, createdAt: change.now,
            expiresAt: expiresAt)
        try digest.renew(hash, of: id, in: change.connection)
        if let existing = try TokenStore.find(id, in: change.connection) {
            guard request.sha256 != nil, existing.accountID == record.accountID, existing.revokedAt == nil,
                Sodium.constantTimeEqual(existing.digest, record.digest)
            else {
                throw DomainError.conflict("That ID is taken; create a token with another ID")
            }
            // Asked again after a lost answer.
            return (existing, nil)
        }
        if let wanted = projectIDs { try checkProjectsExist(wanted, of: record, in: change.connection) }
        try checkRoom(accountID: record.accountID, in: change)
        try TokenStore.insert(record, in: change.connection)
        try change.record(.tokenCreated, on: AuditResource(record), record.audited)
        return (record, secret)
    }

    private func expiry(_ request: TokenRequest, _ maker: Grant, now: Int64) throws -> Int64? {
        let limit = maker.expiresAt
        switch request.expiry {
        case .standard: return min(now + Self.standardLife, limit ?? .max)
        case .never where limit == nil: return nil
        case .at(let time) where time <= limit ?? .max: return time
        default:
            throw DomainError.invalid(
                request.expiryField, "must not be later than the expiry of the token that creates it")
        }
    }

    private func projects(_ request: TokenRequest, _ maker: Grant) throws -> [String]? {
        guard let allowed = maker.projectIDs else { return request.projectIDs }
        guard let wanted = request.projectIDs else { return allowed }
        if let foreign = wanted.first(where: { !allowed.contains($0) }) {
            throw DomainError.forbidden(maker.excludes(foreign))
        }
        return wanted
    }
}
