/// Whether and when one call is sent again. Pure: who calls it waits.
struct Retry {
    let configuration: RetryConfiguration
    private(set) var retries = 0

    init(_ configuration: RetryConfiguration) { self.configuration = configuration }

    /// Counts a retry and gives its wait; nil when there shall be none.
    ///
    /// - Parameters:
    ///   - requested: What `Retry-After` said.
    ///   - left: Until the call's deadline.
    ///   - fraction: Drawn evenly from 0..<1.
    mutating func next(
        after condition: RetryConfiguration.Condition?, requested: Duration?, left: Duration, fraction: Double
    ) -> Duration? {
        guard let condition, configuration.retryOn.contains(condition), retries < configuration.maxRetries else {
            return nil
        }
        let wait: Duration
        if let requested {
            // A tenth on top, or all that were refused together come back together.
            wait = requested + requested * (0.1 * fraction)
        } else {
            wait = longest * fraction
        }
        guard wait < left else { return nil }
        retries += 1
        return wait
    }

    private var longest: Duration {
        let limit = min(max(.zero, configuration.maxDelay), .seconds(86_400))
        let factor = configuration.backoffFactor.isFinite ? max(configuration.backoffFactor, 1) : 1
        // In seconds: a Double that grows too large is infinite, a Duration traps.
        var seconds = max(.zero, configuration.initialDelay) / .seconds(1)
        for _ in 0..<retries { seconds *= factor }
        return seconds < limit / .seconds(1) ? .seconds(seconds) : limit
    }

    /// What kind of failure the answer is; nil when asking again would not help.
    static func condition(of response: TransportResponse) -> RetryConfiguration.Condition? {
        switch response.status {
        case 429: .rateLimit
        // Not implemented, wrong version, loop, log in to the network first: they stay so.
        case 501, 505, 506, 508, 510, 511: nil
        case 500...: .serverError
        // The same call is still being worked on: its first answer was lost.
        case 409 where response.header("retry-after") != nil: .networkError
        default: nil
        }
    }
}
