import PodstackAPI
import Synchronization

/// The user and the permissions of a verified token.
///
/// All requests with the token share it until one of them changes.
final class Identity: Sendable {
    let token: TokenRecord
    /// The state of the secret that was presented.
    let state: SecretState
    /// The second from which the secret is refused: the expiry of the token, or the end of the secret's grace period.
    let endsAt: Int64
    private let user: UserRecord
    private let findMembership: FindMembership
    /// The memberships that were needed so far, by project.
    ///
    /// An announcement for the user drops the identity with all of them. A membership that is read while another
    /// process changes it ends up in an identity that is already dropped, or is dropped next.
    private let memberships = Mutex<[String: Membership]>([:])
    /// The value of the header `Podstack-Token-Expires`.
    let expiresText: String
    /// The response of whoami, which changes once a second at most.
    ///
    /// Nil until the second request: for tokens that are used once, it would be most of an identity's memory.
    private let whoami = Mutex<(second: Int64, body: [UInt8])?>(nil)
    private let wasRequested = Atomic(false)
    /// The second of the last use that was counted: one use a second is enough.
    let lastUseSecond = Atomic<Int64>(0)
    /// The scopes that were used.
    private let usedScopes = Atomic<Int64>(0)

    /// Reads the user's membership of a project.
    typealias FindMembership = @Sendable (_ projectID: String) throws -> Membership?

    /// The most memberships that an identity keeps.
    private static let maxMemberships = 8

    init(
        token: TokenRecord, state: SecretState, user: UserRecord, findMembership: @escaping FindMembership
    ) {
        self.token = token
        self.state = state
        self.user = user
        self.findMembership = findMembership
        let end = state.end(token.lifetime)
        endsAt = end ?? .max
        expiresText = end.map { Timestamp.format(.init($0)) } ?? "never"
    }

    var email: String { user.email }
    var defaultProjectID: String { user.defaultProjectID }

    /// The caller's permissions, which read each membership when it is first needed.
    ///
    /// Verifying a token therefore takes as long for a user of many projects as for a user of one.
    var authority: Authority { Authority(grant: token.grant, findMembership: membership) }

    private func membership(of projectID: String) throws -> Membership? {
        if let known = memberships.withLock({ $0[projectID] }) { return known }
        guard let found = try findMembership(projectID) else { return nil }
        memberships.withLock { known in
            if known.count >= Self.maxMemberships { known.removeAll() }
            known[projectID] = found
        }
        return found
    }

    /// The digest of the secret that was presented.
    var secretDigest: [UInt8] {
        switch state {
        case .current: token.digest
        case .pending(let secret): secret.digest
        case .retired(let secret): secret.digest
        }
    }

    /// Marks scopes as used, and returns whether one of them is used for the first time.
    func markUsed(_ scopes: ScopeSet) -> Bool {
        guard !ScopeSet(rawValue: usedScopes.load(ordering: .relaxed)).contains(scopes) else { return false }
        let before = usedScopes.bitwiseOr(scopes.rawValue, ordering: .relaxed).oldValue
        return !ScopeSet(rawValue: before).contains(scopes)
    }

    /// Returns why the secret does not authenticate, or nil if it does.
    func failure(at now: Int64) -> AuthenticationFailure? {
        state.failure(at: now, token.lifetime) ?? (user.isDisabled ? .accountDisabled : nil)
    }

    /// Returns the body of `GET /v1/auth/whoami`, which is encoded again only when the second has changed.
    func whoamiBody(at now: Int64) throws -> [UInt8] {
        guard wasRequested.load(ordering: .relaxed) else {
            wasRequested.store(true, ordering: .relaxed)
            return try encode(at: now)
        }
        return try whoami.withLock { cached in
            if let cached, cached.second == now { return cached.body }
            let body = try encode(at: now)
            cached = (now, body)
            return body
        }
    }

    private func encode(at now: Int64) throws -> [UInt8] {
        try APICoding.encode(
            User(
                id: user.id, email: user.email, name: user.name, accountID: token.accountID,
                createdAt: .init(user.createdAt), token: token.apiModel(at: now, lastUsedAt: now),
                defaultProjectID: user.defaultProjectID))
    }
}
