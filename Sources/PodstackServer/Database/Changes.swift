import PodstackAPI

/// Makes changes that others may have to hear of.
struct Changes: Sendable {
    let database: any Database
    let verifier: TokenVerifier
    let trail: AuditTrail
    private let answers = IdempotentAnswers()

    init(database: any Database, verifier: TokenVerifier, trail: AuditTrail) {
        self.database = database
        self.verifier = verifier
        self.trail = trail
    }

    /// Runs `body` in one transaction. When this returns it is durable, and nothing that it changed is served
    /// from memory any more, by no instance of the service. Throws when the actor was signed out since.
    func make<Result>(
        by actor: Actor, at now: Int64, _ body: (Change) throws -> Result
    ) throws -> Result {
        var announcement = Announcement()
        let result = try database.write { connection in
            if let id = actor.sessionID { try WebSessions.check(id, at: now, in: connection) }
            let change = Change(connection, by: actor, at: now, trail: trail)
            let result = try body(change)
            announcement = Announcement(tokens: change.changedTokens, users: change.changedUsers)
            try connection.announce(announcement)
            return result
        }
        verifier.forget(announcement)
        return result
    }

    /// The same for what a request asks for; one that repeats another, by its `Idempotency-Key`, gets the answer of
    /// that one. The answer is kept in the transaction of the change: either both are there after a crash, or none.
    func answer(
        _ exchange: Exchange, at now: Int64, _ body: (Change) throws -> Response
    ) throws -> Response {
        let actor = Actor(exchange.request, exchange.identity)
        func run(_ work: (Change) throws -> Response) throws -> Response {
            try make(by: actor, at: now) { change in
                try checkNotRefusedSince(exchange, in: change.connection)
                return try work(change)
            }
        }
        guard let key = try IdempotencyKey(of: exchange) else { return try run(body) }
        return try answers.alone(key) {
            try run { change in
                if let known = try IdempotencyStore.find(key, now: now, in: change.connection) { return known }
                let response = try body(change)
                try IdempotencyStore.insert(response, for: key, now: now, in: change.connection)
                return response
            }
        }
    }

    /// A request that waited for the one writer may have been overtaken by the revocation of its own token, or by the
    /// disabling of its user.
    private func checkNotRefusedSince(_ exchange: Exchange, in connection: any DatabaseConnection) throws {
        guard let known = exchange.identity?.token else { return }
        if let token = try TokenStore.find(known.id, in: connection), token.revokedAt != nil {
            throw Refusal.revoked(token)
        }
        if try AccountStore.isDisabled(known.userID, in: connection) { throw Refusal.disabled }
    }
}

/// A change under way.
final class Change {
    let connection: any DatabaseConnection
    /// When it is made.
    let now: Int64
    let actor: Actor
    private let trail: AuditTrail
    private(set) var changedTokens: Set<String> = []
    private(set) var changedUsers: Set<String> = []

    init(_ connection: any DatabaseConnection, by actor: Actor, at now: Int64, trail: AuditTrail) {
        self.connection = connection
        self.actor = actor
        self.now = now
        self.trail = trail
    }

    /// The same change, where what is done next is done in the name of a user from the same place.
    func acting(for userID: String, _ email: String) -> Change {
        var actor = actor
        (actor.userID, actor.email) = (userID, email)
        return Change(connection, by: actor, at: now, trail: trail)
    }

    /// Writes the audit event of what is done.
    func record(_ action: AuditAction, on resource: AuditResource, _ details: [String: JSONValue] = [:]) throws {
        try trail.append(action, on: resource, by: actor, details: details, in: self)
    }

    /// Must be said of every token that is not as it was.
    func changed(token id: String) { changedTokens.insert(id) }

    /// Must be said of every user who may do more, or less, than before.
    func changed(user id: String) { changedUsers.insert(id) }
}
