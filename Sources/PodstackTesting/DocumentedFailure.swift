import Podstack

/// Every way of failing that the documentation names, as the service answers it.
public enum DocumentedFailure: Sendable, Hashable {
    case invalidToken, malformedToken
    /// Times as the API writes them: ISO 8601, UTC.
    case expiredToken(at: String = "2026-01-01T00:00:00Z")
    case revokedToken(at: String = "2026-01-01T00:00:00Z")
    case rotatedToken(at: String = "2026-01-01T00:00:00Z")
    case insufficientScope(String)
    case projectForbidden(String)
    case notFound(type: String, id: String)
    case validation([String: [String]])
    case insufficientBalance(required: Double, available: Double)
    case quotaExceeded(resourceType: String, limit: Int, current: Int)
    case rateLimited(retryAfter: Int)
    case server(status: Int = 500)
    /// No answer at all.
    case network(String = "Couldn't connect to server")

    /// The answer; throws the failure that stands for none.
    public func response() throws(TransportFailure) -> TransportResponse {
        switch self {
        case .invalidToken: refused(.invalidToken)
        case .malformedToken: refused(.malformedToken)
        case .expiredToken(let time): refused(.expiredToken, ["expired_at": .string(time)])
        case .revokedToken(let time): refused(.revokedToken, ["revoked_at": .string(time)])
        case .rotatedToken(let time): refused(.rotatedToken, ["rotated_at": .string(time)])
        case .insufficientScope(let scope):
            answer(
                403, .insufficientScope, "Access denied to resource: the token lacks \(scope)",
                ["required_scope": .string(scope)])
        case .projectForbidden(let project):
            answer(
                403, .projectForbidden, "Access denied to resource: the token is not good for project \(project)",
                ["project_id": .string(project)])
        case .notFound(let type, let id):
            answer(
                404, .notFound, "There is no such \(type)",
                ["resource_type": .string(type), "resource_id": .string(id)])
        case .validation(let fields):
            answer(
                422, .validationFailed,
                "The request was not understood: see \(fields.keys.sorted().joined(separator: ", "))",
                ["field_errors": .object(fields.mapValues { .array($0.map(JSONValue.string)) })])
        case .insufficientBalance(let required, let available):
            answer(
                402, ErrorCode(rawValue: "insufficient_balance"), "The balance does not cover it",
                ["required_amount": .number(required), "available_amount": .number(available)])
        case .quotaExceeded(let type, let limit, let current):
            answer(
                409, .quotaExceeded, "The account has \(current) \(type) and may have \(limit)",
                ["resource_type": .string(type), "limit": .integer(limit), "current": .integer(current)])
        case .rateLimited(let seconds):
            answer(
                429, .rateLimited, "Too many requests",
                headers: [HeaderField("Retry-After", String(seconds))])
        case .server(let status): answer(status, .internal, "Something went wrong in the service")
        case .network(let reason): throw TransportFailure(reason: reason)
        }
    }

    private func refused(_ code: ErrorCode, _ details: [String: JSONValue] = [:]) -> TransportResponse {
        answer(401, code, "Invalid API token", details)
    }

    private func answer(
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
