/// The route and the token of a request, which its head determines.
///
/// Finding them takes longer than anything else that a request for a cached token needs, so the plan is kept with the
/// head, which clients usually send again on the same connection.
final class RequestPlan: Sendable {
    let route: Route
    /// The text in place of each segment in braces.
    let parameters: [String]
    /// The pool whose workers handle the request; nil if its event thread does.
    let pool: WorkerPool?
    /// The token, which is not verified yet; nil if the route requires none.
    let token: PresentedToken?

    /// Finds the token of a request, unless its route requires none.
    ///
    /// - Throws: ``ErrorResponse``, or ``DomainError/unauthenticated(_:)``.
    init(_ request: Request, _ route: Route, _ parameters: [String]) throws {
        self.route = route
        self.parameters = parameters
        pool = route.pool(request)
        token = route.requiresToken ? try PresentedToken(Authentication.token(of: request)) : nil
    }

    /// Returns the plan that is kept with the head of a request.
    static func kept(with request: Request) -> RequestPlan? {
        request.head?.memo.withLock { $0 } as? RequestPlan
    }

    /// Keeps the plan with the head of a request.
    func keep(with request: Request) {
        request.head?.memo.withLock { $0 = self }
    }
}
