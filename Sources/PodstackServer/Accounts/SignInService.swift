import PodstackAPI

/// The rules of signing in, without HTTP or SQL.
struct SignInService: Sendable {
    let database: any Database
    let changes: Changes
    let sessions: WebSessions
    let links: SignInLinks
    let failures: SignInFailures
    let effort = PasswordEffort()

    init(database: any Database, changes: Changes, digest: SecretDigest) {
        self.database = database
        self.changes = changes
        sessions = WebSessions(database: database, digest: digest)
        links = SignInLinks(digest: digest)
        failures = SignInFailures(digest: digest)
    }

    enum Refusal: Error, Equatable {
        /// An unknown address and a wrong password are not told apart.
        case wrong
        case tooMany(retryAfter: Int64)
        case password(String)
        case email(String)
        case linkIsOver
        /// Told only to who has the password.
        case disabled
    }

    /// - Returns: What goes into the cookie.
    func signIn(email: String, password: String, from origin: Origin, now: Int64) throws -> String {
        let user = try database.read { connection in
            try AccountStore.user(email: email, in: connection).flatMap { known in
                try AccountStore.user(id: known.id, in: connection).map {
                    AuditResource(userID: known.id, email: $0.email, accountID: $0.accountID)
                }
            }
        }
        let hash = try check(password, of: user, email: email, by: Actor(origin: origin), from: origin, now: now)
        return try changes.make(by: Actor(origin: origin), at: now) { change in
            guard let user else { throw Refusal.wrong }
            try checkIsCurrent(hash, userID: user.id, in: change)
            guard try !AccountStore.isDisabled(user.id, in: change.connection) else { throw Refusal.disabled }
            return try begin(user.id, user.accountID, user.name ?? email, from: origin, in: change)
        }
    }

    /// Returns when the password is right, with the hash that says so. Each wrong one counts, whether there is such a
    /// user or not.
    private func check(
        _ password: String, of user: AuditResource?, email: String, by actor: Actor, from origin: Origin, now: Int64
    ) throws -> String? {
        let address = origin.address ?? .unknown
        let (hash, wait) = try database.read { connection in
            (
                try user.flatMap { try PasswordStore.hash(userID: $0.id, in: connection) },
                try failures.wait(email, from: address, now: now, in: connection)
            )
        }
        guard wait == 0 else { throw Refusal.tooMany(retryAfter: wait) }
        // As much work whether there is such a user or not.
        let isRight = effort.isPassword(password, hashedAs: hash)
        try changes.make(by: actor, at: now) { change in
            if isRight { return try failures.forget(email, from: address, in: change.connection) }
            try failures.note(email, from: address, now: now, in: change.connection)
            if let user { try change.record(.loginFailed, on: user) }
        }
        guard isRight else { throw Refusal.wrong }
        return hash
    }

    /// Hashing takes long enough for the password to be changed meanwhile: what was right before is wrong then.
    private func checkIsCurrent(_ hash: String?, userID: String, in change: Change) throws {
        guard try PasswordStore.hash(userID: userID, in: change.connection) == hash else { throw Refusal.wrong }
    }

    /// Chooses the password of whom the link is for, and signs them in. All their other sessions end.
    func useLink(_ secret: String, email: String?, password: String, from origin: Origin, now: Int64) throws
        -> String
    {
        guard let holder = try database.read({ try links.holder(secret, now: now, in: $0) }) else {
            throw Refusal.linkIsOver
        }
        let address = try address(of: holder, email)
        if let defect = Password.defect(password, email: address) { throw Refusal.password(defect) }
        let hash = try effort.hash(password)
        return try changes.make(by: Actor(origin: origin), at: now) { change in
            guard try links.holder(secret, now: now, in: change.connection) == holder else { throw Refusal.linkIsOver }
            try links.use(secret, in: change.connection)
            let (id, accountID) = try user(of: holder, email: address, in: change)
            let isFirst = try PasswordStore.hash(userID: id, in: change.connection) == nil
            try PasswordStore.set(hash, userID: id, in: change.connection)
            try sessions.endAll(userID: id, except: nil, in: change)
            try change.acting(for: id, address).record(
                isFirst ? .passwordChosen : .passwordChanged,
                on: AuditResource(userID: id, email: address, accountID: accountID))
            return try begin(id, accountID, address, from: origin, in: change)
        }
    }

    /// All other sessions of the user end.
    func changePassword(of session: WebSession, from old: String, to new: String, from origin: Origin, now: Int64)
        throws
    {
        let user = AuditResource(session)
        let oldHash = try check(
            old, of: user, email: session.email, by: Actor(session, from: origin), from: origin, now: now)
        if let defect = Password.defect(new, email: session.email) { throw Refusal.password(defect) }
        let newHash = try effort.hash(new)
        try changes.make(by: Actor(session, from: origin), at: now) { change in
            try checkIsCurrent(oldHash, userID: session.userID, in: change)
            try PasswordStore.set(newHash, userID: session.userID, in: change.connection)
            try sessions.endAll(userID: session.userID, except: session.id, in: change)
            try change.record(.passwordChanged, on: user)
        }
    }

    func signOut(_ session: WebSession, from origin: Origin, now: Int64) throws {
        try changes.make(by: Actor(session, from: origin), at: now) { change in
            guard try sessions.end(session.id, userID: session.userID, in: change) else { return }
            try change.record(.logout, on: AuditResource(session))
        }
    }

    /// Ends another session of the same user.
    func end(_ id: String, of session: WebSession, from origin: Origin, now: Int64) throws {
        try changes.make(by: Actor(session, from: origin), at: now) { change in
            guard try sessions.end(id, userID: session.userID, in: change) else { return }
            try change.record(.sessionRevoked, on: AuditResource(session))
        }
    }

    private func begin(
        _ userID: String, _ accountID: String, _ email: String, from origin: Origin, in change: Change
    ) throws -> String {
        let secret = try sessions.begin(userID: userID, from: origin, in: change).secret
        try change.acting(for: userID, email).record(
            .login, on: AuditResource(userID: userID, email: email, accountID: accountID))
        return secret
    }

    private func address(of holder: SignInLinks.Holder, _ email: String?) throws -> String {
        switch holder {
        case .user(_, _, let email): return email
        case .firstUser:
            guard let email, EmailAddress.isValid(email) else { throw Refusal.email("must be an e-mail address") }
            return email
        }
    }

    private func user(
        of holder: SignInLinks.Holder, email: String, in change: Change
    ) throws -> (id: String, accountID: String) {
        switch holder {
        case .user(let id, let accountID, _): return (id, accountID)
        case .firstUser:
            _ = try AccountStore.addUser(email: email, name: nil, in: change)
            guard let user = try AccountStore.user(email: email, in: change.connection) else {
                throw DomainError.inconsistent
            }
            return user
        }
    }
}

extension Actor {
    /// Creates the actor of a signed-in user.
    init(_ session: WebSession, from origin: Origin) {
        self.init(userID: session.userID, email: session.email, sessionID: session.id, origin: origin)
    }
}

extension AuditResource {
    init(_ session: WebSession) {
        self.init(userID: session.userID, email: session.email, accountID: session.accountID)
    }
}
