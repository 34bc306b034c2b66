import PodstackAPI

/// One request from the router to the answer; the order of its stops never changes.
struct RequestHandler: Sendable {
    let router: Router
    let dashboard: Dashboard
    let verifier: TokenVerifier
    let reuse: ReuseWatch
    let lastUsed: LastUsedTracker
    let proxies: TrustedProxies
    /// Failed authentications by address, and requests by token; nil for no limit.
    let failures: RateLimiter<ClientAddress>?
    let requests: RateLimiter<String>?
    let log: Log
    let metrics: Metrics
    let now: @Sendable () -> Int64

    func handle(_ request: Request) -> Answer {
        let requestID = RequestID.make()
        var request = request
        if !proxies.isEmpty { request.address = proxies.origin(of: request) }
        var caller = Caller()
        do {
            let response = try answer(request, &caller)
            guard let later = response.later else {
                return .ready(succeeded(response, request, requestID, caller), requestID: requestID)
            }
            return .later(later.queue) { [caller, request] isTurn in
                do {
                    return (succeeded(try later.make(isTurn), request, requestID, caller), requestID)
                } catch {
                    return (failed(error, request, requestID, caller), requestID)
                }
            }
        } catch {
            return .ready(failed(error, request, requestID, caller), requestID: requestID)
        }
    }

    private func succeeded(
        _ response: Response, _ request: Request, _ requestID: String, _ caller: Caller
    ) -> Response {
        var response = response
        caller.mark(&response)
        metrics.success()
        if request.method != "GET" && request.method != "HEAD" { note(request, response, requestID, caller.identity) }
        return response
    }

    private func failed(_ error: any Error, _ request: Request, _ requestID: String, _ caller: Caller) -> Response {
        let refusal = refusal(error, request, requestID)
        metrics.refusal(refusal.status, refusal.code)
        var response =
            dashboard.shows(refusal, to: request)
            ? dashboard.page(of: refusal, for: request, requestID: requestID)
            : refusal.response(requestID: requestID)
        caller.mark(&response)
        if response.status >= 500 || request.method != "GET" { note(request, response, requestID, caller.identity) }
        return response
    }

    /// Who a request was found to be of, and what every answer to them says.
    private struct Caller {
        var identity: Identity?
        var rate: RateLimit.Verdict?

        func mark(_ response: inout Response) {
            if let identity { response.set("Podstack-Token-Expires", identity.expiresText) }
            if let rate, rate.isAllowed { response.set("RateLimit", rate.header) }
        }
    }

    private func answer(_ request: Request, _ caller: inout Caller) throws -> Response {
        if dashboard.owns(request.path) { return try dashboard.answer(request) }
        if let defect = request.defect { throw ErrorResponse(defect) }
        let (route, parameters) = try router.route(request)
        let identity = try authenticate(request, route.access)
        caller.identity = identity
        if let requests, let identity {
            let verdict = requests.take(identity.token.id, now: now())
            caller.rate = verdict
            guard verdict.isAllowed else { throw verdict.error }
        }
        try authorise(identity, route.access, request, parameters)
        if let identity { note(route.access, of: identity, from: request.address) }
        guard !route.hasCaller || ContentNegotiation.accepts("application/json", request) || isExport(route, request)
        else {
            throw ErrorResponse(
                status: 406, code: .notAcceptable, message: "There is JSON here, and what you accept is something else")
        }
        return try route.handle(Exchange(request: request, parameters: parameters, identity: identity))
    }

    private func isExport(_ route: Route, _ request: Request) -> Bool {
        route.operation == .listAuditLogs && ContentNegotiation.accepts("text/csv", request)
    }

    private func authenticate(_ request: Request, _ access: Access) throws -> Identity? {
        if case .anybody = access { return nil }
        let time = now()
        let token = try Authentication.token(of: request)
        let identity: Identity
        do {
            identity = try verifier.verify(token, from: request.address, now: time)
        } catch DomainError.unauthenticated(let failure) {
            if case .rotated = failure { try reuse.recordUse(of: token, from: Origin(request), now: time) }
            throw DomainError.unauthenticated(failure)
        }
        if identity.lastUseSecond.exchange(time, ordering: .relaxed) != time {
            lastUsed.add(TokenUse(time: time, address: request.address), of: identity.token.id)
        }
        return identity
    }

    /// That a token used the scope of a route, and was not refused.
    private func note(_ access: Access, of identity: Identity, from address: ClientAddress) {
        guard let scope = access.scope else { return }
        let scopes = ScopeSet(scope)
        guard identity.markUsed(scopes) else { return }
        lastUsed.add(TokenUse(time: now(), address: address, scopes: scopes), of: identity.token.id)
    }

    /// What the path is about, and the project that the header names, must both be within reach.
    private func authorise(
        _ identity: Identity?, _ access: Access, _ request: Request, _ parameters: [String]
    ) throws {
        guard let identity else { return }
        let named = try project(of: request)
        switch access {
        // A token may always look at, rotate and revoke itself, whatever project its holder has set.
        case .anybody, .anyToken: break
        case .scope(let scope): try identity.authority.require(scope, in: named)
        case .project(let scope):
            let authority = identity.authority
            try authority.require(scope, in: parameters.first)
            if let named, named != parameters.first { try authority.require(nil, in: named) }
        }
    }

    private func project(of request: Request) throws -> String? {
        var project: String?
        for header in request.headers where header.name == "x-project-id" {
            guard project == nil else { throw ErrorResponse.badRequest("There are two X-Project-ID headers") }
            project = header.value
        }
        return project
    }

    private func refusal(_ error: any Error, _ request: Request, _ requestID: String) -> ErrorResponse {
        switch error {
        case DomainError.unauthenticated(let failure):
            // Only failing requests are counted and rejected: another client at the address is not locked out.
            guard let verdict = failures?.take(request.address.neighbourhood, now: now()), !verdict.isAllowed else {
                return ErrorResponse(failure)
            }
            return ErrorResponse(verdict.error)
        case DomainError.inconsistent:
            log.write("internal_failure", level: "error", [("request_id", requestID)])
            return .internal
        case let error as DomainError: return ErrorResponse(error)
        case let error as ErrorResponse: return error
        case is PublicURL.InvalidHost: return .badRequest("The Host header is not a valid name or address")
        case let error as DatabaseFailure:
            log.write("database_failure", level: "error", [("request_id", requestID), ("reason", error.reason)])
            return .unavailable
        default:
            log.write("internal_failure", level: "error", [("request_id", requestID)])
            return .internal
        }
    }

    private func note(_ request: Request, _ response: Response, _ requestID: String, _ identity: Identity?) {
        log.write(
            "request", level: response.status >= 500 ? "error" : "info",
            [
                ("request_id", requestID), ("method", Self.methods.contains(request.method) ? request.method : "other"),
                ("path", loggable(request.path)),
                ("status", String(response.status)), ("address", request.address.description),
                ("token", identity.map { TokenFormat.prefix(id: $0.token.id) } ?? ""),
            ])
    }

    /// Anything may be sent as a method, a token too.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    /// A path as a log may hold it: no segment of it is long enough to be a token.
    private func loggable(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.utf8.count > 24 ? "…" : $0 }.joined(separator: "/")
    }
}
