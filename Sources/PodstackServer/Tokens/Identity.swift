import PodstackAPI
import Synchronization

/// Who a verified token speaks for. Shared by all requests with that token until something about it changes.
final class Identity: Sendable {
    let token: TokenRecord
    private let email: String
    private let name: String?
    private let userCreatedAt: Int64
    private let defaultProjectID: String
    /// `Podstack-Token-Expires` of every answer.
    let expiresText: String
    /// The whoami answer, which changes once a second at most.
    private let whoami: Mutex<(second: Int64, body: [UInt8])>
    /// The second in which the use was last noted: one note a second is enough.
    let notedAt = Atomic<Int64>(0)

    init(token: TokenRecord, user: DatabaseRow) throws {
        self.token = token
        email = try user.text(0)
        name = user.optionalText(1)
        defaultProjectID = try user.text(2)
        userCreatedAt = try user.integer(3)
        expiresText = token.expiresAt.map { Timestamp.format(.init($0)) } ?? "never"
        whoami = Mutex((.min, []))
    }

    /// The user of a token; nil when there is none.
    static func find(_ token: TokenRecord, in connection: any DatabaseConnection) throws -> Identity? {
        try connection.run(
            "SELECT email, name, default_project_id, created_at FROM users WHERE id = ?", [.text(token.userID)]
        ).first.map { try Identity(token: token, user: $0) }
    }

    /// The body of `GET /v1/auth/whoami`, encoded again only when the second has changed.
    func whoamiBody(at now: Int64) throws -> [UInt8] {
        try whoami.withLock { cached in
            if cached.second != now {
                let user = User(
                    id: token.userID, email: email, name: name, accountID: token.accountID,
                    createdAt: .init(userCreatedAt), token: token.shown(at: now, lastUsedAt: now),
                    defaultProjectID: defaultProjectID)
                cached = (now, try APICoding.encode(user))
            }
            return cached.body
        }
    }
}
