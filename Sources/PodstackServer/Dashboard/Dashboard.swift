import PodstackAPI
import PodstackCryptography

/// The pages: finds the route of a request, and sees to sessions, forms and the headers of every answer.
struct Dashboard: Sendable {
    private let routes: [PageRoute]
    private let sessions: WebSessions
    private let publicURL: PublicURL
    private let now: @Sendable () -> Int64
    /// The first segments of all addresses: what begins with one of them is a page.
    private let places: Set<Substring>

    init(_ service: Service) {
        routes = Pages.all(service)
        sessions = service.signIn.sessions
        publicURL = service.settings.publicURL
        now = service.now
        places = Set(routes.map { $0.pattern.first ?? "" })
    }

    /// Whether a path is the dashboard's, and not the API's.
    func owns(_ path: String) -> Bool {
        // One that could not be read is empty.
        path.hasPrefix("/") && places.contains(path.dropFirst().prefix { $0 != "/" })
    }

    func answer(_ request: Request) throws -> Response {
        if let defect = request.defect { throw APIError(defect) }
        let (route, parameters) = try route(request)
        let isSecure = publicURL.isSecure
        let now = now()
        let shown = Cookie.session.value(in: request, isSecure: isSecure)
        let session = try shown.flatMap { try sessions.find($0, now: now, isSeen: route.access != .watching) }
        let visitor = Cookie.visitor.value(in: request, isSecure: isSecure)
        let cookie = session == nil ? visitor : shown
        var form = Form.empty
        let origin = try publicURL.of(request)
        if route.access == .signedIn, session == nil {
            return request.method == "GET" || request.method == "HEAD"
                ? .redirect(SignInPages.link(returningTo: request)) : .redirect(Link("/sign-in"))
        }
        if route.access == .watching, session == nil { throw WebSessions.signedOut }
        if request.method == "POST" {
            form = try Form(request)
            try FormKey.check(form, request, cookie: cookie, origin: origin)
        }
        let fresh = cookie ?? Identifier.make("")
        let visit = Visit(
            request: request, parameters: parameters, form: form, session: session, formKey: FormKey.make(for: fresh),
            now: now, origin: origin)
        var response = try route.handle(visit)
        if cookie == nil { response.set("Set-Cookie", Cookie.visitor.set(fresh, isSecure: isSecure)) }
        return response
    }

    private func route(_ request: Request) throws -> (PageRoute, [String]) {
        let segments = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let path = segments == [""] ? [] : segments
        let found = routes.compactMap { route in parameters(of: path, in: route.pattern).map { (route, $0) } }
        guard !found.isEmpty else {
            throw APIError(status: 404, code: .notFound, message: "There is no page at this address")
        }
        let method = request.method == "HEAD" ? "GET" : request.method
        guard let (route, parameters) = found.first(where: { $0.0.method == method }) else {
            throw APIError(
                status: 405, code: .methodNotAllowed, message: "This page does not know that method",
                headers: [("Allow", Set(found.map(\.0.method)).sorted().joined(separator: ", "))])
        }
        return (route, parameters)
    }

    private func parameters(of path: ArraySlice<Substring>, in pattern: [Substring]) -> [String]? {
        guard path.count == pattern.count else { return nil }
        var parameters: [String] = []
        for (segment, expected) in zip(path, pattern) {
            if expected.hasPrefix("{"), !segment.isEmpty {
                parameters.append(String(segment))
            } else if segment != expected {
                return nil
            }
        }
        return parameters
    }
}
