/// What came of one try.
typealias Outcome = Result<TransportResponse, TransportFailure>

extension Outcome {
    var response: TransportResponse? { try? get() }

    /// Whether the service may have done what it was asked for.
    var isUncertain: Bool { response.map { $0.status >= 500 } ?? true }

    /// Nil when another try would not help.
    var condition: RetryConfiguration.Condition? {
        switch self {
        case .success(let response): Retry.condition(of: response)
        case .failure(let failure): failure.mayPass ? .networkError : nil
        }
    }
}

extension Retry {
    func event(for call: Call, delay: Duration, _ outcome: Outcome) -> ClientEvent {
        let reason =
            switch outcome {
            case .success(let response): "HTTP \(response.status)"
            case .failure(let failure): failure.reason
            }
        return .requestRetried(method: call.method, path: call.path, retry: retries, delay: delay, reason: reason)
    }
}

extension TransportResponse {
    var isSuccess: Bool { (200..<300).contains(status) }
}
