import PodstackAPI

/// Runs the transactions of the domain.
///
/// Each contains its audit events, and the announcement that makes every instance drop the state that it changed.
struct Changes: Sendable {
    var database: any Database
    var trail: AuditTrail
    /// Removes what an announcement names from the cache of this process.
    let forget: @Sendable (Announcement) -> Void
    /// Reads the actor's token, session and user again, and throws if the actor may no longer act.
    let recheck: @Sendable (Actor, _ now: Int64, any DatabaseConnection) throws -> Void

    /// Runs `body` in one transaction.
    ///
    /// When this returns, the change is durable, and no instance of the service uses cached state from before it.
    ///
    /// - Throws: What `body` throws, or the reason why the actor may no longer act; then nothing is changed.
    func perform<Result>(
        by actor: Actor, at now: Int64, _ body: (Change) throws -> Result
    ) throws -> Result {
        var announcement = Announcement()
        do {
            let result = try commit(&announcement, by: actor, at: now, body)
            forget(announcement)
            return result
        } catch {
            // The change may be durable although the database did not confirm it.
            if !announcement.isEmpty { forget(announcement) }
            throw error
        }
    }

    private func commit<Result>(
        _ announcement: inout Announcement, by actor: Actor, at now: Int64, _ body: (Change) throws -> Result
    ) throws -> Result {
        try database.write { connection in
            try recheck(actor, now, connection)
            let change = Change(connection, by: actor, at: now, trail: trail)
            let result = try body(change)
            announcement = change.announcement
            try connection.announce(announcement)
            return result
        }
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

    /// The tokens and users whose cached state becomes stale; shared with ``acting(for:_:)``.
    private final class Marks {
        var tokens: Set<String> = []
        var users: Set<String> = []
    }

    convenience init(_ connection: any DatabaseConnection, by actor: Actor, at now: Int64, trail: AuditTrail) {
        self.init(connection, by: actor, at: now, trail: trail, marks: Marks())
    }

    private init(
        _ connection: any DatabaseConnection, by actor: Actor, at now: Int64, trail: AuditTrail, marks: Marks
    ) {
        self.connection = connection
        self.actor = actor
        self.now = now
        self.trail = trail
        self.marks = marks
    }

    /// Returns this change with another actor: a user at the same origin.
    func acting(for userID: String, _ email: String) -> Change {
        var actor = actor
        (actor.userID, actor.email) = (userID, email)
        return Change(connection, by: actor, at: now, trail: trail, marks: marks)
    }

    /// Records an audit event.
    func record(_ action: AuditAction, on resource: AuditResource, _ details: [String: JSONValue] = [:]) throws {
        try trail.append(action, on: resource, by: actor, details: details, in: self)
    }

    /// Marks a token as changed; required for every token whose cached state becomes stale.
    func changed(token id: String) { marks.tokens.insert(id) }

    /// Marks a user as changed; required for every user whose permissions become wider or narrower.
    func changed(user id: String) { marks.users.insert(id) }

    var announcement: Announcement { Announcement(tokens: marks.tokens, users: marks.users) }
}
