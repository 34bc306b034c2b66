import Synchronization

/// A user that is signed in to the dashboard in one browser.
///
/// Times are seconds since 1970.
struct WebSession: Sendable {
    /// The time without a request after which a session ends.
    static let idleSeconds: Int64 = 12 * 3600
    /// The longest time that a session lasts.
    static let lifetimeSeconds: Int64 = 7 * 86_400
    /// The most sessions that a user can have; a new one then ends the one that was seen longest ago.
    static let maximumCount = 100

    var id: String
    var user: UserRecord
    var createdAt: Int64
    var lastSeenAt: Int64
    /// The address from which the user signed in; empty if it is unknown.
    var address: String
    var userAgent: String?

    func isOver(at now: Int64) -> Bool {
        // A session of the future is from a time when the clock was ahead.
        now - lastSeenAt >= Self.idleSeconds || now - createdAt >= Self.lifetimeSeconds
            || max(createdAt, lastSeenAt) - now > StoredTime.toleranceSeconds
    }
}

/// The session behind a change ended before the change was made.
struct SessionEnded: Error {}

/// The rules of sessions.
///
/// A session is found by the digest of the secret in the browser's cookie.
struct WebSessions: Sendable {
    /// The shortest time between two updates of ``WebSession/lastSeenAt``, so that not every request writes.
    private static let seenIntervalSeconds: Int64 = 60

    let database: any Database
    let digest: SecretDigest
    /// The workers that write when a session was last seen.
    let writes: WorkQueue
    private let seen = SeenSessions()

    init(database: any Database, digest: SecretDigest, writes: WorkQueue) {
        self.database = database
        self.digest = digest
        self.writes = writes
    }

    /// Begins a session.
    ///
    /// - Returns: The secret for the browser's cookie.
    func begin(userID: String, from origin: Origin, in change: Change) throws -> OneTimeSecret {
        let secret = OneTimeSecret.generate()
        try SignInStore.removeSessions(
            lastSeenUntil: change.now - WebSession.idleSeconds, createdUntil: change.now - WebSession.lifetimeSeconds,
            in: change.connection)
        try SignInStore.removeSessions(
            userID: userID, exceptLast: WebSession.maximumCount - 1, in: change.connection)
        try SignInStore.insertSession(
            id: Identifier.generate("ses_"), digest: digest.digest(of: secret), userID: userID, from: origin,
            at: change.now, in: change.connection)
        return secret
    }

    /// Returns the session of a cookie, or nil if there is none or it is over.
    ///
    /// Only reads the database: another thread writes that the session was seen. `isSeen` is false for a request that a
    /// page sends by itself, which must not keep the session alive.
    func find(_ secret: OneTimeSecret, now: Int64, isSeen: Bool = true) throws -> WebSession? {
        // Read before the database: what is written meanwhile is in one of both.
        let seenTimes = seen.all
        let found = try database.read { try SignInStore.session(digest: digest.digest(of: secret), in: $0) }
        guard let session = found?.seen(in: seenTimes), !session.isOver(at: now) else { return nil }
        if isSeen, now - session.lastSeenAt >= Self.seenIntervalSeconds {
            seen.record(session.id, at: now, on: writes, in: database)
        }
        return session
    }

    /// Returns which of the sessions are not over.
    func alive(_ ids: [String], now: Int64, in connection: any DatabaseConnection) throws -> Set<String> {
        let seenTimes = seen.all
        let sessions = try SignInStore.sessions(ids: ids, in: connection)
        return Set(sessions.map { $0.seen(in: seenTimes) }.filter { !$0.isOver(at: now) }.map(\.id))
    }

    /// Checks, inside the transaction of a change, that the session behind it is not over.
    ///
    /// - Throws: ``SessionEnded``. A request that waits for the writer can be overtaken by the end of its own session.
    static func check(_ id: String, at now: Int64, in connection: any DatabaseConnection) throws -> WebSession {
        let session = try SignInStore.sessions(ids: [id], in: connection).first
        guard let session, !session.isOver(at: now) else { throw SessionEnded() }
        return session
    }

    /// Returns a user's sessions, the last seen first.
    func list(userID: String, now: Int64) throws -> [WebSession] {
        let seenTimes = seen.all
        return try database.read { try SignInStore.sessions(userID: userID, in: $0) }.map { $0.seen(in: seenTimes) }
            .filter { !$0.isOver(at: now) }
    }

    /// Ends a session.
    ///
    /// - Returns: False if the user has no such session.
    @discardableResult
    func end(_ id: String, userID: String, in change: Change) throws -> Bool {
        try SignInStore.removeSession(id, userID: userID, in: change.connection)
    }

    /// Ends all sessions of a user, except one if an ID is given.
    func endAll(userID: String, except id: String?, in change: Change) throws {
        try SignInStore.removeSessions(userID: userID, except: id, in: change.connection)
    }
}

extension WebSession {
    /// Returns the session with the time at which it was last seen, which the database may not have yet.
    fileprivate func seen(in times: [String: Int64]) -> WebSession {
        guard let time = times[id], time > lastSeenAt else { return self }
        var session = self
        session.lastSeenAt = time
        return session
    }
}

/// The times at which sessions were last seen that are not in the database yet.
private final class SeenSessions: Sendable {
    private let times = Mutex<[String: Int64]>([:])

    /// The times by the IDs of the sessions.
    var all: [String: Int64] { times.withLock { $0 } }

    /// Records that a session was seen, without waiting for the database.
    ///
    /// If it cannot be written, the next request tries again.
    func record(_ id: String, at now: Int64, on queue: WorkQueue, in database: any Database) {
        times.withLock { $0[id] = now }
        let isQueued = queue.add { [self] in
            _ = try? database.write { try SignInStore.setLastSeen(now, sessionID: id, in: $0) }
            forget(id, now)
        }
        if !isQueued { forget(id, now) }
    }

    private func forget(_ id: String, _ time: Int64) {
        times.withLock { if $0[id] == time { $0[id] = nil } }
    }
}
