/// The reasons why a sign-in, or a change of a password, is refused.
enum SignInError: Error, Equatable {
    /// The email address is unknown or the password is wrong; the caller does not learn which.
    case wrongCredentials
    case tooManyAttempts(retryAfterSeconds: Int64)
    /// The new password is not accepted. The text is the end of a sentence.
    case invalidPassword(String)
    /// The email address is not accepted. The text is the end of a sentence.
    case invalidEmail(String)
    /// The sign-in link is unknown, used or expired.
    case invalidLink
    /// The user is disabled. Reported only to a caller that has the password.
    case userDisabled
}

/// The rules of signing in to the dashboard.
struct SignInService: Sendable {
    let database: any Database
    let changes: Changes
    let sessions: WebSessions
    let links: SignInLinks
    let failures: SignInFailures
    let passwords = PasswordHasher()
    /// The events about failed sign-ins that are recorded for each user.
    ///
    /// Anyone can cause them, so they must not fill the user's audit log.
    private let recordedFailures: RateLimiter<String>
    /// Creates an account with its first user, whose email address is given.
    private let createAccount: CreateAccount

    typealias CreateAccount = @Sendable (_ email: String, Change) throws -> UserRecord

    init(
        database: any Database, changes: Changes, digest: SecretDigest, writes: WorkQueue = WorkQueue(capacity: 64),
        systemTime: @escaping @Sendable () -> Int64 = SystemClock.seconds,
        elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed, recordedFailuresPerHour: Int = 100,
        createAccount: @escaping CreateAccount
    ) {
        self.database = database
        self.changes = changes
        self.createAccount = createAccount
        sessions = WebSessions(database: database, digest: digest, writes: writes)
        links = SignInLinks(digest: digest)
        failures = SignInFailures(digest: digest, systemTime: systemTime)
        recordedFailures = RateLimiter(
            RateLimit(name: "login-failed", count: recordedFailuresPerHour, window: 3600), elapsed: elapsed)
    }

    /// Signs a user in with a password.
    ///
    /// Hashes a password, so this must run on the queue of ``passwords``.
    ///
    /// - Returns: The secret for the browser's cookie.
    func signIn(email: String, password: String, from origin: Origin, now: Int64) throws -> OneTimeSecret {
        let user = try database.read { try UserStore.find(email: email, in: $0) }
        let actor = Actor(origin: origin)
        let hash = try check(password, of: user, email: email, by: actor, from: origin, now: now)
        return try changes.perform(by: actor, at: now) { change in
            guard let id = user?.id, let user = try UserStore.find(id: id, in: change.connection) else {
                throw SignInError.wrongCredentials
            }
            try checkIsCurrent(hash, userID: id, in: change)
            guard !user.isDisabled else { throw SignInError.userDisabled }
            return try begin(user, from: origin, in: change)
        }
    }

    /// Checks a password, and counts a wrong one whether the user exists or not.
    ///
    /// - Returns: The user's hash, which the password matches.
    private func check(
        _ password: String, of user: UserRecord?, email: String, by actor: Actor, from origin: Origin, now: Int64
    ) throws -> String? {
        let address = origin.address ?? .unknown
        let (hash, wait) = try database.read { connection in
            (
                try user.flatMap { try UserStore.passwordHash(userID: $0.id, in: connection) },
                try failures.wait(email, from: address, in: connection)
            )
        }
        guard wait == 0 else { throw SignInError.tooManyAttempts(retryAfterSeconds: wait) }
        // An unknown user takes as long as a known one.
        let match = passwords.match(password, hashedAs: hash)
        let newHash = match == .asTyped ? try passwords.hash(password) : nil
        try record(by: actor, at: now) { change in
            if match != nil {
                if let newHash, let user {
                    try checkIsCurrent(hash, userID: user.id, in: change)
                    try UserStore.setPasswordHash(newHash, userID: user.id, in: change.connection)
                }
                return try failures.forget(email, from: address, in: change.connection)
            }
            try failures.count(email, from: address, in: change.connection)
            if let user, recordedFailures.take(user.id).isAllowed {
                try change.record(.loginFailed, on: AuditResource(user))
            }
        }
        guard match != nil else { throw SignInError.wrongCredentials }
        return newHash ?? hash
    }

    /// Runs a change for a signed-in user, or for a client that is signing in.
    private func record(by actor: Actor, at now: Int64, _ body: (Change) throws -> Void) throws {
        actor.hasCredential
            ? try changes.perform(by: actor, requiring: .credential, at: now, body)
            : try changes.perform(by: actor, at: now, body)
    }

    /// Checks that the password was not changed while it was being compared, which takes long enough for that.
    private func checkIsCurrent(_ hash: String?, userID: String, in change: Change) throws {
        guard try UserStore.passwordHash(userID: userID, in: change.connection) == hash else {
            throw SignInError.wrongCredentials
        }
    }

