/// Who makes a change, and from where: what the audit log tells of them.
struct Actor: Sendable, Equatable {
    var userID: String?
    var email: String?
    var tokenID: String?
    /// Of the dashboard: the session that must not be over by then.
    var sessionID: String?
    var address: String?
    var userAgent: String?

    /// Whoever runs the commands of the server beside its data.
    static let administrator = Actor(userAgent: "podstack-server")

    /// Of a request; without an identity it is somebody at an address.
    init(_ request: Request, _ identity: Identity?) {
        self.init(
            userID: identity?.token.userID, email: identity?.email, tokenID: identity?.token.id,
            address: request.address.description,
            userAgent: request.header("user-agent").map { String($0.prefix(200)) })
    }

    private init(
        userID: String? = nil, email: String? = nil, tokenID: String? = nil, address: String? = nil,
        userAgent: String? = nil
    ) {
        self.userID = userID
        self.email = email
        self.tokenID = tokenID
        self.address = address
        self.userAgent = userAgent
    }
}
