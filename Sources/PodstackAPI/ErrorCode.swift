/// The `code` of an error body. A struct, so that a service may add codes without breaking who switches over them.
public struct ErrorCode: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    private init(_ rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    public static let badRequest = ErrorCode("bad_request")
    public static let missingToken = ErrorCode("missing_token")
    public static let malformedToken = ErrorCode("malformed_token")
    public static let invalidToken = ErrorCode("invalid_token")
    public static let expiredToken = ErrorCode("expired_token")
    public static let revokedToken = ErrorCode("revoked_token")
    public static let rotatedToken = ErrorCode("rotated_token")
    public static let accountDisabled = ErrorCode("account_disabled")
    public static let insufficientScope = ErrorCode("insufficient_scope")
    public static let projectForbidden = ErrorCode("project_forbidden")
    public static let memberForbidden = ErrorCode("member_forbidden")
    public static let notFound = ErrorCode("not_found")
    public static let methodNotAllowed = ErrorCode("method_not_allowed")
    public static let notAcceptable = ErrorCode("not_acceptable")
    public static let contentTooLarge = ErrorCode("content_too_large")
    public static let uriTooLong = ErrorCode("uri_too_long")
    public static let headerFieldsTooLarge = ErrorCode("request_header_fields_too_large")
    public static let unsupportedMediaType = ErrorCode("unsupported_media_type")
    public static let conflict = ErrorCode("conflict")
    public static let quotaExceeded = ErrorCode("quota_exceeded")
    public static let projectNotEmpty = ErrorCode("project_not_empty")
    public static let idempotencyKeyReused = ErrorCode("idempotency_key_reused")
    public static let validationFailed = ErrorCode("validation_failed")
    public static let rateLimited = ErrorCode("rate_limited")
    /// The four of RFC 8628 and RFC 6749 that a program without a browser meets, and ``expiredToken``.
    public static let authorizationPending = ErrorCode("authorization_pending")
    public static let slowDown = ErrorCode("slow_down")
    public static let accessDenied = ErrorCode("access_denied")
    public static let invalidGrant = ErrorCode("invalid_grant")
    public static let `internal` = ErrorCode("internal")
    public static let unavailable = ErrorCode("unavailable")
}
