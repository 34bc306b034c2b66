// MARK: - Code

/// The code of an API error: a stable name such as `not_found`.
///
/// It is a struct, so that the service can add codes without breaking programs that switch over them.
public struct ErrorCode: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The name as the API sends it.
    public let rawValue: String

    /// Creates a code, known or unknown.
    ///
    /// - Parameter rawValue: The name as the API sends it.
    public init(rawValue: String) { self.rawValue = rawValue }

    private init(_ rawValue: String) { self.rawValue = rawValue }

    /// The name as the API sends it.
    public var description: String { rawValue }

    /// 400: the request is not valid HTTP or JSON.
    public static let badRequest = ErrorCode("bad_request")
    /// 401: the request has no token.
    public static let missingToken = ErrorCode("missing_token")
    /// 401: the token has a wrong format or checksum.
    public static let malformedToken = ErrorCode("malformed_token")
    /// 401: the token is unknown.
    public static let invalidToken = ErrorCode("invalid_token")
    /// 401: the token has expired; in the device flow, the code has.
    public static let expiredToken = ErrorCode("expired_token")
    /// 401: the token was revoked.
    public static let revokedToken = ErrorCode("revoked_token")
    /// 401: the token's secret was rotated, and its grace period is over.
    public static let rotatedToken = ErrorCode("rotated_token")
    /// 401: the user was disabled by the operator.
    public static let accountDisabled = ErrorCode("account_disabled")
    /// 402: the wallet, the budget or a spend limit does not cover the operation.
    public static let insufficientBalance = ErrorCode("insufficient_balance")
    /// 403: the token's scopes do not allow the action.
    public static let insufficientScope = ErrorCode("insufficient_scope")
    /// 403: the token is not valid for the project.
    public static let projectForbidden = ErrorCode("project_forbidden")
    /// 403: the user's role in the project does not allow the action.
    public static let memberForbidden = ErrorCode("member_forbidden")
    /// 404: the resource does not exist, or the user cannot see it.
    public static let notFound = ErrorCode("not_found")
    /// 405: the path does not support the method.
    public static let methodNotAllowed = ErrorCode("method_not_allowed")
    /// 406: the response has none of the media types that the request accepts.
    public static let notAcceptable = ErrorCode("not_acceptable")
    /// 413: the body is too large.
    public static let contentTooLarge = ErrorCode("content_too_large")
    /// 414: the URL is too long.
    public static let uriTooLong = ErrorCode("uri_too_long")
    /// 431: the headers are too large.
    public static let headerFieldsTooLarge = ErrorCode("request_header_fields_too_large")
    /// 415: the body is not JSON.
    public static let unsupportedMediaType = ErrorCode("unsupported_media_type")
    /// 409: the request conflicts with the current state.
    public static let conflict = ErrorCode("conflict")
    /// 409: the account has reached a limit.
    public static let quotaExceeded = ErrorCode("quota_exceeded")
    /// 409: the service has no such GPU, or too few are free.
    public static let gpuNotAvailable = ErrorCode("gpu_not_available")
    /// A command in a pod did not end within its time.
    public static let execTimeout = ErrorCode("exec_timeout")
    /// 409: the project still contains resources.
    public static let projectNotEmpty = ErrorCode("project_not_empty")
    /// 422: the Idempotency-Key was used with another body.
    public static let idempotencyKeyReused = ErrorCode("idempotency_key_reused")
    /// 422: a field is invalid.
    public static let validationFailed = ErrorCode("validation_failed")
    /// 429: there were too many requests.
    public static let rateLimited = ErrorCode("rate_limited")
    /// Device flow: the user has not decided yet (RFC 8628, section 3.5).
    public static let authorizationPending = ErrorCode("authorization_pending")
    /// Device flow: the program asks too often (RFC 8628, section 3.5).
    public static let slowDown = ErrorCode("slow_down")
    /// Device flow: the user denied the request (RFC 8628, section 3.5).
    public static let accessDenied = ErrorCode("access_denied")
    /// Device flow: the code is unknown or was used (RFC 6749, section 5.2).
    public static let invalidGrant = ErrorCode("invalid_grant")
    /// 500: an unexpected error.
    public static let `internal` = ErrorCode("internal")
    /// 503: the service cannot process requests at the moment.
    public static let unavailable = ErrorCode("unavailable")
}

// MARK: - Body

/// The body of every response that is not a success: `{"error": {"code": …, "message": …, …}}`.
package struct ErrorBody: Codable, Sendable, Equatable {
    package var code: ErrorCode?
    package var message: String
    package var requestID: String?
    package var details: [String: JSONValue]

    package init(code: ErrorCode?, message: String, requestID: String?, details: [String: JSONValue] = [:]) {
        self.code = code
        self.message = message
        self.requestID = requestID
        self.details = details
    }

    private enum Envelope: String, CodingKey { case error }

    private enum CodingKeys: String, CodingKey {
        case code, message, details
        case requestID = "request_id"
    }

    /// Decodes the documented object, or `{"error": "text"}`, which some proxies send.
    package init(from decoder: any Decoder) throws {
        let envelope = try decoder.container(keyedBy: Envelope.self)
        if let text = try? envelope.decode(String.self, forKey: .error) {
            self.init(code: nil, message: text, requestID: nil)
            return
        }
        let error = try envelope.nestedContainer(keyedBy: CodingKeys.self, forKey: .error)
        self.init(
            code: try error.decodeIfPresent(ErrorCode.self, forKey: .code),
            message: try error.decode(String.self, forKey: .message),
            requestID: try error.decodeIfPresent(String.self, forKey: .requestID),
            details: try error.decodeIfPresent([String: JSONValue].self, forKey: .details) ?? [:]
        )
    }

    package func encode(to encoder: any Encoder) throws {
        var envelope = encoder.container(keyedBy: Envelope.self)
        var error = envelope.nestedContainer(keyedBy: CodingKeys.self, forKey: .error)
        try error.encodeIfPresent(code, forKey: .code)
        try error.encode(message, forKey: .message)
        try error.encodeIfPresent(requestID, forKey: .requestID)
        if !details.isEmpty { try error.encode(details, forKey: .details) }
    }
}
