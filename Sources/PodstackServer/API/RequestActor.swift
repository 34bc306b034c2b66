/// Makes the domain's view of a request's sender at the edge, so that no domain function takes a request.
extension Origin {
    init(_ request: Request) {
        self.init(
            address: request.address, userAgent: request.header("user-agent").map { String($0.prefix(200)) })
    }
}

extension Actor {
    /// Creates the actor of a request; without an identity, it is only known by its origin.
    init(_ request: Request, _ identity: Identity?) {
        self.init(
            userID: identity?.token.userID, email: identity?.email, tokenID: identity?.token.id,
            origin: Origin(request))
    }
}
