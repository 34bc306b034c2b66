import PodstackAPI
import PodstackSystem
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// MARK: - Configuration

/// A policy that says when and how often a failed request is repeated.
///
/// Every request of this SDK can be repeated safely. A `POST` carries an `Idempotency-Key`, which stays the same. A `DELETE`
/// that finds its resource gone on a later attempt has succeeded.
///
/// The wait before the n-th retry is a random time between zero and `initialDelay` × `backoffFactor`ⁿ⁻¹, at most
/// `maxDelay`. A `Retry-After` header lengthens the wait: it is then at least what the header asks for, and up to a tenth
/// more. All attempts and waits fit in the client's `timeout`: a wait that would end after it does not begin, and the
/// request fails at once.
///
/// Each client limits its retries: it has a reserve of 100, and gains one more for every five requests that succeed.
public struct RetryConfiguration: Sendable, Hashable {
    /// A kind of failure that a later attempt may not have.
    public enum Condition: String, Sendable, Hashable, CaseIterable {
        /// The status 500 or higher, except 501, 505, 506, 508, 510 and 511, which do not change on their own.
        case serverError = "server_error"
        /// The status 429.
        case rateLimit = "rate_limit"
        /// No response or an incomplete one, the status 408 or 425, or a 409 because the first attempt is still being
        /// processed.
        case networkError = "network_error"
    }

    /// The largest number of retries of one request, after the first attempt; 0 or more.
    public var maxRetries: Int
    /// The factor by which the longest wait grows with each retry; 1 or more.
    public var backoffFactor: Double
    /// The kinds of failure after which a request is repeated.
    public var retryOn: Set<Condition>
    /// The longest wait before the first retry; not negative.
    public var initialDelay: Duration
    /// The longest wait before any retry; not negative.
    public var maxDelay: Duration

    /// Creates a retry policy.
    ///
    /// ``Client`` checks the values.
    ///
    /// - Parameters:
    ///   - maxRetries: The largest number of retries of one request (default: 3).
    ///   - backoffFactor: The factor by which the longest wait grows with each retry (default: 2).
    ///   - retryOn: The kinds of failure after which a request is repeated (default: all).
    ///   - initialDelay: The longest wait before the first retry (default: 500 ms).
    ///   - maxDelay: The longest wait before any retry (default: 20 s).
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

    /// The policy without retries.
    public static let none = RetryConfiguration(maxRetries: 0)

    /// Throws an error if a value is out of its range.
    func check() throws(ConfigurationError) {
        let source = ClientConfiguration.Source.argument("retry:")
        func invalid(_ problem: String) -> ConfigurationError {
            ConfigurationError(message: "The retry configuration from \(source) is invalid: \(problem)", about: source)
        }
        guard maxRetries >= 0 else { throw invalid("maxRetries must not be negative") }
        guard backoffFactor.isFinite, backoffFactor >= 1 else { throw invalid("backoffFactor must be 1 or more") }
        guard initialDelay >= .zero, maxDelay >= .zero else { throw invalid("the delays must not be negative") }
    }
}

// MARK: - One request

/// The retries of one request: decides whether and when it is repeated, and counts.
struct Retry {
    let configuration: RetryConfiguration
    private(set) var count = 0

    init(_ configuration: RetryConfiguration) { self.configuration = configuration }

    /// Counts a retry and returns the wait before it; nil if the request is not repeated.
    ///
    /// - Parameters:
    ///   - condition: The kind of failure; nil if another attempt would not help.
    ///   - requested: The wait that `Retry-After` asks for.
    ///   - left: The time until the deadline of the request.
    ///   - fraction: A random number in 0..<1.
    /// - Returns: The wait before the retry, or nil.
    mutating func next(
        after condition: RetryConfiguration.Condition?, requested: Duration?, left: Duration, fraction: Double
    ) -> Duration? {
        guard let condition, configuration.retryOn.contains(condition), count < configuration.maxRetries else {
            return nil
        }
        // Up to a tenth more, so that clients that were rejected together do not return together.
        let wait = max(longestWait * fraction, requested.map { $0 + $0 * (0.1 * fraction) } ?? .zero)
        guard wait < left else { return nil }
        count += 1
        return wait
    }

