import PodstackAPI

/// What a call goes through: prepare, authorise, send, retry, decode or make the error.
struct Pipeline: Sendable {
    let token: Setting<APIToken>
    let endpoint: Endpoint
    let projectID: String?
    let retry: RetryConfiguration
    let timeout: Duration
    let transport: any Transport
    let events: EventSink
    private let budget = RetryBudget()

    init(
        token: Setting<APIToken>, endpoint: Endpoint, projectID: String?, retry: RetryConfiguration, timeout: Duration,
        transport: any Transport, onEvent: (@Sendable (ClientEvent) -> Void)?
    ) {
        self.token = token
        self.endpoint = endpoint
        self.projectID = projectID
        self.retry = retry
        self.timeout = timeout
        self.transport = transport
        events = EventSink(onEvent)
    }

    func call<Answer: Decodable>(_ call: Call, answering: Answer.Type = Answer.self) async throws -> Answer {
        let response = try await response(to: call)
        do { return try APICoding.decode(Answer.self, from: response.body) } catch {
            throw ErrorMapping.notDecodable(response)
        }
    }

    func call(_ call: Call) async throws { _ = try await response(to: call) }

    private func response(to call: Call) async throws -> TransportResponse {
        let deadline = ContinuousClock.now + timeout
        var retry = Retry(retry)
        var request = prepare(call)
        while true {
            let outcome = try await send(request, of: call)
            if case .success(let response) = outcome, (200..<300).contains(response.status) {
                budget.deposit()
                events.noteExpiry(response)
                return response
            }
            let left = deadline - .now
            let requested = outcome.response?.header("retry-after").flatMap { RetryAfter.parse($0) }
            guard
                let delay = retry.next(
                    after: outcome.condition, requested: requested, left: left, fraction: .random(in: 0..<1)),
                budget.withdraw()
            else { throw error(for: outcome) }
            events.send { retry.event(for: call, delay: delay, outcome) }
            try await Task.sleep(for: delay)
            request.timeout = deadline - .now
        }
    }

    private func send(_ request: TransportRequest, of call: Call) async throws -> Outcome {
        events.send { .requestStarted(method: call.method, path: call.path) }
        let start = events.isWanted ? ContinuousClock.now : nil
        do {
            let response = try await transport.send(request)
            if let start {
                let duration = ContinuousClock.now - start
                events.send {
                    .requestFinished(method: call.method, path: call.path, status: response.status, duration: duration)
                }
            }
            return .success(response)
        } catch let failure as TransportFailure { return .failure(failure) }
    }

    private func error(for outcome: Outcome) -> any PodstackError {
        switch outcome {
        case .success(let response): ErrorMapping.error(for: response, token: token)
        case .failure(let failure): ErrorMapping.network(failure, endpoint: endpoint)
        }
    }

    private func prepare(_ call: Call) -> TransportRequest {
        var headers = [HeaderField("Accept", "application/json"), HeaderField("User-Agent", SDKVersion.userAgent)]
        if let projectID { headers.append(HeaderField("X-Project-ID", projectID)) }
        if call.body != nil { headers.append(HeaderField("Content-Type", "application/json")) }
        if let key = call.idempotencyKey { headers.append(HeaderField("Idempotency-Key", key)) }
        return TransportRequest(
            method: call.method, url: endpoint.url + call.path + call.queryString, token: token.value,
            headers: headers, body: call.body, timeout: timeout
        )
    }
}

/// What came of one try.
typealias Outcome = Result<TransportResponse, TransportFailure>

extension Outcome {
    fileprivate var response: TransportResponse? { try? get() }

    fileprivate var condition: RetryConfiguration.Condition? {
        switch self {
        case .success(let response): Retry.condition(of: response)
        case .failure(let failure): failure.mayPass ? .networkError : nil
        }
    }
}

extension Retry {
    fileprivate func event(for call: Call, delay: Duration, _ outcome: Outcome) -> ClientEvent {
        let reason =
            switch outcome {
            case .success(let response): "HTTP \(response.status)"
            case .failure(let failure): failure.reason
            }
        return .requestRetried(method: call.method, path: call.path, retry: retries, delay: delay, reason: reason)
    }
}
