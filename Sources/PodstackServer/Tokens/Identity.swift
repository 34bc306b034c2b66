import PodstackAPI
import Synchronization

/// Who a verified token speaks for. Shared by all requests with that token until something about it changes.
final class Identity: Sendable {
    let token: TokenRecord
    /// What the secret that was shown is to the token.
    let standing: SecretStanding
    /// From this second on the secret is refused: the end of the token, or of the secret's grace.
    let endsAt: Int64
    /// Of the user, by project.
    private let memberships: [String: Membership]
    let email: String
    private let name: String?
    private let userCreatedAt: Int64
    /// By the operator.
    private let isDisabled: Bool
    let defaultProjectID: String
    /// `Podstack-Token-Expires` of every answer.
    let expiresText: String
    /// The whoami answer, which changes once a second at most. Nil until it is asked for a second time: most of it
    /// would be the memory of tokens that are used once.
    private let whoami = Mutex<(second: Int64, body: [UInt8])?>(nil)
    private let wasAsked = Atomic(false)
    /// The second in which the use was last noted: one note a second is enough.
    let notedAt = Atomic<Int64>(0)
    /// The scopes whose use was noted.
    private let usedScopes = Atomic<Int64>(0)

    init(token: TokenRecord, standing: SecretStanding, user: UserRecord, memberships: [String: Membership]) {
        self.token = token
        self.memberships = memberships
        self.standing = standing
        var end = token.expiresAt
        if case .retired(let secret) = standing { end = min(secret.endsAt, end ?? .max) }
        endsAt = end ?? .max
        email = user.email
        name = user.name
        defaultProjectID = user.defaultProjectID
        userCreatedAt = user.createdAt
        isDisabled = user.isDisabled
        expiresText = end.map { Timestamp.format(.init($0)) } ?? "never"
    }

    /// The user of a token; nil when there is none.
    static func find(
        _ token: TokenRecord, _ standing: SecretStanding, in connection: any DatabaseConnection
    ) throws -> Identity? {
        try UserStore.find(id: token.userID, in: connection).map { user in
            let memberships = try MemberStore.memberships(userID: user.id, in: connection)
            return Identity(token: token, standing: standing, user: user, memberships: memberships)
        }
    }

    /// What it may do.
    var authority: Authority { Authority(grant: token.grant, memberships: memberships) }

    /// Whether any of the scopes is used for the first time. Once they are, this costs one look.
    func uses(_ scopes: ScopeSet) -> Bool {
        guard !ScopeSet(rawValue: usedScopes.load(ordering: .relaxed)).contains(scopes) else { return false }
        let before = usedScopes.bitwiseOr(scopes.rawValue, ordering: .relaxed).oldValue
        return !ScopeSet(rawValue: before).contains(scopes)
    }

    /// Returns why the secret does not authenticate, or nil if it does.
    func failure(at now: Int64) -> AuthenticationFailure? {
        if token.revokedAt != nil { return .revoked(at: token.revokedAt) }
        if token.isExpired(at: now) { return .expired(at: token.expiresAt) }
        switch standing {
        case .waiting(let secret) where secret.hasLapsed(at: now): return .expired(at: secret.lapsesAt)
        case .retired(let secret) where secret.endsAt <= now: return .rotated(at: secret.rotatedAt)
        case .current, .waiting, .retired: return isDisabled ? .accountDisabled : nil
        }
    }

    /// The body of `GET /v1/auth/whoami`, encoded again only when the second has changed.
    func whoamiBody(at now: Int64) throws -> [UInt8] {
        guard wasAsked.load(ordering: .relaxed) else {
            wasAsked.store(true, ordering: .relaxed)
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
                id: token.userID, email: email, name: name, accountID: token.accountID, createdAt: .init(userCreatedAt),
                token: token.shown(at: now, lastUsedAt: now), defaultProjectID: defaultProjectID))
    }
}
