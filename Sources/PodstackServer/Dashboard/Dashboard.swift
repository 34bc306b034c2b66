import PodstackAPI
import PodstackCryptography

/// The handler for the dashboard's pages: routes requests, finds their sessions and checks the keys of forms.
struct Dashboard: PageHandler {
    let routes: [PageRoute]
    private let sessions: WebSessions
    private let publicURL: PublicURL
    private let auditWatch: AuditWatch
    private let pools: WorkerPools
    private let limits: AccountLimits
    private let now: @Sendable () -> Int64
    /// The first path segments of all routes.
    private let firstSegments: Set<Substring>

    init(_ services: Services) {
        sessions = services.signIn.sessions
        auditWatch = AuditWatch(
            database: services.database, sessions: sessions, limit: services.limits.streams, now: services.now)
        routes = PageRoute.all(services, auditWatch)
        publicURL = services.settings.publicURL
        pools = services.pools
        limits = services.limits
        now = services.now
        firstSegments = Set(routes.map { $0.pattern.first ?? "" })
    }

    /// Ends the streams of audit events.
    func stop() { auditWatch.stop() }

    /// Returns whether a path belongs to the dashboard and not to the API.
    func owns(_ path: String) -> Bool {
        // The path of a malformed target is empty.
        guard path.hasPrefix("/"), path != "/" else { return path == "/" }
        let first = path.dropFirst().prefix { $0 != "/" }
        return !first.isEmpty && firstSegments.contains(first)
    }

    func latency(of request: Request) -> RouteLatency? { (try? route(request))?.0.latency }

    func pool(for request: Request) -> WorkerPool { request.method == "POST" ? .writes : .reads }

    /// Returns the response to a request for a file, which needs neither a session nor the database.
    func responseFromMemory(to request: Request) throws -> Response? {
        let (route, parameters) = try route(request)
        guard route.access == .file else { return nil }
        return try route.handle(
            PageExchange(
                request: request, parameters: parameters, form: .empty, session: nil, formKey: "", now: now(),
                serviceURL: ""))
    }

    /// Returns whether an error is displayed as a page: on the dashboard, and for a browser at an unknown path.
    func shows(_ error: ErrorResponse, to request: Request) -> Bool {
        if owns(request.path) { return true }
        let acceptsHTML = request.header("accept")?.lowercased().contains("text/html") ?? false
        return acceptsHTML && error.code == .notFound && !Self.isLikeAPI(request.path)
    }

    /// Returns whether a path belongs to the API, or is a misspelled one, such as `//v1` or `/./V1`.
    private static func isLikeAPI(_ path: String) -> Bool {
        path.split(separator: "/").first { $0 != "." && $0 != ".." }?.lowercased() == "v1" || path.contains("//")
    }

    /// Returns the response to a request for a page.
    func respond(to request: Request, identified: (_ userID: String) -> Void) throws -> Response {
        let (route, parameters) = try route(request)
        try Form.checkNames(of: request.query, kind: "parameter")
        let isSecure = publicURL.isSecure
        let now = now()
        let sessionCookie = Cookie.session.value(in: request, isSecure: isSecure)
        let session = try sessionCookie.flatMap {
            try sessions.find(OneTimeSecret($0), now: now, isSeen: route.access != .background)
        }
        if let session { identified(session.user.id) }
        let cookie = session == nil ? Cookie.browser.value(in: request, isSecure: isSecure) : sessionCookie
        let serviceURL = try publicURL.of(request)
        if [.signedIn, .operators].contains(route.access), session == nil {
            return request.method == "GET" || request.method == "HEAD"
                ? .redirect(SignInPages.link(returningTo: request))
                : .redirect(SignInPages.link(sessionEndedBefore: request))
        }
        if route.access == .operators, session?.user.isOperator != true { throw DomainError.forbidden(.notOperator) }
        // A 204 makes an EventSource stop reconnecting. Source: HTML, section 9.2.3.
        if route.access == .background, session == nil { return .noContent }
        var form = Form.empty
        if request.method == "POST" {
            form = try Form(request)
            try FormKey.check(form, request, cookie: cookie, origin: serviceURL)
        }
        let keyCookie = cookie ?? OneTimeSecret.generate().text
        let exchange = PageExchange(
            request: request, parameters: parameters, form: form, session: session,
            formKey: FormKey.derive(from: keyCookie), now: now, serviceURL: serviceURL)
        var response = try handle(exchange, route)
        if cookie == nil { response.set("Set-Cookie", Cookie.browser.set(keyCookie, isSecure: isSecure)) }
        return response
    }

