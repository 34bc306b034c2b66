import PodstackAPI
import Synchronization

/// Handles one request from the listener to its response, always in this order: find the route, authenticate, authorize,
/// call the route's handler.
///
/// An event thread responds to what is known in memory: health, metrics, invalid requests, and cached tokens whose route
/// needs no more. Workers respond to everything that may wait for the database.
struct RequestHandler: Sendable {
    let router: Router
    let pages: any PageHandler
    let verifier: TokenVerifier
    let reuse: ReuseWatch
    let lastUsed: LastUsedTracker
    let proxies: TrustedProxies
    private let silentProxies = SilentProxies()
    /// The limit of failed authentications per address; nil for no limit.
    let failures: RateLimiter<ClientAddress>?
    /// The limit of requests per token; nil for no limit.
    let requests: RateLimiter<String>?
    let pools: WorkerPools
    let limits: AccountLimits
    /// The lease of the database's cached state, if it needs one.
    let lease: Lease?
    let log: Log
    let metrics: Metrics
    /// The requests that the log contains.
    let logged: LoggedRequests
    let now: @Sendable () -> Int64

    /// Handles a request on an event thread, which must not block.
    ///
    /// It responds at once if it needs only memory. Otherwise, a worker thread responds.
    func handle(_ request: Request) -> HandlerResult {
        let requestID = RequestID.generate()
        var request = request
        if !proxies.isEmpty { request.address = clientAddress(of: request) }
        var caller = Caller()
        do {
            switch try admit(request, &caller) {
            case .response(let response):
                return .ready(succeeded(response, request, requestID, caller), requestID: requestID)
            case .work(let pool):
                try requireResponsiveDatabase()
                return work(in: pool, request, requestID, caller)
            }
        } catch {
            let error = errorResponse(error, request, requestID)
            // A page displays who is signed in, which is read from the database. A request with a defect is not read to
            // its end, so that its response cannot be deferred.
            guard request.defect == nil, error.code != .unavailable, pages.shows(error, to: request) else {
                return .ready(failed(error, request, requestID, caller), requestID: requestID)
            }
            return .deferred(pools.reads) { [caller, request] isTurn in
                let response = failed(error, request, requestID, caller, mayRead: isTurn)
                return .ready(response, requestID: requestID)
            }
        }
    }

    /// Returns the address for which a request counts, and logs once that a trusted proxy does not send one.
    private func clientAddress(of request: Request) -> ClientAddress {
        let finding = proxies.origin(of: request)
        if let proxy = finding.silentProxy, silentProxies.isNew(proxy) {
            log.write("proxy_sends_no_address", level: "warning", [("proxy", proxy.description)])
        }
        return finding.address
    }

    /// Returns whether the route of a request reads the body while it arrives.
    @Sendable func streamsBody(_ head: RequestHead) -> Bool {
        router.streamsBody(method: head.source.method, path: head.path)
    }

    // MARK: - In memory

    /// The result of handling a request in memory.
    private enum Admission {
        case response(Response)
        case work(WorkerPool)
    }

    /// Returns the response to a request, or the pool whose workers respond to it; never blocks.
    private func admit(_ request: Request, _ caller: inout Caller) throws -> Admission {
        if let defect = request.defect { throw ErrorResponse(defect) }
        let plan: RequestPlan
        if let kept = RequestPlan.kept(with: request) {
            plan = kept
        } else {
            try ContentEncoding.check(request)
            if pages.owns(request.path) {
                caller.route = pages.latency(of: request)
                return try pages.responseFromMemory(to: request).map { .response($0) }
                    ?? .work(pages.pool(for: request))
            }
            let (route, parameters) = try router.route(request)
            caller.route = route.latency
            plan = try RequestPlan(request, route, parameters)
            plan.keep(with: request)
        }
        let route = plan.route
        caller.route = route.latency
        // The workers that verify a token and search later are not those that search.
        let first = plan.pool == .searches ? WorkerPool.reads : plan.pool ?? .reads
        guard let token = plan.token else {
            guard plan.pool == nil else { return .work(first) }
            return .response(
                try route.handle(Exchange(request: request, parameters: plan.parameters, identity: nil)))
        }
        let time = now()
        guard let identity = try verifier.verifiedIdentity(of: token, now: time) else { return .work(first) }
        try admit(identity, &caller)
        guard plan.pool == nil else { return .work(first) }
        countUse(of: identity, by: request, at: time)
        return .response(try respond(to: request, route, plan.parameters, identity))
    }

