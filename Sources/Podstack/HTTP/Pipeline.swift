import PodstackAPI

/// Sends the requests of a client: authorize, prepare, send, retry, then decode the response or create the error.
///
/// It is one object for a client and its resources, because a value would be copied into every request under way.
final class Pipeline: Sendable {
    let credentials: TokenCache
    let endpoint: APIEndpoint
    let project: ClientConfiguration.Setting<String>?
    let retry: RetryConfiguration
    let timeout: Duration
    let transport: any Transport
    let events: EventSink
    let tracer: (any ClientTracer)?
    let time: TimeSource
    /// Returns the sources that have another token than the rejected one.
    let otherTokens: @Sendable (APIToken) -> [ClientConfiguration.Source]
    let streams: Streams
    private let budget: RetryBudget

    init(
        credentials: TokenCache, endpoint: APIEndpoint, project: ClientConfiguration.Setting<String>?,
        retry: RetryConfiguration,
        timeout: Duration, transport: any Transport, events: EventSink, tracer: (any ClientTracer)? = nil,
        time: TimeSource, otherTokens: @escaping @Sendable (APIToken) -> [ClientConfiguration.Source],
        budget: RetryBudget = RetryBudget(), streams: Streams? = nil
    ) {
        self.credentials = credentials
        self.endpoint = endpoint
        self.project = project
        self.retry = retry
        self.timeout = timeout
        self.transport = transport
        self.events = events
        self.tracer = tracer
        self.time = time
        self.otherTokens = otherTokens
        self.budget = budget
        self.streams = streams ?? Streams(sharing: transport)
    }

    var withoutProject: Pipeline { with(nil) }

    /// Returns a copy for another project; itself if that is nil.
    func inProject(_ id: Project.ID?) -> Pipeline {
        id.map { with(ClientConfiguration.Setting($0, .argument("projectID:"))) } ?? self
    }

    private func with(_ project: ClientConfiguration.Setting<String>?) -> Pipeline {
        Pipeline(
            credentials: credentials, endpoint: endpoint, project: project, retry: retry, timeout: timeout,
            transport: transport, events: events, tracer: tracer, time: time, otherTokens: otherTokens, budget: budget,
            streams: streams)
    }

    /// Returns a copy with another transport, a cache of its own that has the same token, and a new retry budget.
    func reconnected(by transport: any Transport) -> Pipeline {
        Pipeline(
            credentials: TokenCache(credentials.provider, first: credentials.tokenAtHand, time: time),
            endpoint: endpoint, project: project, retry: retry, timeout: timeout, transport: transport, events: events,
            tracer: tracer, time: time, otherTokens: otherTokens)
    }

    /// Sends a request and decodes its response.
    func call<Value: Decodable>(_ call: Call, returning: Value.Type = Value.self) async throws -> Value {
        let (response, token) = try await response(to: call)
        let value: Value
        do { value = try APICoding.decode(Value.self, from: response.body) } catch {
            throw ErrorMapping.notDecodable(response, token: token)
        }
        ResponseRecorder.current?.record(response.body)
        return value
    }

    /// Sends a request and decodes its response; returns nil if the response has no content.
    func callIfContent<Value: Decodable>(_ call: Call, returning: Value.Type = Value.self) async throws -> Value? {
        let (response, token) = try await response(to: call)
        guard response.status != 204 else { return nil }
        do { return try APICoding.decode(Value.self, from: response.body) } catch {
            throw ErrorMapping.notDecodable(response, token: token)
        }
    }

    /// Sends a request and returns the body of its response, which has the media type that the request accepts.
    func bytes(of call: Call) async throws -> [UInt8] {
        let (response, token) = try await response(to: call)
        guard response.header("content-type")?.lowercased().hasPrefix(call.accept) == true else {
            throw ErrorMapping.notDecodable(response, token: token)
        }
        return response.body
    }

    /// Sends a request whose response has no content, or one that does not matter.
    func call(_ call: Call) async throws {
        let (response, token) = try await response(to: call)
        // A sign-in page with the status 200 does not mean that the service did anything.
        if response.isForeign { throw ErrorMapping.notDecodable(response, token: token) }
    }

