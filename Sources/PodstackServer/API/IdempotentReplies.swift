// Idempotent replies: a POST with an `Idempotency-Key` changes something once, however often the client sends it.
//
//     unused ── first request ──▶ running ── succeeded ──▶ stored ── 24 hours later ──▶ expired (as unused)
//        ▲                           │
//        └───────── failed ──────────┘
//
//     A request with the same key, of the same token, meanwhile:
//       running                        → 409, try again
//       stored, same request           → the stored reply
//       stored, different request      → 422, key reused
//
// `running` is known to this process only (IdempotencyState); the stored replies are in the database. If two instances get
// the same request, the second one waits for the database's writer and then finds the reply of the first.
//
// Invariants; the tests are in IdempotencyStateTests:
//  1. The first request with a key runs. (first)
//  2. While it runs, another one with the key is rejected. (running)
//  3. After a failure, the key can be used again. (failed)
//  4. A repeat gets the status and body that are stored, with `Idempotency-Replayed: true`. (replay)
//  5. A key that was used for a different request is rejected, whether that ran a second or 23 hours ago. (different)
//  6. After 24 hours, a key is unused. (expired)
//  7. Keys belong to their token. (perToken)
//  8. A stored body never contains a secret. (IdempotencyTests.secrets)

import PodstackAPI
import PodstackCryptography
import Synchronization

// MARK: - Keys

/// The identity of a repeatable `POST` request: its `Idempotency-Key`, its token and a hash of its contents.
struct IdempotencyKey: Sendable {
    /// The part that a repeat has to match: keys of different tokens are independent.
    struct Name: Hashable, Sendable {
        var tokenID: String
        var key: String
    }

    var name: Name
    /// The SHA-256 of everything in the request that determines the response.
    var requestHash: [UInt8]

    init(tokenID: String, key: String, requestHash: [UInt8]) {
        name = Name(tokenID: tokenID, key: key)
        self.requestHash = requestHash
    }

    /// Creates the key of a request; nil if the request has no key or no token.
    init?(of exchange: Exchange) throws {
        let request = exchange.request
        let keys = request.headers.filter { $0.name == "idempotency-key" }
        guard request.method == "POST", let tokenID = exchange.identity?.token.id, let key = keys.first?.value else {
            return nil
        }
        guard keys.count == 1, (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw ErrorResponse.badRequest(
                "Idempotency-Key must be sent once and have 1 to 255 visible ASCII characters")
        }
        var hashed: [UInt8] = []
        let query = request.query.flatMap { [$0.name, $0.value] }
        // No part contains a zero byte, and the path comes first, so different requests have different bytes.
        for part in [request.path, request.header("x-project-id") ?? "", String(query.count)] + query {
            hashed += Array(part.utf8) + [0]
        }
        self.init(tokenID: tokenID, key: key, requestHash: Sodium.sha256(hashed + request.body))
    }
}

extension ErrorResponse {
    static let keyReused = ErrorResponse(
        status: 422, code: .idempotencyKeyReused,
        message: "This Idempotency-Key was used for a different request: generate a new key for each request")

    static let stillRunning = ErrorResponse(
        status: 409, code: .idempotencyKeyReused,
        message: "The request with this Idempotency-Key is still running: send it again in a moment",
        headers: [("Retry-After", "1")])
}

// MARK: - State machine

/// A reply that is stored for repeats of its request.
struct IdempotentReply: Equatable {
    var requestHash: [UInt8]
    var status: Int
    var body: [UInt8]
    /// The time of the first request, in seconds since 1970.
    var createdAt: Int64
}

/// The decisions about requests with an `Idempotency-Key`, without the database.
struct IdempotencyState {
    enum Admission: Equatable {
        /// Look the stored reply up, and let ``IdempotencyState/decide(_:stored:now:)`` decide.
        case lookUp
        case rejectRunning
    }

    enum Decision: Equatable {
        /// Make the change and store its reply.
        case run
        case replay(IdempotentReply)
        case rejectReused
    }

    /// The seconds for which a reply is stored.
    static let retentionSeconds: Int64 = 86_400
    /// The most replies that are stored for one token; the oldest are removed first.
    static let maximumCount = 5_000

    private var running: Set<IdempotencyKey.Name> = []

    /// A request has arrived; if it is admitted, ``finish(_:)`` must follow.
    mutating func begin(_ key: IdempotencyKey) -> Admission {
        running.insert(key.name).inserted ? .lookUp : .rejectRunning
    }

    /// An admitted request has succeeded or failed.
    mutating func finish(_ key: IdempotencyKey) { running.remove(key.name) }

    static func decide(_ key: IdempotencyKey, stored: IdempotentReply?, now: Int64) -> Decision {
        guard let stored, stored.createdAt > now - retentionSeconds else { return .run }
        return stored.requestHash == key.requestHash ? .replay(stored) : .rejectReused
    }
}

// MARK: - Effects