    /// Takes a request from the limit of its token, unless an earlier step did.
    private func admit(_ identity: Identity, _ caller: inout Caller) throws {
        caller.identity = identity
        guard let requests, caller.rate == nil else { return }
        let verdict = requests.take(identity.token.id)
        caller.rate = verdict
        guard verdict.isAllowed else { throw verdict.error }
    }

    /// The time for which work may run before the database counts as unresponsive, in nanoseconds.
    private static let unresponsiveNanoseconds: Int64 = 100_000_000

    /// Throws if the database does not respond: the lease has ended, and work that waits for the database makes no
    /// progress.
    ///
    /// Otherwise each request would wait until its time is over.
    private func requireResponsiveDatabase() throws {
        guard let lease, !lease.isValid else { return }
        for queue in [pools.reads, pools.writes] where queue.isRunning(longerThan: Self.unresponsiveNanoseconds) {
            throw DatabaseFailure(.unreachable, reason: "the database does not respond")
        }
    }

    // MARK: - On worker threads

    /// Defers a request to the workers of a pool.
    private func work(
        in pool: WorkerPool, _ request: Request, _ requestID: String, _ caller: Caller
    ) -> HandlerResult {
        .deferred(pools[pool]) { isTurn in
            var caller = caller
            do {
                guard isTurn else { throw ErrorResponse.busy }
                let response =
                    pages.owns(request.path)
                    ? try pages.respond(to: request) { caller.userID = $0 }
                    : try respond(to: request, &caller, mayWrite: pool == .writes)
                return completed(response, request, requestID, caller)
            } catch is WriteRequired {
                return work(in: .writes, request, requestID, caller)
            } catch {
                return .ready(
                    failed(errorResponse(error, request, requestID), request, requestID, caller, mayRead: isTurn),
                    requestID: requestID)
            }
        }
    }

    /// Returns the result for a response, which may be a placeholder for one that other workers produce.
    private func completed(
        _ response: Response, _ request: Request, _ requestID: String, _ caller: Caller
    ) -> HandlerResult {
        if let upload = response.upload {
            // Logged once the body has been read.
            var accepted = response
            accepted.upload?.produceResult = { isTurn in
                defer { upload.body.close() }
                do { return completed(try upload.produce(isTurn), request, requestID, caller) } catch {
                    return .ready(
                        failed(errorResponse(error, request, requestID), request, requestID, caller, mayRead: isTurn),
                        requestID: requestID)
                }
            }
            return .ready(accepted, requestID: requestID)
        }
        guard let work = response.deferredWork else {
            return .ready(succeeded(response, request, requestID, caller), requestID: requestID)
        }
        return .deferred(work.queue) { isTurn in
            do {
                return completed(try work.produce(isTurn), request, requestID, caller)
            } catch {
                return .ready(
                    failed(errorResponse(error, request, requestID), request, requestID, caller, mayRead: isTurn),
                    requestID: requestID)
            }
        }
    }

    /// Returns the response of the API to a request.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - caller: Gets the identity of the caller.
    ///   - mayWrite: Whether the thread may wait for the lock of the database.
    /// - Returns: The response.
    /// - Throws: ``WriteRequired`` if the thread may not wait, and has to.
    private func respond(to request: Request, _ caller: inout Caller, mayWrite: Bool) throws -> Response {
        let (route, parameters) = try router.route(request)
        let identity = try authenticate(request, route.access, mayWrite: mayWrite)
        if let identity { try admit(identity, &caller) }
        return try respond(to: request, route, parameters, identity)
    }

    // MARK: - The stops of a request

    private func respond(
        to request: Request, _ route: Route, _ parameters: [String], _ identity: Identity?
    ) throws -> Response {
        let requirement = try route.access.requirement(
            of: request, parameters, userID: identity?.token.userID)
        if let identity {
            // Most requests require no more than the token: they do not need the authority.
            if case .credential = requirement {} else { try identity.authority.require(requirement) }
            recordUse(of: requirement.scope, by: identity, from: request.address)
        }
        guard
            !route.requiresToken || ContentNegotiation.accepts("application/json", request)
                || route.operation.otherContentTypes.contains(where: { ContentNegotiation.accepts($0, request) })
        else {
            throw ErrorResponse(
                status: 406, code: .notAcceptable, message: "The response is JSON, which the Accept header excludes")
        }
        let exchange = Exchange(
            request: request, parameters: parameters, identity: identity, requirement: requirement)
        guard route.pool(request) == .searches, let identity else { return try route.handle(exchange) }
        return try .search(in: pools, by: identity.token.accountID, limits) { try route.handle(exchange) }
    }