    /// Returns the response, and the token of the request that received it.
    private func response(to call: Call) async throws -> (TransportResponse, APIToken) {
        guard call.hasCompletePath else { throw ErrorMapping.unusableID() }
        guard !call.revealsToken else { throw ErrorMapping.tokenInRequest() }
        guard let tracer else { return try await untracedResponse(to: call) }
        return try await tracer.withSpan("\(call.method) \(call.route)") { [self] span in
            try await response(to: call, in: span)
        }
    }

    private func response(to call: Call, in span: any ClientSpan) async throws -> (TransportResponse, APIToken) {
        var call = call
        call.headers = span.headers
        span.set("http.request.method", to: call.method)
        span.set("url.template", to: call.route)
        span.set("server.address", to: endpoint.url)
        do {
            let (response, token) = try await untracedResponse(to: call)
            span.set("http.response.status_code", to: String(response.status))
            if let id = Self.requestID(of: response, token) { span.set("podstack.request_id", to: id) }
            return (response, token)
        } catch let error as any PodstackError {
            if let status = error.statusCode { span.set("http.response.status_code", to: String(status)) }
            if let id = error.requestID { span.set("podstack.request_id", to: id) }
            span.set("error.type", to: error.code?.rawValue ?? (error as? NetworkError)?.kind.rawValue ?? "other")
            throw error
        }
    }

    private func untracedResponse(to call: Call) async throws -> (TransportResponse, APIToken) {
        let deadline = time.now() + max(timeout, call.leastTimeout ?? .zero)
        let token = try await token(for: call)
        let request = prepare(call, token: token, timeout: deadline - time.now())
        let result = try await send(request, of: call)
        if let response = result.response, response.isSuccess { return (accept(response), token) }
        return try await retriedResponse(to: call, request, after: result, until: deadline)
    }

    /// Returns the response of a later attempt.
    ///
    /// It is apart from the first attempt so that the thousands of requests that may wait for that use less memory.
    private func retriedResponse(
        to call: Call, _ first: TransportRequest, after failure: AttemptResult, until deadline: ContinuousClock.Instant
    ) async throws -> (TransportResponse, APIToken) {
        var request = first
        var result = failure
        var token = request.token
        var retry = Retry(retry)
        var hasReloaded = call.token != nil
        // Whether an attempt may have succeeded although its response was lost.
        var mayBeProcessed = false
        while true {
            if !hasReloaded, let response = result.response, ErrorMapping.isRejection(response),
                let replacement = try await replacement(for: token, until: deadline)
            {
                hasReloaded = true
                token = replacement
                request.token = replacement
            } else {
                guard call.isRepeatable || !result.mayBeProcessed else { throw error(for: result, token: token) }
                try await wait(&retry, after: result, of: call, token: token, until: deadline)
            }
            mayBeProcessed = mayBeProcessed || result.mayBeProcessed
            request.timeout = deadline - time.now()
            result = try await send(request, of: call)
            guard let response = result.response else { continue }
            if response.isSuccess { return (accept(response), token) }
            if mayBeProcessed, call.hasSucceeded(before: response) {
                events.send {
                    .warning(
                        "\(call.method) \(call.path) found nothing to delete, so an attempt before it, whose outcome is "
                            + "unknown, is taken to have succeeded")
                }
                return (accept(TransportResponse(status: 204, headers: response.headers, body: [])), token)
            }
        }
    }

    private func accept(_ response: TransportResponse) -> TransportResponse {
        budget.deposit()
        events.reportExpiry(in: response, now: time.date())
        return response
    }

    // MARK: - Token

    func token(for call: Call) async throws -> APIToken {
        if let token = call.token ?? credentials.tokenAtHand { return token }
        return try await limited(to: timeout) { [self] in try await credentials.token() }
    }

