import PodstackAPI
import PodstackCryptography

/// The pages: finds the route of a request, and sees to sessions, forms and the headers of every answer.
struct Dashboard: PageHandler {
    let routes: [PageRoute]
    private let sessions: WebSessions
    private let publicURL: PublicURL
    private let auditWatch: AuditWatch
    private let now: @Sendable () -> Int64
    /// The first segments of all addresses: what begins with one of them is a page.
    private let places: Set<Substring>

    init(_ service: Services) {
        sessions = service.signIn.sessions
        auditWatch = AuditWatch(database: service.database, sessions: sessions, now: service.now)
        routes = Pages.all(service, auditWatch)
        publicURL = service.settings.publicURL
        now = service.now
        places = Set(routes.map { $0.pattern.first ?? "" })
    }

    /// Ends the streams of audit events.
    func stop() { auditWatch.stop() }

    /// Whether an error is shown as a page: on the dashboard, and to a browser that is lost.
    func shows(_ error: ErrorResponse, to request: Request) -> Bool {
        if owns(request.path) { return true }
        let asksForPage = request.header("accept")?.lowercased().contains("text/html") ?? false
        return asksForPage && error.code == .notFound && !request.path.hasPrefix("/v1")
    }

    /// Whether a path is the dashboard's, and not the API's.
    func owns(_ path: String) -> Bool {
        // One that could not be read is empty.
        path.hasPrefix("/") && places.contains(path.dropFirst().prefix { $0 != "/" })
    }

    func respond(to request: Request) throws -> Response {
        if let defect = request.defect { throw ErrorResponse(defect) }
        let (route, parameters) = try route(request)
        let isSecure = publicURL.isSecure
        let now = now()
        let shown = Cookie.session.value(in: request, isSecure: isSecure)
        let session = try shown.flatMap {
            try sessions.find(OneTimeSecret($0), now: now, isSeen: route.access != .watching)
        }
        let visitor = Cookie.visitor.value(in: request, isSecure: isSecure)
        let cookie = session == nil ? visitor : shown
        var form = Form.empty
        let origin = try publicURL.of(request)
        if route.access == .signedIn, session == nil {
            return request.method == "GET" || request.method == "HEAD"
                ? .redirect(SignInPages.link(returningTo: request)) : .redirect(SignInPages.link(overtaken: request))
        }
        // It tells an EventSource to come no more. Source: HTML, section 9.2.3.
        if route.access == .watching, session == nil { return .noContent }
        if request.method == "POST" {
            form = try Form(request)
            try FormKey.check(form, request, cookie: cookie, origin: origin)
        }
        let fresh = cookie ?? OneTimeSecret.generate().text
        let visit = Visit(
            request: request, parameters: parameters, form: form, session: session, formKey: FormKey.make(for: fresh),
            now: now, serviceURL: origin)
        var response = try handle(visit, route)
        if cookie == nil { response.set("Set-Cookie", Cookie.visitor.set(fresh, isSecure: isSecure)) }
        return response
    }

    /// Whoever is signed in, with the key of their forms, for a page that tells of an error.
    func visitor(of request: Request, after error: ErrorResponse) -> (session: WebSession, formKey: String)? {
        // A database that is away is not waited for again.
        guard error.status != 503, let shown = Cookie.session.value(in: request, isSecure: publicURL.isSecure),
            let session = try? sessions.find(OneTimeSecret(shown), now: now(), isSeen: false)
        else { return nil }
        return (session, FormKey.make(for: shown))
    }

    /// A form that was overtaken by the end of its session changes nothing, and leads to where one signs in again: that is
    /// nobody who tries to get in.
    private func handle(_ visit: Visit, _ route: PageRoute) throws -> Response {
        @Sendable func orLeave(_ body: () throws -> Response) throws -> Response {
            do { return try body() } catch is SessionEnded {
                return .redirect(SignInPages.link(overtaken: visit.request))
            }
        }
        return try orLeave {
            let response = try route.handle(visit)
            guard let work = response.deferredWork else { return response }
            return .deferred(on: work.queue) { isTurn in try orLeave { try work.produce(isTurn) } }
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
                    ? "There is nothing to see at this address: it is where a form is sent to"
                    : "This page does not know that method",
                headers: [("Allow", PathPattern.allow(found.map(\.0.method)))])
        }
        return (route, parameters)
    }
}