/// Makes the changes that requests ask for, and replies to repeated requests with the stored reply.
///
/// The reply is stored in the transaction of the change, so after a crash there are both or neither.
struct IdempotentChanges: Sendable {
    let changes: Changes
    private let replies = IdempotentReplies()

    init(_ changes: Changes) { self.changes = changes }

    /// Makes a change, or returns the stored reply of an earlier request with the same key.
    ///
    /// The caller must meet the requirement of the route inside the transaction, also for a stored reply.
    ///
    /// - Parameters:
    ///   - exchange: The request.
    ///   - now: The time in seconds since 1970.
    ///   - checkRepeat: Checks what `body` checks of the caller beyond the requirement of the route, before a stored reply
    ///     is sent again.
    ///   - body: The change.
    /// - Returns: The response.
    /// - Throws: ``ErrorResponse``, ``DomainError`` or ``DatabaseFailure``.
    func response(
        to exchange: Exchange, at now: Int64, checkRepeat: (Change) throws -> Void = { _ in },
        _ body: (Change) throws -> Response
    ) throws -> Response {
        let actor = Actor(exchange.request, exchange.identity)
        guard let key = try IdempotencyKey(of: exchange) else {
            return try changes.perform(by: actor, requiring: exchange.requirement, at: now, body)
        }
        return try replies.runExclusively(key) {
            try changes.perform(by: actor, requiring: exchange.requirement, at: now) { change in
                let stored = try IdempotencyStore.find(key.name, in: change.connection)
                switch IdempotencyState.decide(key, stored: stored, now: change.now) {
                case .replay(let reply):
                    try checkRepeat(change)
                    var response = Response(status: reply.status, body: reply.body)
                    response.set("Idempotency-Replayed", "true")
                    return response
                case .rejectReused: throw ErrorResponse.keyReused
                case .run:
                    let response = try body(change)
                    let reply = IdempotentReply(
                        requestHash: key.requestHash, status: response.status,
                        body: response.repeatable ?? response.body, createdAt: change.now)
                    try IdempotencyStore.insert(reply, for: key.name, in: change.connection)
                    return response
                }
            }
        }
    }
}

/// The requests with an `Idempotency-Key` that are running in this process.
///
/// A repeat that arrives too early is rejected here without waiting for the database.
final class IdempotentReplies: Sendable {
    private let state = Mutex(IdempotencyState())

    /// Runs `body`, unless a request with the same key is running.
    func runExclusively<Result>(_ key: IdempotencyKey, _ body: () throws -> Result) throws -> Result {
        guard state.withLock({ $0.begin(key) }) == .lookUp else { throw ErrorResponse.stillRunning }
        defer { state.withLock { $0.finish(key) } }
        return try body()
    }
}

/// The table of the stored replies.
///
/// Only successes are stored: a failed request changed nothing and may be repeated.
enum IdempotencyStore {
    static func find(
        _ name: IdempotencyKey.Name, in connection: any DatabaseConnection
    ) throws -> IdempotentReply? {
        try connection.query(
            """
            SELECT request_hash, status, body, created_at FROM idempotent_answers
            WHERE token_id = \(name.tokenID) AND idempotency_key = \(name.key)
            """
        ).first.map { row in
            IdempotentReply(
                requestHash: try row.blob("request_hash"), status: Int(try row.integer("status")),
                body: try row.blob("body"), createdAt: try row.integer("created_at"))
        }
    }

    /// Stores a reply, and deletes all expired ones.
    static func insert(
        _ reply: IdempotentReply, for name: IdempotencyKey.Name, in connection: any DatabaseConnection
    ) throws {
        let expired = reply.createdAt - IdempotencyState.retentionSeconds
        try connection.execute("DELETE FROM idempotent_answers WHERE created_at <= \(expired)")
        try removeOldest(of: name.tokenID, in: connection)
        try connection.execute(
            """
            INSERT INTO idempotent_answers (token_id, idempotency_key, request_hash, status, body, created_at)
            VALUES (\(name.tokenID), \(name.key), \(reply.requestHash), \(Int64(reply.status)), \(reply.body),
                    \(reply.createdAt))
            """)
    }

    /// Removes a tenth of a token's replies, the oldest first, if it has the most.
    private static func removeOldest(of tokenID: String, in connection: any DatabaseConnection) throws {
        let row = try connection.query(
            "SELECT COUNT(*) AS count FROM idempotent_answers WHERE token_id = \(tokenID)"
        ).first
        guard let row, try row.integer("count") >= Int64(IdempotencyState.maximumCount) else { return }
        try connection.execute(
            """
            DELETE FROM idempotent_answers WHERE token_id = \(tokenID) AND idempotency_key IN (
                SELECT idempotency_key FROM idempotent_answers WHERE token_id = \(tokenID)
                ORDER BY created_at, idempotency_key LIMIT \(Int64(IdempotencyState.maximumCount / 10)))
            """)
    }
}
