import PodstackAPI
import Synchronization

/// Handles one request from the listener to its response, always in this order: find the route, authenticate, authorize,
/// call the route's handler.
struct RequestHandler: Sendable {
    let router: Router
    let pages: any PageHandler
    let verifier: TokenVerifier
    let reuse: ReuseWatch
    let lastUsed: LastUsedTracker
    let proxies: TrustedProxies
    /// The limit of failed authentications per address; nil for no limit.
    let failures: RateLimiter<ClientAddress>?
    /// The limit of requests per token; nil for no limit.
    let requests: RateLimiter<String>?
    let log: Log
    let metrics: Metrics
    let now: @Sendable () -> Int64

    func handle(_ request: Request) -> HandlerResult {
        let requestID = RequestID.generate()
        var request = request
        if !proxies.isEmpty { request.address = proxies.origin(of: request) }
        var caller = Caller()
        do {
            let response = try respond(to: request, &caller)
            guard let work = response.deferredWork else {
                return .ready(succeeded(response, request, requestID, caller), requestID: requestID)
            }
            return .deferred(work.queue) { [caller, request] isTurn in
                do {
                    return (succeeded(try work.produce(isTurn), request, requestID, caller), requestID)
                } catch {
                    return (failed(error, request, requestID, caller), requestID)
                }
            }
        } catch {
            return .ready(failed(error, request, requestID, caller), requestID: requestID)
        }
    }

    // MARK: - The stops of a request

    private func respond(to request: Request, _ caller: inout Caller) throws -> Response {
        if pages.owns(request.path) { return try pages.respond(to: request) }
        if let defect = request.defect { throw ErrorResponse(defect) }
        let (route, parameters) = try router.route(request)
        let identity = try authenticate(request, route.access)
        caller.identity = identity
        if let requests, let identity {
            let verdict = requests.take(identity.token.id, now: now())
            caller.rate = verdict
            guard verdict.isAllowed else { throw verdict.error }
        }
        let requirement = try route.access.requirement(
            of: request, parameters, userID: identity?.token.userID)
        if let identity {
            // Most requests require no more than the token: they do not need the authority.
            if case .credential = requirement {} else { try identity.authority.require(requirement) }
            recordUse(of: requirement.scope, by: identity, from: request.address)
        }
        guard
            !route.requiresToken || ContentNegotiation.accepts("application/json", request) || isExport(route, request)
        else {
            throw ErrorResponse(
                status: 406, code: .notAcceptable, message: "The response is JSON, which the Accept header excludes")
        }
        return try route.handle(
            Exchange(request: request, parameters: parameters, identity: identity, requirement: requirement))
    }

    private func isExport(_ route: Route, _ request: Request) -> Bool {
        route.operation == .listAuditLogs && ContentNegotiation.accepts("text/csv", request)
    }

    private func authenticate(_ request: Request, _ access: Access) throws -> Identity? {
        if case .noToken = access { return nil }
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

    /// Records that a token has used the scope of a route.
    private func recordUse(of scope: Scope?, by identity: Identity, from address: ClientAddress) {
        guard let scope else { return }
        let scopes = ScopeSet(scope)
        guard identity.markUsed(scopes) else { return }
        lastUsed.add(TokenUse(time: now(), address: address, scopes: scopes), of: identity.token.id)
    }

    // MARK: - Responses

    /// The identity of a request's caller, and the headers that every response to it has.
    private struct Caller {
        var identity: Identity?
        var rate: RateLimit.Verdict?

        func addHeaders(to response: inout Response) {
            if let identity { response.set("Podstack-Token-Expires", identity.expiresText) }
            if let rate, rate.isAllowed { response.set("RateLimit", rate.header) }
        }
    }

    private func succeeded(
        _ response: Response, _ request: Request, _ requestID: String, _ caller: Caller
    ) -> Response {
        var response = response
        caller.addHeaders(to: &response)
        metrics.success()
        if request.method != "GET" && request.method != "HEAD" {
            logRequest(request, response, requestID, caller.identity)
        }
        return response
    }

    private func failed(_ error: any Error, _ request: Request, _ requestID: String, _ caller: Caller) -> Response {
        let error = errorResponse(error, request, requestID)
        metrics.refusal(error.status, error.code)
        var response =
            pages.shows(error, to: request)
            ? pages.page(of: error, for: request, requestID: requestID) : error.response(requestID: requestID)
        caller.addHeaders(to: &response)
        if response.status >= 500 || request.method != "GET" {
            logRequest(request, response, requestID, caller.identity)
        }
        return response
    }

    private func errorResponse(_ error: any Error, _ request: Request, _ requestID: String) -> ErrorResponse {
        switch error {
        case DomainError.unauthenticated(let failure):
            // Only failing requests are counted and rejected: another client at the address is not locked out.
            guard let verdict = failures?.take(request.address.network, now: now()), !verdict.isAllowed else {
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

    // MARK: - Log

    private func logRequest(_ request: Request, _ response: Response, _ requestID: String, _ identity: Identity?) {
        log.write(
            "request", level: response.status >= 500 ? "error" : "info",
            [
                ("request_id", requestID), ("method", Self.methods.contains(request.method) ? request.method : "other"),
                ("path", loggable(request.path)),
                ("status", String(response.status)), ("address", request.address.description),
                ("token", identity.map { TokenFormat.prefix(id: $0.token.publicID) } ?? ""),
            ])
    }

    /// The methods that the log names.
    ///
    /// A client may send any text as a method, even a token.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    /// Returns a path for the log, in which no segment is long enough to be a token.
    private func loggable(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.utf8.count > 24 ? "…" : $0 }.joined(separator: "/")
    }
}

/// The pages of the dashboard, as ``RequestHandler`` sees them.
protocol PageHandler: Sendable {
    /// Returns whether a path belongs to the pages and not to the API.
    func owns(_ path: String) -> Bool
    /// Returns the response to a request whose path the pages own.
    func respond(to request: Request) throws -> Response
    /// Returns whether an error is displayed as a page and not as JSON.
    func shows(_ error: ErrorResponse, to request: Request) -> Bool
    /// Returns the page that displays an error.
    func page(of error: ErrorResponse, for request: Request, requestID: String) -> Response
}

// MARK: - Content negotiation

/// Decides whether a client accepts a content type.
///
/// Source: RFC 9110, section 12.5.1.
enum ContentNegotiation {
    /// Returns whether the request's `Accept` header allows a type, such as `application/json`.
    static func accepts(_ type: String, _ request: Request) -> Bool {
        guard let accept = request.header("accept"), accept != "*/*", accept != type else { return true }
        let family = type.prefix { $0 != "/" } + "/*"
        return accept.split(separator: ",").contains { choice in
            let parts = choice.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            let isExcluded = parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0 }
            return !isExcluded && ["*/*", String(family), type].contains(parts.first)
        }
    }
}

// MARK: - Request IDs

/// Generates the IDs of requests.
///
/// They must be unique but are not secret, so no random number is read for each: one half is random per process, and the
/// other half is a counter that is spread over all digits.
enum RequestID {
    private static let prefix = Array("req_".utf8)
    private static let width = 10
    private static let processPart: [UInt8] = {
        var generator = SecureGenerator()
        return Base62.encode(generator.next(), width: width)
    }()
    private static let count = Atomic<UInt64>(0)
    /// An odd factor, so that no two products of 64 bits are equal.
    private static let spread: UInt64 = 0x9E37_79B9_7F4A_7C15

    static func generate() -> String {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue &* spread
        return String(decoding: prefix + processPart + Base62.encode(number, width: width), as: UTF8.self)
    }
}