    /// Sets the password of a link's user, ends all other sessions of the user, and signs the user in.
    ///
    /// The email address is that of the first account; it is ignored for any other link. Hashes a password, so this
    /// must run on the queue of ``passwords``.
    ///
    /// - Returns: The secret for the browser's cookie.
    func useLink(
        _ secret: OneTimeSecret, email: String?, password: String, from origin: Origin, now: Int64
    ) throws -> OneTimeSecret {
        guard let holder = try database.read({ try links.holder(secret, now: now, in: $0) }) else {
            throw SignInError.invalidLink
        }
        let email = try self.email(of: holder, email)
        if let problem = Password.problem(password, email: email) { throw SignInError.invalidPassword(problem) }
        let hash = try passwords.hash(password)
        return try changes.perform(by: Actor(origin: origin), at: now) { change in
            guard try links.holder(secret, now: change.now, in: change.connection) == holder else {
                throw SignInError.invalidLink
            }
            try links.remove(secret, in: change.connection)
            let user =
                switch holder {
                case .user(let user): user
                case .firstUser: try createAccount(email, change)
                }
            let isFirst = try UserStore.passwordHash(userID: user.id, in: change.connection) == nil
            try UserStore.setPasswordHash(hash, userID: user.id, in: change.connection)
            // Earlier failures were guesses at the old password.
            try failures.forgetAll(user.email, in: change.connection)
            try sessions.endAll(userID: user.id, except: nil, in: change)
            try change.acting(for: user.id, user.email).record(
                isFirst ? .passwordChosen : .passwordChanged, on: AuditResource(user))
            return try begin(user, from: origin, in: change)
        }
    }

    /// Changes the password of a signed-in user, and ends all other sessions of the user.
    ///
    /// Hashes passwords, so this must run on the queue of ``passwords``.
    func changePassword(
        of session: WebSession, from old: String, to new: String, from origin: Origin, now: Int64
    ) throws {
        let user = session.user
        let actor = Actor(session, from: origin)
        let oldHash = try check(old, of: user, email: user.email, by: actor, from: origin, now: now)
        if let problem = Password.problem(new, email: user.email) { throw SignInError.invalidPassword(problem) }
        let newHash = try passwords.hash(new)
        try changes.perform(by: actor, requiring: .credential, at: now) { change in
            try checkIsCurrent(oldHash, userID: user.id, in: change)
            try UserStore.setPasswordHash(newHash, userID: user.id, in: change.connection)
            try sessions.endAll(userID: user.id, except: session.id, in: change)
            try change.record(.passwordChanged, on: AuditResource(user))
        }
    }

    /// Ends the session of the browser that asks for it.
    func signOut(_ session: WebSession, from origin: Origin, now: Int64) throws {
        try end(session.id, of: session, as: .logout, from: origin, now: now)
    }

    /// Ends another session of the same user.
    func end(_ id: String, of session: WebSession, from origin: Origin, now: Int64) throws {
        try end(id, of: session, as: .sessionRevoked, from: origin, now: now)
    }

    private func end(
        _ id: String, of session: WebSession, as action: AuditAction, from origin: Origin, now: Int64
    ) throws {
        try changes.perform(by: Actor(session, from: origin), requiring: .credential, at: now) { change in
            guard try sessions.end(id, userID: session.user.id, in: change) else { return }
            try change.record(action, on: AuditResource(session.user))
        }
    }

    /// Ends all sessions of the user except this one.
    func endOthers(of session: WebSession, from origin: Origin, now: Int64) throws {
        try changes.perform(by: Actor(session, from: origin), requiring: .credential, at: now) { change in
            try sessions.endAll(userID: session.user.id, except: session.id, in: change)
            try change.record(.sessionRevoked, on: AuditResource(session.user))
        }
    }

    private func begin(_ user: UserRecord, from origin: Origin, in change: Change) throws -> OneTimeSecret {
        let secret = try sessions.begin(userID: user.id, from: origin, in: change)
        try change.acting(for: user.id, user.email).record(.login, on: AuditResource(user))
        return secret
    }

    private func email(of holder: SignInLinks.Holder, _ email: String?) throws -> String {
        switch holder {
        case .user(let user): return user.email
        case .firstUser:
            guard let email, EmailAddress.isValid(email) else {
                throw SignInError.invalidEmail("must be an email address")
            }
            return email
        }
    }
}

extension Actor {
    /// Creates the actor of a signed-in user.
    init(_ session: WebSession, from origin: Origin) {
        self.init(userID: session.user.id, email: session.user.email, sessionID: session.id, origin: origin)
    }
}
