import PodstackAPI
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An event that a client reports to its `onEvent:` closure.
///
/// It never contains a secret.
///
/// Paths begin with `/v1` and contain no query.
public enum ClientEvent: Sendable, Hashable {
    /// An attempt to send a request starts.
    case requestStarted(method: String, path: String)
    /// A response arrived, whatever its status. The duration is that of this attempt alone; the request ID is the
    /// response's `X-Request-ID`.
    case requestFinished(method: String, path: String, status: Int, duration: Duration, requestID: String?)
    /// No response arrived. The duration is that of this attempt alone; `reason` is a text such as `the request timed out`.
    case requestFailed(method: String, path: String, reason: String, duration: Duration)
    /// A request will be sent again after `delay`. `retry` counts from 1; `reason` is a short text such as `HTTP 503`.
    case requestRetried(method: String, path: String, retry: Int, delay: Duration, reason: String)
    /// The service rejected the token, its source now has another one, and the request is sent again with that.
    case tokenReloaded(origin: String)
    /// The token expires in less than 14 days. A client reports it once. `expiresAt` is an ISO 8601 time in UTC.
    case tokenExpiring(expiresAt: String, secondsLeft: Int)
    /// A setting works but should be changed; one sentence.
    case warning(String)
}

extension ClientEvent {
    /// The event without tokens in the texts that contain paths and names.
    var redacted: ClientEvent {
        switch self {
        case .warning(let text): .warning(TokenRedaction.redact(text))
        case .tokenReloaded(let origin): .tokenReloaded(origin: TokenRedaction.redact(origin))
        default: self
        }
    }
}

/// Reports the events of a client, and costs nothing if no closure receives them.
final class EventSink: Sendable {
    private let onEvent: (@Sendable (ClientEvent) -> Void)?
    private let hasReportedExpiry = Atomic(false)

    init(_ onEvent: (@Sendable (ClientEvent) -> Void)?) { self.onEvent = onEvent }

    /// Creates a sink for all receivers in a client's options.
    convenience init(_ options: ClientOptions) {
        let (onEvent, logger, metrics) = (options.onEvent, options.logger, options.metrics)
        guard logger != nil || metrics != nil else {
            self.init(onEvent)
            return
        }
        self.init { event in
            onEvent?(event)
            logger?.log(event.level, event.description, event.metadata)
            if let metrics { event.report(to: metrics) }
        }
    }

    /// Whether a closure receives the events.
    var isActive: Bool { onEvent != nil }

    func send(_ event: () -> ClientEvent) {
        if let onEvent { onEvent(event().redacted) }
    }

    /// Reports once that the token expires soon: every authenticated response says when it does.
    func reportExpiry(in response: TransportResponse, now: @autoclosure () -> Date) {
        guard isActive, !hasReportedExpiry.load(ordering: .relaxed),
            let text = response.header("podstack-token-expires"), let date = Timestamp.parse(text)
        else { return }
        let left = Int(min(max(date.timeIntervalSince(now()), -1e15), 1e15))
        guard left < 14 * 86_400, !hasReportedExpiry.exchange(true, ordering: .relaxed) else { return }
        send { .tokenExpiring(expiresAt: Timestamp.format(date), secondsLeft: left) }
    }
}
