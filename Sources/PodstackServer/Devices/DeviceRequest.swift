import PodstackAPI

/// A program's wish for a token, until a user has decided and the program has fetched it.
struct DeviceRequest: Sendable {
    enum State: Sendable, Equatable {
        case pending
        case approved(userID: String)
        case denied
        /// The token was fetched.
        case done(userID: String)
    }

    var id: String
    var clientName: String
    /// Nil for all.
    var scopes: [Scope]?
    /// Of a token whose secret the program made.
    var made: (id: String, sha256: [UInt8])?
    var createdAt: Int64
    var expiresAt: Int64
    /// The fewest seconds between two questions.
    var interval: Int64
    var askedAt: Int64?
    /// Where it came from, for whoever is to decide.
    var address: String
    var userAgent: String?
    var state = State.pending

    static let life: Int64 = 600
    static let firstInterval: Int64 = 5

    func isOver(at now: Int64) -> Bool { expiresAt <= now }
}

extension AuditResource {
    init(_ request: DeviceRequest, accountID: String) {
        self.init(type: "device", id: request.id, name: request.clientName, accountID: accountID)
    }
}