    private func authenticate(_ request: Request, _ access: Access, mayWrite: Bool) throws -> Identity? {
        if case .noToken = access { return nil }
        let time = now()
        let token = try Authentication.token(of: request)
        let identity: Identity
        do {
            identity = try verifier.verify(token, from: request.address, now: time, mayWrite: mayWrite)
        } catch DomainError.unauthenticated(let failure) {
            if case .rotated = failure, try reuse.isDue(token, now: time) {
                guard mayWrite else { throw WriteRequired() }
                try reuse.recordUse(of: token, from: Origin(request), now: time)
            }
            throw DomainError.unauthenticated(failure)
        }
        countUse(of: identity, by: request, at: time)
        return identity
    }

    /// Counts a use of a token, once a second.
    private func countUse(of identity: Identity, by request: Request, at time: Int64) {
        guard identity.lastUseSecond.exchange(time, ordering: .relaxed) != time else { return }
        lastUsed.add(TokenUse(time: time, address: request.address), of: identity.token.id)
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
    private struct Caller: Sendable {
        var identity: Identity?
        var rate: RateLimit.Verdict?
        /// The user that is signed in to the dashboard.
        var userID: String?
        /// The latency of the request's route; nil for no route.
        var route: RouteLatency?
        let startedAt = MonotonicClock.nanoseconds

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
        logRequest(request, response, requestID, caller)
        return response
    }

    /// Returns the response to a request that failed.
    ///
    /// - Parameters:
    ///   - error: The reason.
    ///   - request: The request.
    ///   - requestID: The ID of the request.
    ///   - caller: The caller, as far as it is known.
    ///   - mayRead: Whether the thread may read the database.
    /// - Returns: The response.
    private func failed(
        _ error: ErrorResponse, _ request: Request, _ requestID: String, _ caller: Caller, mayRead: Bool = false
    ) -> Response {
        metrics.refusal(error.status, error.code)
        var response =
            pages.shows(error, to: request)
            ? pages.page(of: error, for: request, requestID: requestID, mayRead: mayRead)
            : error.response(to: request, requestID: requestID)
        caller.addHeaders(to: &response)
        logRequest(request, response, requestID, caller, code: error.code)
        return response
    }

    private func errorResponse(_ error: any Error, _ request: Request, _ requestID: String) -> ErrorResponse {
        switch error {
        case DomainError.unauthenticated(let failure):
            // Only failing requests are counted and rejected: another client at the address is not locked out.
            guard let verdict = failures?.take(request.address.network), !verdict.isAllowed else {
                return ErrorResponse(failure)
            }
            return ErrorResponse(verdict.error)
        case DomainError.inconsistent:
            logFailure("internal_failure", request, requestID)
            return .internal
        case let error as DomainError: return ErrorResponse(error)
        case let error as ErrorResponse: return error
        case let repeated as Request.Repeated: return ErrorResponse(repeated)
        case is PublicURL.InvalidHost: return .badRequest("The Host header is not a valid name or address")
        case let error as DatabaseFailure:
            logFailure("database_failure", request, requestID, reason: error.reason)
            return ErrorResponse(error)
        default:
            logFailure("internal_failure", request, requestID)
            return .internal
        }
    }

    // MARK: - Log

    /// Counts the duration of a request, and logs it if the operator wants that.
    ///
    /// Lines that anyone can cause, and failures, are limited in their rate.
    private func logRequest(
        _ request: Request, _ response: Response, _ requestID: String, _ caller: Caller, code: ErrorCode? = nil
    ) {
        let nanoseconds = MonotonicClock.nanoseconds - caller.startedAt
        (caller.route ?? metrics.unknownRoute).record(response.status, nanoseconds: nanoseconds)
        guard logged.contains(method: request.method, status: response.status) else { return }
        let route = caller.route?.pattern ?? RouteLatency.unknown
        let token = caller.identity.map { TokenFormat.prefix(id: $0.token.publicID) }
        let userID = caller.identity?.token.userID ?? caller.userID
        func fields() -> [LogField] {
            var fields = [
                LogField("request_id", requestID),
                LogField("method", Self.methods.contains(request.method) ? request.method : "other"),
                LogField("route", route),
                LogField("path", caller.route == nil ? "" : loggable(request.path)),
                LogField("status", response.status), LogField("code", code?.rawValue ?? ""),
                LogField("duration_ms", Double(nanoseconds) / 1_000_000), LogField("request_bytes", request.body.count),
                LogField("address", request.address.description), LogField("user", userID ?? ""),
                LogField("token", token ?? ""),
            ]
            if response.stream == nil { fields.append(LogField("response_bytes", response.body.count)) }
            return fields
        }
        let level = response.status >= 500 ? "error" : "info"
        guard userID == nil || response.status >= 400 else {
            return log.write("request", level: level, fields: fields())
        }
        let source = LogLimit.Source(
            kind: "\(response.status) \(route)", name: token ?? userID ?? request.address.network.description)
        log.write("request", level: level, from: source, fields)
    }

    /// Logs why the service fails to respond to a request.
    private func logFailure(_ event: String, _ request: Request, _ requestID: String, reason: String = "") {
        let source = LogLimit.Source(kind: event, name: request.address.network.description)
        log.write(event, level: "error", from: source) {
            [LogField("request_id", requestID), LogField("reason", reason)]
        }
    }

    /// The methods that the log names.
    ///
    /// A client may send any text as a method, even a token.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    /// Returns a path for the log, in which no segment is long enough to be a token, and no part of a sign-in link
    /// follows `/welcome/`.
    private func loggable(_ path: String) -> String {
        if path.lowercased().hasPrefix("/welcome/") { return "/welcome/…" }
        return path.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.utf8.count > 24 ? "…" : $0 }.joined(separator: "/")
    }
}