    /// Runs the handler of a route.
    ///
    /// If the session ended before the change was made, nothing changes, and the response redirects to the sign-in
    /// page. This does not count as a failed authentication.
    private func handle(_ exchange: PageExchange, _ route: PageRoute) throws -> Response {
        @Sendable func redirectingSignedOut(_ body: () throws -> Response) throws -> Response {
            do {
                let response = try body()
                guard let work = response.deferredWork else { return response }
                return .deferred(on: work.queue) { isTurn in try redirectingSignedOut { try work.produce(isTurn) } }
            } catch is SessionEnded {
                return .redirect(SignInPages.link(sessionEndedBefore: exchange.request))
            }
        }
        return try redirectingSignedOut {
            guard route.isSearch, let session = exchange.session else { return try route.handle(exchange) }
            return try .search(in: pools, by: session.user.accountID, limits) { try route.handle(exchange) }
        }
    }

    private func route(_ request: Request) throws -> (PageRoute, [String]) {
        let segments = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let path = segments == [""] ? [] : segments
        let found = routes.compactMap { route in
            PathPattern.parameters(of: path, in: route.pattern).map { (route, $0) }
        }
        guard !found.isEmpty else {
            throw ErrorResponse(status: 404, code: .notFound, message: "There is no page at this address")
        }
        let method = request.method == "HEAD" ? "GET" : request.method
        guard let (route, parameters) = found.first(where: { $0.0.method == method }) else {
            throw ErrorResponse(
                status: 405, code: .methodNotAllowed,
                message: method == "GET"
                    ? "This address only accepts forms" : "This address does not support the method of the request",
                headers: [("Allow", PathPattern.allow(found.map(\.0.method)))])
        }
        return (route, parameters)
    }
}

// MARK: - Error pages

extension Dashboard {
    /// Returns the page that displays an error.
    ///
    /// It keeps the navigation if the client is signed in and the database may be read.
    func page(of error: ErrorResponse, for request: Request, requestID: String, mayRead: Bool) -> Response {
        let viewer = mayRead ? viewer(of: request, after: error) : nil
        var response = Document(Self.title(of: error.code), session: viewer?.session, formKey: viewer?.formKey ?? "") {
            Card {
                Element("p") { "\(error.message)." }
                if let advice = Self.advice(for: error) { Element("p") { advice } }
                Element("p") { LinkButton("Back to the dashboard", to: Link("/")) }
                Element("p", .class("hint")) {
                    "If you ask for help, include this request ID: "
                    Element("code") { requestID }
                }
            }
        }.response(status: error.status)
        response.headers += error.headers
        return response
    }

    private static func title(of code: ErrorCode) -> String {
        switch code {
        case .accessDenied, .insufficientScope, .projectForbidden, .memberForbidden: "Access denied"
        case .notFound: "Not found"
        case .methodNotAllowed: "No page here"
        case .conflict, .quotaExceeded, .projectNotEmpty: "Not possible"
        case .rateLimited: "Too many requests"
        case .unavailable: "Temporarily unavailable"
        case .internal: "Something went wrong"
        default: "Invalid request"
        }
    }

    private static func advice(for error: ErrorResponse) -> String? {
        switch error.code {
        case .notFound where error.details["resource_type"] != nil:
            "It may have been deleted, or your account may not have access to it."
        case .insufficientScope, .projectForbidden, .memberForbidden: "Ask an admin of the project for access."
        case .internal: "Try again. If it happens again, tell the operator of this service."
        default: nil
        }
    }

    /// Returns the session of the client that receives an error page, with the key for its forms.
    private func viewer(of request: Request, after error: ErrorResponse) -> (session: WebSession, formKey: String)? {
        // If the database is unavailable, the page must not wait for it a second time.
        guard error.code != .unavailable, let cookie = Cookie.session.value(in: request, isSecure: publicURL.isSecure),
            let session = try? sessions.find(OneTimeSecret(cookie), now: now(), isSeen: false)
        else { return nil }
        return (session, FormKey.derive(from: cookie))
    }
}
