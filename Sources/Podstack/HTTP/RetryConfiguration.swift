/// How often a request is repeated that got no answer, or one that may be different later.
///
/// Every call can be repeated without harm: one that creates something carries an `Idempotency-Key`, the same each time,
/// and one that deletes something has done so when a later try finds it gone.
/// The wait before the n-th retry is drawn evenly between nothing and `initialDelay` × `backoffFactor`ⁿ⁻¹, at most
/// `maxDelay`; or it is what `Retry-After` asks for. All of it happens within the client's `timeout`: a wait that would
/// end after it is not begun.
public struct RetryConfiguration: Sendable, Hashable {
    public enum Condition: String, Sendable, Hashable, CaseIterable {
        /// 500, 502, 503, 504 and the other 5xx that can pass.
        case serverError = "server_error"
        /// 429.
        case rateLimit = "rate_limit"
        /// No answer, or half of one.
        case networkError = "network_error"
    }

    /// 0 for never.
    public var maxRetries: Int
    /// By how much each wait may be longer than the one before.
    public var backoffFactor: Double
    public var retryOn: Set<Condition>
    public var initialDelay: Duration
    public var maxDelay: Duration

    public init(
        maxRetries: Int = 3, backoffFactor: Double = 2, retryOn: Set<Condition> = Set(Condition.allCases),
        initialDelay: Duration = .milliseconds(500), maxDelay: Duration = .seconds(20)
    ) {
        self.maxRetries = maxRetries
        self.backoffFactor = backoffFactor
        self.retryOn = retryOn
        self.initialDelay = initialDelay
        self.maxDelay = maxDelay
    }

    public static let none = RetryConfiguration(maxRetries: 0)

    /// Throws ``ConfigurationError`` when it is none that a client can follow.
    func check() throws(ConfigurationError) {
        func refuse(_ what: String) -> ConfigurationError {
            let source = ClientConfiguration.Source.argument("retry:")
            return ConfigurationError(message: "The retries from \(source) cannot be used: \(what)", about: source)
        }
        guard maxRetries >= 0 else { throw refuse("maxRetries is negative") }
        guard backoffFactor.isFinite, backoffFactor >= 1 else { throw refuse("backoffFactor is no number from 1") }
        guard initialDelay >= .zero, maxDelay >= .zero else { throw refuse("a delay is negative") }
    }
}