    private var longestWait: Duration {
        let limit = min(max(.zero, configuration.maxDelay), .seconds(86_400))
        let factor = configuration.backoffFactor.isFinite ? max(configuration.backoffFactor, 1) : 1
        // In seconds as a Double, which becomes infinite where a Duration would trap.
        var seconds = max(.zero, configuration.initialDelay) / .seconds(1)
        for _ in 0..<count { seconds *= factor }
        return seconds < limit / .seconds(1) ? .seconds(seconds) : limit
    }
}

/// The result of one attempt to send a request.
typealias AttemptResult = Result<TransportResponse, TransportFailure>

extension AttemptResult {
    /// The response; nil if none arrived.
    var response: TransportResponse? { try? get() }

    /// Whether the service may have processed the request although the attempt failed.
    var mayBeProcessed: Bool {
        switch self {
        case .success(let response): response.status >= 500
        case .failure(let failure): failure.kind.mayBeSent
        }
    }

    /// The kind of failure; nil if another attempt would not help.
    var retryCondition: RetryConfiguration.Condition? {
        switch self {
        case .failure(let failure): failure.isRetryable ? .networkError : nil
        case .success(let response):
            switch response.status {
            case 429: .rateLimit
            // The request did not arrive in time, or too early on a connection that was being resumed.
            case 408, 425: .networkError
            // Unsupported features, loops and captive portals do not change on their own.
            case 501, 505, 506, 508, 510, 511: nil
            case 500...: .serverError
            // The first attempt with this Idempotency-Key is still being processed, and its response was lost.
            case 409 where response.header("retry-after") != nil: .networkError
            default: nil
            }
        }
    }

    /// The failure as a short text for an event, such as `HTTP 503`.
    var reason: String {
        switch self {
        case .success(let response): "HTTP \(response.status)"
        case .failure(let failure): failure.reason
        }
    }
}

// MARK: - All requests

/// A limit on the retries of a client, so that clients do not multiply the load of a service that is overloaded.
///
/// It has a reserve of 100 retries, and gains one more for every five requests that succeed.
final class RetryBudget: Sendable {
    private static let capacity = 500
    private static let cost = 5
    private let balance = Atomic(capacity)

    /// Returns whether the budget allows a retry, and counts it.
    func withdraw() -> Bool {
        var current = balance.load(ordering: .relaxed)
        while current >= Self.cost {
            let (exchanged, original) = balance.weakCompareExchange(
                expected: current, desired: current - Self.cost, ordering: .relaxed)
            if exchanged { return true }
            current = original
        }
        return false
    }

    /// Counts a request that succeeded.
    func deposit() {
        // A full budget is the common case, and costs no write.
        guard balance.load(ordering: .relaxed) < Self.capacity else { return }
        balance.add(1, ordering: .relaxed)
    }
}

// MARK: - Retry-After

/// The header `Retry-After`: a number of seconds, or a date (RFC 9110, section 10.2.3).
enum RetryAfter {
    /// Returns the wait that a response asks for; nil if it asks for none.
    ///
    /// - Parameters:
    ///   - response: The response; a date in it is relative to its own `Date`, because the clocks may differ.
    ///   - now: The current time of this machine.
    /// - Returns: The wait, or nil.
    static func wait(in response: TransportResponse, now: Date = Date()) -> Duration? {
        guard let text = response.header("retry-after") else { return nil }
        let sent = response.header("date").flatMap { Timestamp.parseHTTPDate($0.trimmingWhitespace(), now: now) }
        return parse(text, now: sent ?? now)
    }

    /// Returns the wait that a header asks for; zero for a date in the past, nil for an invalid value.
    static func parse(_ text: String, now: Date = Date()) -> Duration? {
        let text = text.trimmingWhitespace()
        if let wait = seconds(text) { return wait }
        guard let date = Timestamp.parseHTTPDate(text, now: now) else { return nil }
        return .seconds(min(max(0, date.timeIntervalSince(now).rounded(.up)), Double(Int32.max)))
    }

    /// Returns a number of seconds with or without a fraction, which some servers send.
    private static func seconds(_ text: String) -> Duration? {
        let parts = text.split(byte: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else { return nil }
        // Limited, because a larger number is longer than any deadline, and arithmetic with it could overflow.
        let whole = Duration.seconds(min(Int(parts[0]) ?? .max, Int(Int32.max)))
        return parts.count == 1 ? whole : whole + .seconds(Double("0.\(parts[1])") ?? 0)
    }
}
