import PodstackAPI

/// Runs the transactions of the domain.
///
/// Each contains its audit events, and the announcement that makes every instance drop the state that it changed.
struct Changes: Sendable {
    var database: any Database
    var trail: AuditTrail
    /// Returns the time in seconds since 1970.
    let clock: @Sendable () -> Int64
    /// Removes what an announcement names from the cache of this process.
    let forget: @Sendable (Announcement) -> Void
    /// Counts an audit event whose change was made.
    var count: @Sendable (AuditAction) -> Void = { _ in }
    /// The number of all events outside the database; nil for a database that several machines use.
    var auditCount: AuditCount?
    /// Reads the authority of an actor with a token or a session, and throws if the actor may no longer act.
    let readAuthority: @Sendable (Actor, _ now: Int64, any DatabaseConnection) throws -> Authority

    /// Runs `body` in one transaction, for an actor with a token or a session.
    ///
    /// The actor's token or session, user, scopes, projects and memberships are read inside the transaction: the request
    /// may have waited for the writer while they changed. `body` gets them with the change.
    ///
    /// When this returns, the change is durable, and no instance of the service uses cached state from before it.
    ///
    /// - Parameters:
    ///   - actor: The actor.
    ///   - requirement: The permissions that the change requires.
    ///   - now: The time of the request. The time of the change is later if the change had to wait.
    ///   - body: The change.
    /// - Returns: The result of `body`.
    /// - Throws: What `body` throws, or the reason why the actor may not make the change; then nothing is changed.
    func perform<Result>(
        by actor: Actor, requiring requirement: Requirement, at now: Int64, _ body: (Change) throws -> Result
    ) throws -> Result {
        try write(by: actor, at: now) { change in
            guard actor.hasCredential else { throw DomainError.inconsistent }
            let authority = try readAuthority(actor, change.now, change.connection)
            try authority.require(requirement)
            return try body(change.with(authority))
        }
    }

    /// Runs `body` in one transaction, for the operator or for a request without a credential.
    ///
    /// An actor with a token or a session must use ``perform(by:requiring:at:_:)``.
    func perform<Result>(
        by actor: Actor, at now: Int64, _ body: (Change) throws -> Result
    ) throws -> Result {
        guard !actor.hasCredential else { throw DomainError.inconsistent }
        return try write(by: actor, at: now, body)
    }

    private func write<Result>(
        by actor: Actor, at now: Int64, _ body: (Change) throws -> Result
    ) throws -> Result {
        var announcement = Announcement()
        var recorded: [AuditAction] = []
        var lock: AuditCount.Lock?
        // Also after a failure: the change may be durable although the database did not confirm it.
        defer { if !announcement.isEmpty { forget(announcement) } }
        let result = try database.write { connection in
            // Read here: the transaction may have waited for the writer.
            let change = Change(connection, by: actor, at: max(now, clock()), trail: trail)
            let result = try body(change)
            announcement = change.announcement
            recorded = change.recorded
            try connection.announce(announcement)
            // Held until the events are counted, so that no other process counts them too.
            if !recorded.isEmpty { lock = auditCount?.lock() }
            return result
        }
        lock?.add(recorded.count)
        lock = nil
        recorded.forEach(count)
        return result
    }
}

/// A change in progress: one transaction with its audit events.
final class Change {
    let connection: any DatabaseConnection
    /// The time of the change, in seconds since 1970.
    let now: Int64
    let actor: Actor
    private let trail: AuditTrail
    private let marks: Marks
    private let knownAuthority: Authority?

    /// The tokens and users whose cached state becomes stale; shared with the changes of ``acting(for:_:)``.
    private final class Marks {
        var tokens: Set<String> = []
        var users: Set<String> = []
        var recorded: [AuditAction] = []
    }

    init(_ connection: any DatabaseConnection, by actor: Actor, at now: Int64, trail: AuditTrail) {
        self.connection = connection
        self.actor = actor
        self.now = now
        self.trail = trail
        marks = Marks()
        knownAuthority = nil
    }

    private init(_ change: Change, by actor: Actor, _ authority: Authority?) {
        connection = change.connection
        self.actor = actor
        now = change.now
        trail = change.trail
        marks = change.marks
        knownAuthority = authority
    }

    // MARK: - Permissions

    /// The permissions under which the change is made, as they are inside the transaction.
    ///
    /// - Throws: ``DomainError/inconsistent`` if the actor has none, such as the operator.
    var authority: Authority {
        get throws {
            guard let knownAuthority else { throw DomainError.inconsistent }
            return knownAuthority
        }
    }

    /// The most that the change may do or hand on.
    var grant: Grant { get throws { try authority.grant } }

    /// Returns this change under an authority, such as that of the user for whom the operator acts.
    func with(_ authority: Authority) -> Change { Change(self, by: actor, authority) }

    /// Returns this change with another actor: a user at the same origin.
    func acting(for userID: String, _ email: String) -> Change {
        var actor = actor
        (actor.userID, actor.email) = (userID, email)
        return Change(self, by: actor, knownAuthority)
    }

    // MARK: - Effects

    /// Records an audit event.
    func record(_ action: AuditAction, on resource: AuditResource, _ details: [String: JSONValue] = [:]) throws {
        try trail.append(action, on: resource, by: actor, details: details, in: self)
        marks.recorded.append(action)
    }

    /// Marks a token as changed; required for every token whose cached state becomes stale.
    func changed(token id: String) { marks.tokens.insert(id) }

    /// Marks a user as changed; required for every user whose permissions become wider or narrower.
    func changed(user id: String) { marks.users.insert(id) }

    /// The actions of the audit events so far.
    var recorded: [AuditAction] { marks.recorded }

    var announcement: Announcement { Announcement(tokens: marks.tokens, users: marks.users) }
}