    /// Runs a closure that reads the token's source, and fails if it takes longer than a limit.
    ///
    /// It uses the system's clock and not `time`, because a command or a pipe takes real time in tests too.
    private func limited<Value: Sendable>(
        to limit: Duration, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            defer { group.cancelAll() }
            group.addTask(operation: body)
            group.addTask { [self] in
                try await Task.sleep(for: limit)
                throw ErrorMapping.network(.tokenTimedOut(from: credentials.provider.source), endpoint: endpoint)
            }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    /// Returns the token that the source has now, if it differs from the rejected one: it was rotated elsewhere, or a
    /// command returns a new one.
    ///
    /// The request is then repeated once.
    func replacement(for token: APIToken, until deadline: ContinuousClock.Instant) async throws -> APIToken? {
        let new: APIToken?
        do {
            new = try await limited(to: deadline - time.now()) { [self] in
                try await credentials.replacement(for: token)
            }
        } catch {
            try Task.checkCancellation()
            // If the source cannot be read any more, the caller gets the service's rejection.
            return nil
        }
        guard let token = new else { return nil }
        events.send { .tokenReloaded(origin: credentials.provider.source.origin) }
        return token
    }

    // MARK: - Attempts

    /// Waits before the next attempt; throws the error of the last attempt if there is none.
    private func wait(
        _ retry: inout Retry, after result: AttemptResult, of call: Call, token: APIToken,
        until deadline: ContinuousClock.Instant
    ) async throws {
        let requested = result.response.flatMap { RetryAfter.wait(in: $0, now: time.date()) }
        guard
            let delay = retry.next(
                after: result.retryCondition, requested: requested, left: deadline - time.now(),
                fraction: .random(in: 0..<1)),
            budget.withdraw()
        else { throw error(for: result, token: token) }
        let count = retry.count
        events.send {
            .requestRetried(method: call.method, path: call.path, retry: count, delay: delay, reason: result.reason)
        }
        try await time.sleep(delay)
    }

    private func send(_ request: TransportRequest, of call: Call) async throws -> AttemptResult {
        events.send { .requestStarted(method: call.method, path: call.path) }
        let start = events.isActive ? time.now() : nil
        do {
            let response = try await transport.send(request)
            if let start {
                let duration = time.now() - start
                events.send {
                    .requestFinished(
                        method: call.method, path: call.path, status: response.status, duration: duration,
                        requestID: Self.requestID(of: response, request.token))
                }
            }
            return .success(response)
        } catch let failure as TransportFailure {
            if let start {
                let duration = time.now() - start
                events.send {
                    .requestFailed(method: call.method, path: call.path, reason: failure.reason, duration: duration)
                }
            }
            return .failure(failure)
        }
    }

    private static func requestID(of response: TransportResponse, _ token: APIToken) -> String? {
        response.header("x-request-id").map { OneLine.of($0, without: token, most: 128) }
    }

    func error(for result: AttemptResult, token: APIToken) -> any PodstackError {
        switch result {
        case .success(let response):
            ErrorMapping.error(
                for: response, token: token, source: credentials.provider.source, project: project,
                now: time.date(), otherTokens: otherTokens)
        case .failure(let failure): ErrorMapping.network(failure, endpoint: endpoint)
        }
    }

    func prepare(_ call: Call, token: APIToken, timeout: Duration) -> TransportRequest {
        var headers = [HeaderField("Accept", call.accept), HeaderField("User-Agent", Self.userAgent)]
        if let project { headers.append(HeaderField("X-Project-ID", project.value)) }
        // A body that is streamed is not here.
        if call.body != nil || call.method == "PUT" { headers.append(HeaderField("Content-Type", call.contentType)) }
        if let key = call.idempotencyKey { headers.append(HeaderField("Idempotency-Key", key)) }
        headers += call.headers
        return TransportRequest(
            method: call.method, url: endpoint.url + call.path + call.queryString, credential: token.credential,
            headers: headers, body: call.body, timeout: timeout)
    }

    private static let userAgent = "podstack-swift/\(PodstackVersion.current)"
}

extension Pipeline: CustomReflectable {
    /// A mirror without the transport, whose proxies may contain a password.
    var customMirror: Mirror { Mirror(self, children: ["endpoint": endpoint, "timeout": timeout]) }
}

extension TransportFailure {
    /// The failure of a request whose token did not arrive in time.
    static func tokenTimedOut(from source: ClientConfiguration.Source) -> TransportFailure {
        TransportFailure(
            reason: "the request timed out while its token was waited for, from \(source.origin)", kind: .timeout)
    }
}
