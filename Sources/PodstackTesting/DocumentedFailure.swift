public import Podstack
import PodstackAPI

/// A failure that the documentation names, as the service reports it.
///
/// Times are ISO 8601 in UTC.
public enum DocumentedFailure: Sendable, Hashable {
    /// 401: the token is unknown.
    case invalidToken
    /// 401: the token has a wrong format or checksum.
    case malformedToken
    /// 401: the token has expired.
    case expiredToken(at: String = "2026-01-01T00:00:00Z")
    /// 401: the token was revoked.
    case revokedToken(at: String = "2026-01-01T00:00:00Z")
    /// 401: the token's secret was rotated, and its grace period is over.
    case rotatedToken(at: String = "2026-01-01T00:00:00Z")
    /// 403: the token lacks a scope, such as `projects:create`.
    case insufficientScope(String)
    /// 403: the token is not valid for a project.
    case projectForbidden(String)
    /// 404: the resource does not exist, or the user cannot see it.
    case notFound(type: String, id: String)
    /// 422: fields are invalid; the messages by field.
    case validation([String: [String]])
    /// 402: the balance of the account is too low.
    case insufficientBalance(required: Double, available: Double)
    /// 409: there are no such GPUs.
    case gpuNotAvailable(type: String, availableTypes: [String])
    /// 409: the state of a pod does not allow the operation.
    case wrongState(current: String, required: String)
    /// 504: a command in a pod did not end within its time.
    case execTimeout
    /// 409: the account has reached a limit.
    case quotaExceeded(resourceType: String, limit: Int, current: Int)
    /// 429: there were too many requests; the wait in seconds.
    case rateLimited(retryAfter: Int)
    /// 5xx: the service failed.
    case server(status: Int = 500)
    /// No response, for a reason such as `Couldn't connect to server`.
    case network(String = "Couldn't connect to server", kind: NetworkError.Kind = .other)

    /// Returns the response, or throws the failure of a request without one.
    ///
    /// - Returns: The response.
    /// - Throws: `TransportFailure` for ``network(_:kind:)``.
    public func response() throws(TransportFailure) -> TransportResponse {
        switch self {
        case .invalidToken: rejected(.invalidToken)
        case .malformedToken: rejected(.malformedToken)
        case .expiredToken(let time): rejected(.expiredToken, ["expired_at": .string(time)])
        case .revokedToken(let time): rejected(.revokedToken, ["revoked_at": .string(time)])
        case .rotatedToken(let time): rejected(.rotatedToken, ["rotated_at": .string(time)])
        case .insufficientScope(let scope):
            error(
                403, .insufficientScope, "Access denied to resource: the token lacks \(scope)",
                ["required_scope": .string(scope)])
        case .projectForbidden(let project):
            error(
                403, .projectForbidden, "Access denied to resource: the token does not include project \(project)",
                ["project_id": .string(project)])
        case .notFound(let type, let id):
            error(
                404, .notFound, "No such \(type)",
                ["resource_type": .string(type), "resource_id": .string(id)])
        case .validation(let fields):
            error(
                422, .validationFailed,
                "The request has invalid values: see \(fields.keys.sorted().joined(separator: ", "))",
                ["field_errors": .object(fields.mapValues { .array($0.map(JSONValue.string)) })])
        case .insufficientBalance(let required, let available):
            error(
                402, ErrorCode(rawValue: "insufficient_balance"), "The balance of the account is too low",
                ["required_amount": .number(required), "available_amount": .number(available)])
        case .gpuNotAvailable(let type, let available):
            error(
                409, .gpuNotAvailable, "There is no GPU of the type \(type)",
                ["gpu_type": .string(type), "available_types": .array(available.map(JSONValue.string))])
        case .wrongState(let current, let required):
            error(
                409, .conflict, "The pod must be \(required)",
                ["current_state": .string(current), "required_state": .string(required)])
        case .execTimeout: error(504, .execTimeout, "The command did not end within its time")
        case .quotaExceeded(let type, let limit, let current):
            error(
                409, .quotaExceeded, "The account has reached its limit of \(limit) \(type)",
                ["resource_type": .string(type), "limit": .integer(limit), "current": .integer(current)])
        case .rateLimited(let seconds):
            error(
                429, .rateLimited, "Too many requests: try again in \(seconds) seconds",
                headers: [HeaderField("Retry-After", String(seconds))])
        case .server(let status): error(status, .internal, "Something went wrong in the service")
        case .network(let reason, let kind): throw TransportFailure(reason: reason, kind: kind)
        }
    }

    private func rejected(_ code: ErrorCode, _ details: [String: JSONValue] = [:]) -> TransportResponse {
        error(401, code, "Invalid API token", details)
    }

    private func error(
        _ status: Int, _ code: ErrorCode, _ message: String, _ details: [String: JSONValue] = [:],
        headers: [HeaderField] = []
    ) -> TransportResponse {
        let id = "req_00000000000000000000"
        let body = ErrorBody(code: code, message: message, requestID: id, details: details)
        return TransportResponse(
            status: status, headers: [HeaderField("X-Request-ID", id)] + headers,
            body: (try? APICoding.encode(body)) ?? [])
    }
}
