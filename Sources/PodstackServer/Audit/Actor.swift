/// The address and the program that a request comes from.
struct Origin: Sendable, Equatable {
    /// Nil for a command that runs beside the service.
    var address: ClientAddress?
    /// The User-Agent header, at most 200 characters.
    var userAgent: String?
}

/// The party that makes a change, as the audit log names it.
///
/// It is a user with a token, a user with a dashboard session, the operator, or, for a request without a valid
/// credential, known by its origin only.
struct Actor: Sendable, Equatable {
    var userID: String?
    var email: String?
    /// The key of the token: see ``TokenKey``.
    var tokenID: String?
    /// The digest of the token's secret, which must still authenticate when the change is made.
    var secretDigest: [UInt8]?
    /// The dashboard session, which must not be over when the change is made.
    var sessionID: String?
    var origin: Origin

    /// Whether the actor has a token or a session, whose authority is read inside the transaction.
    var hasCredential: Bool { tokenID != nil || sessionID != nil }

    /// The operator, who runs the server's commands beside its data.
    static let administrator = Actor(origin: Origin(userAgent: "podstack-server"))
}