/// The requests that the log contains.
enum LoggedRequests: String, Sendable, CaseIterable {
    case all
    /// All but GET and HEAD, and failures of the service.
    case changes
    /// The requests that fail, whatever the reason.
    case errors

    func contains(method: String, status: Int) -> Bool {
        switch self {
        case .all: true
        case .changes: status >= 500 || method != "GET" && method != "HEAD"
        case .errors: status >= 400
        }
    }
}

/// The pages of the dashboard, as ``RequestHandler`` sees them.
protocol PageHandler: Sendable {
    /// Returns whether a path belongs to the pages and not to the API.
    func owns(_ path: String) -> Bool
    /// Returns the response to a request whose path the pages own, if it needs no database; never blocks.
    func responseFromMemory(to request: Request) throws -> Response?
    /// Returns the pool whose workers respond to a request whose path the pages own.
    func pool(for request: Request) -> WorkerPool
    /// Returns the latency of the route of a request whose path the pages own; nil for no route.
    func latency(of request: Request) -> RouteLatency?
    /// Returns the response to a request whose path the pages own, on a worker thread.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - identified: Called with the ID of the user that is signed in, before the request is handled.
    /// - Returns: The response.
    /// - Throws: An error that is displayed as a page.
    func respond(to request: Request, identified: (_ userID: String) -> Void) throws -> Response
    /// Returns whether an error is displayed as a page and not as JSON.
    func shows(_ error: ErrorResponse, to request: Request) -> Bool
    /// Returns the page that displays an error.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - request: The request that failed.
    ///   - requestID: The ID of the request.
    ///   - mayRead: Whether the thread may read the viewer's session from the database.
    /// - Returns: The page.
    func page(of error: ErrorResponse, for request: Request, requestID: String, mayRead: Bool) -> Response
}

// MARK: - Searches

extension Response {
    /// Creates a placeholder for the response to a search, which the workers for searches produce.
    ///
    /// - Throws: ``ErrorResponse`` if too many searches of the account wait or run.
    static func search(
        in pools: WorkerPools, by accountID: String, _ limits: AccountLimits,
        _ respond: @escaping @Sendable () throws -> Response
    ) throws -> Response {
        guard let slot = limits.searches.take(accountID) else {
            throw ErrorResponse.tooMany("searches of the audit log", retryAfterSeconds: 2)
        }
        return .deferred(on: pools.searches) { isTurn in
            guard isTurn else { throw ErrorResponse.busy }
            var response = try respond()
            // Results that the client does not read count too: they take memory.
            response.held = slot
            return response
        }
    }
}
