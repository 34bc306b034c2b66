import PodstackAPI

/// What a call goes through: authorise, prepare, send, retry, decode or make the error.
///
/// One object for a client and what it gives: as a value it would be copied into each call that is under way.
final class Pipeline: Sendable {
    let credentials: TokenCache
    let endpoint: APIEndpoint
    let project: ClientConfiguration.Setting<String>?
    let retry: RetryConfiguration
    let timeout: Duration
    let transport: any Transport
    let events: EventSink
    let time: TimeSource
    /// Where other tokens are than the one that was refused.
    let otherTokens: @Sendable (APIToken) -> [ClientConfiguration.Source]
    private let budget: RetryBudget

    init(
        credentials: TokenCache, endpoint: APIEndpoint, project: ClientConfiguration.Setting<String>?,
        retry: RetryConfiguration,
        timeout: Duration, transport: any Transport, events: EventSink, time: TimeSource,
        otherTokens: @escaping @Sendable (APIToken) -> [ClientConfiguration.Source], budget: RetryBudget = RetryBudget()
    ) {
        self.credentials = credentials
        self.endpoint = endpoint
        self.project = project
        self.retry = retry
        self.timeout = timeout
        self.transport = transport
        self.events = events
        self.time = time
        self.otherTokens = otherTokens
        self.budget = budget
    }

    var withoutProject: Pipeline {
        Pipeline(
            credentials: credentials, endpoint: endpoint, project: nil, retry: retry, timeout: timeout,
            transport: transport, events: events, time: time, otherTokens: otherTokens, budget: budget)
    }

    func call<Answer: Decodable>(_ call: Call, answering: Answer.Type = Answer.self) async throws -> Answer {
        let (response, token) = try await response(to: call)
        do { return try APICoding.decode(Answer.self, from: response.body) } catch {
            throw ErrorMapping.notDecodable(response, token: token)
        }
    }

    func call(_ call: Call) async throws { _ = try await response(to: call) }

    /// The answer, and the token that it was given for.
    private func response(to call: Call) async throws -> (TransportResponse, APIToken) {
        guard call.hasWholePath else { throw ErrorMapping.unusableID() }
        let deadline = time.now() + timeout
        let token = try await token(for: call)
        let request = prepare(call, token: token, timeout: deadline - time.now())
        let outcome = try await send(request, of: call)
        if let response = outcome.response, response.isSuccess { return (accepted(response), token) }
        return try await laterResponse(to: call, request, after: outcome, until: deadline)
    }

    /// That of another try. What only such a one needs is not kept for each of the thousands of calls that may wait for
    /// their first.
    private func laterResponse(
        to call: Call, _ first: TransportRequest, after failure: Outcome, until deadline: ContinuousClock.Instant
    ) async throws -> (TransportResponse, APIToken) {
        var request = first
        var outcome = failure
        var retry = Retry(retry)
        var hasReloaded = call.token != nil
        // By a try that nobody knows the end of.
        var mayBeDone = false
        while true {
            if !hasReloaded, outcome.response?.status == 401,
                let token = await replacement(for: request.token, until: deadline)
            {
                hasReloaded = true
                request.token = token
            } else {
                try await wait(&retry, after: outcome, of: call, token: request.token, until: deadline)
            }
            mayBeDone = mayBeDone || outcome.isUncertain
            request.timeout = deadline - time.now()
            outcome = try await send(request, of: call)
            if let response = outcome.response, response.isSuccess || mayBeDone && call.isDone(by: response) {
                return (accepted(response), request.token)
            }
        }
    }

    private func accepted(_ response: TransportResponse) -> TransportResponse {
        budget.deposit()
        events.noteExpiry(response, now: time.date())
        return response
    }

    private func token(for call: Call) async throws -> APIToken {
        if let token = call.token ?? credentials.tokenAtHand { return token }
        return try await within(timeout) { [self] in try await credentials.token() }
    }

    /// What a source is asked for, or a failure when that takes longer. By the clock of this machine: what a program or
    /// a pipe takes is no test's to say.
    private func within<Answer: Sendable>(
        _ left: Duration, _ ask: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            defer { group.cancelAll() }
            group.addTask(operation: ask)
            group.addTask { [self] in
                try await Task.sleep(for: left)
                throw ErrorMapping.network(
                    .timedOut(waitingFor: credentials.provider.source), endpoint: endpoint)
            }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    /// The token was rotated elsewhere, or a command gives a new one: the request is repeated once with that.
    private func replacement(for token: APIToken, until deadline: ContinuousClock.Instant) async -> APIToken? {
        // Where a source cannot be asked any more, the service's refusal is what the caller must know.
        let new = try? await within(deadline - time.now()) { [self] in
            try await credentials.replacement(for: token)
        }
        guard let token = new ?? nil else { return nil }
        events.send { .tokenReloaded(origin: credentials.provider.source.origin) }
        return token
    }

    /// Throws the error of the last try when there shall be no other.
    private func wait(
        _ retry: inout Retry, after outcome: Outcome, of call: Call, token: APIToken,
        until deadline: ContinuousClock.Instant
    ) async throws {
        let requested = outcome.response?.header("retry-after").flatMap { RetryAfter.parse($0, now: time.date()) }
        guard
            let delay = retry.next(
                after: outcome.condition, requested: requested, left: deadline - time.now(),
                fraction: .random(in: 0..<1)),
            budget.withdraw()
        else { throw error(for: outcome, token: token) }
        events.send { retry.event(for: call, delay: delay, outcome) }
        try await time.sleep(delay)
    }

    private func send(_ request: TransportRequest, of call: Call) async throws -> Outcome {
        events.send { .requestStarted(method: call.method, path: call.path) }
        let start = events.isWanted ? time.now() : nil
        do {
            let response = try await transport.send(request)
            if let start {
                let duration = time.now() - start
                events.send {
                    .requestFinished(method: call.method, path: call.path, status: response.status, duration: duration)
                }
            }
            return .success(response)
        } catch let failure as TransportFailure { return .failure(failure) }
    }

    private func error(for outcome: Outcome, token: APIToken) -> any PodstackError {
        switch outcome {
        case .success(let response):
            ErrorMapping.error(
                for: response, token: token, source: credentials.provider.source, project: project,
                otherTokens: otherTokens)
        case .failure(let failure): ErrorMapping.network(failure, endpoint: endpoint)
        }
    }

    private func prepare(_ call: Call, token: APIToken, timeout: Duration) -> TransportRequest {
        var headers = [HeaderField("Accept", "application/json"), HeaderField("User-Agent", SDKVersion.userAgent)]
        if let project { headers.append(HeaderField("X-Project-ID", project.value)) }
        if call.body != nil { headers.append(HeaderField("Content-Type", "application/json")) }
        if let key = call.idempotencyKey { headers.append(HeaderField("Idempotency-Key", key)) }
        return TransportRequest(
            method: call.method, url: endpoint.url + call.path + call.queryString, token: token,
            headers: headers, body: call.body, timeout: timeout
        )
    }
}

extension Pipeline: CustomReflectable {
    /// Behind the transport are proxies, which may hold a password.
    var customMirror: Mirror { Mirror(self, children: ["endpoint": endpoint, "timeout": timeout]) }
}
