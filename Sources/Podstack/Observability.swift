// MARK: - Logging

/// The severity of a log message, with the names of swift-log's levels.
public enum ClientLogLevel: String, Sendable, Hashable, CaseIterable {
    /// A request or its response.
    case debug
    /// A request that is sent again, or a token that was reloaded.
    case info
    /// A setting that should be changed, a token that expires soon, or a request without a response.
    case warning
}

/// A receiver of log messages.
///
/// The article <doc:Observability> has a bridge to swift-log.
public protocol ClientLogger: Sendable {
    /// Logs a message.
    ///
    /// - Parameters:
    ///   - level: The severity.
    ///   - message: One sentence without a secret.
    ///   - metadata: The values in the message by name, such as `request_id` and `duration_ms`.
    func log(_ level: ClientLogLevel, _ message: String, _ metadata: [String: String])
}

extension ClientEvent: CustomStringConvertible {
    /// The event as one sentence without a secret.
    public var description: String {
        switch self {
        case .requestStarted(let method, let path): "\(method) \(path)"
        case .requestFinished(let method, let path, let status, let duration, _):
            "\(method) \(path): HTTP \(status) after \(duration.millisecondText) ms"
        case .requestFailed(let method, let path, let reason, let duration):
            "\(method) \(path): no response after \(duration.millisecondText) ms: \(reason)"
        case .requestRetried(let method, let path, let retry, let delay, let reason):
            "\(method) \(path): \(reason); retry \(retry) in \(delay.millisecondText) ms"
        case .tokenReloaded(let origin): "The token was rejected, and another one was found in \(origin)"
        case .tokenExpiring(let end, _): "The token expires at \(end)"
        case .warning(let text): text
        }
    }

    /// The severity of the event in a log.
    public var level: ClientLogLevel {
        switch self {
        case .requestStarted, .requestFinished: .debug
        case .requestRetried, .tokenReloaded: .info
        case .requestFailed, .tokenExpiring, .warning: .warning
        }
    }

    /// The values of the event by name.
    public var metadata: [String: String] {
        switch self {
        case .requestStarted(let method, let path): ["method": method, "path": path]
        case .requestFinished(let method, let path, let status, let duration, let id):
            ["method": method, "path": path, "status": String(status), "duration_ms": duration.millisecondText]
                .merging(id.map { ["request_id": $0] } ?? [:]) { first, _ in first }
        case .requestFailed(let method, let path, let reason, let duration):
            ["method": method, "path": path, "reason": reason, "duration_ms": duration.millisecondText]
        case .requestRetried(let method, let path, let retry, let delay, let reason):
            [
                "method": method, "path": path, "retry": String(retry), "delay_ms": delay.millisecondText,
                "reason": reason,
            ]
        case .tokenReloaded(let origin): ["origin": origin]
        case .tokenExpiring(let end, let seconds): ["expires_at": end, "seconds_left": String(seconds)]
        case .warning: [:]
        }
    }
}

extension Duration {
    /// The duration in milliseconds with one decimal, such as `12.3`.
    fileprivate var millisecondText: String {
        let tenths = Int((self / .microseconds(100)).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}

// MARK: - Metrics

/// A receiver of counts and durations.
///
/// | name | kind | dimensions |
/// | --- | --- | --- |
/// | `podstack.client.requests` | timer | `method`, `route`, `status`: each attempt, with `status` `none` if no response arrived |
/// | `podstack.client.retries` | counter | `method`, `route` |
/// | `podstack.client.token_reloads` | counter | |
///
/// A route is a path with `{id}` in the place of each ID. The article <doc:Observability> has a bridge to swift-metrics.
public protocol ClientMetrics: Sendable {
    /// Adds 1 to a counter.
    ///
    /// - Parameters:
    ///   - name: The name of the counter.
    ///   - dimensions: The dimensions of the count, by name.
    func count(_ name: String, _ dimensions: [(String, String)])
    /// Records a duration.
    ///
    /// - Parameters:
    ///   - duration: The duration.
    ///   - name: The name of the timer.
    ///   - dimensions: The dimensions of the duration, by name.
    func record(_ duration: Duration, _ name: String, _ dimensions: [(String, String)])
}

extension ClientEvent {
    /// Reports the event's count or duration.
    func report(to metrics: any ClientMetrics) {
        func dimensions(_ method: String, _ path: String) -> [(String, String)] {
            [("method", method), ("route", Call(method: method, path: path).route)]
        }
        switch self {
        case .requestFinished(let method, let path, let status, let duration, _):
            let status = [("status", String(status))]
            metrics.record(duration, "podstack.client.requests", dimensions(method, path) + status)
        case .requestFailed(let method, let path, _, let duration):
            metrics.record(duration, "podstack.client.requests", dimensions(method, path) + [("status", "none")])
        case .requestRetried(let method, let path, _, _, _):
            metrics.count("podstack.client.retries", dimensions(method, path))
        case .tokenReloaded: metrics.count("podstack.client.token_reloads", [])
        case .requestStarted, .tokenExpiring, .warning: break
        }
    }
}

// MARK: - Tracing

/// A receiver of spans: one for each call, which includes its retries and waits.
///
/// A span is named after the method and the route, such as `GET /v1/tokens/{id}`, and its attributes are
/// `http.request.method`, `url.template`, `server.address`, `http.response.status_code`, `podstack.request_id` and
/// `error.type`. The article <doc:Observability> has a bridge to swift-distributed-tracing.
public protocol ClientTracer: Sendable {
    /// Runs a call in a span, which ends with the call; an error that the call throws is the span's.
    ///
    /// - Parameters:
    ///   - name: The name of the span.
    ///   - body: The call.
    /// - Returns: The call's result.
    /// - Throws: The call's error.
    func withSpan<Value: Sendable>(
        _ name: String, _ body: @Sendable (any ClientSpan) async throws -> Value
    ) async throws -> Value
}

/// A span of a ``ClientTracer``.
public protocol ClientSpan: Sendable {
    /// The headers that tell the service about the span, such as `traceparent`.
    var headers: [HeaderField] { get }
    /// Sets an attribute.
    ///
    /// - Parameters:
    ///   - attribute: The name, as OpenTelemetry's conventions write it.
    ///   - value: The value.
    func set(_ attribute: String, to value: String)
}
