/// The address and the program that a request comes from.
struct Origin: Sendable, Equatable {
    /// Nil for a command that runs beside the service.
    var address: ClientAddress?
    /// The User-Agent header, at most ``maximumUserAgentBytes``.
    var userAgent: String?

    /// The most bytes that are stored of a User-Agent header.
    static let maximumUserAgentBytes = 200

    /// Returns the beginning of a User-Agent header: whole characters, with `?` in the place of invisible ones.
    ///
    /// One character can have any number of combining marks, so bytes are counted. The header is stored with every change
    /// and read by people.
    static func limitedUserAgent(_ header: String) -> String {
        if header.utf8.count <= maximumUserAgentBytes, header.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
            return header
        }
        var text = ""
        var count = 0
        for character in header {
            count += character.utf8.count
            guard count <= maximumUserAgentBytes else { break }
            let isVisible = character.unicodeScalars.allSatisfy { VisibleText.isAllowed($0) || $0 == "\u{200D}" }
            text.append(isVisible ? character : "?")
        }
        return text
    }
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
