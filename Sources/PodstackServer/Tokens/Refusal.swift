import PodstackAPI

/// The 401 answers. Source: RFC 6750 for the header.
enum Refusal {
    private static let message = "Invalid API token"

    static let missing = APIError(
        status: 401, code: .missingToken,
        message: "No API token provided: send it as \"Authorization: Bearer TOKEN\"",
        headers: [("WWW-Authenticate", #"Bearer realm="podstack""#)])

    static let malformed = refusal(.malformedToken, "The token is not well formed")
    static let invalid = refusal(.invalidToken, "The token is unknown")

    static let disabled = refusal(.accountDisabled, "The account is disabled")

    static func expired(_ time: Int64?) -> APIError {
        refusal(.expiredToken, "The token expired", "expired_at", time)
    }

    static func rotated(_ secret: RetiredSecret) -> APIError {
        refusal(.rotatedToken, "The token was rotated; use its newer secret", "rotated_at", secret.rotatedAt)
    }

    static func revoked(_ token: TokenRecord) -> APIError {
        refusal(.revokedToken, "The token was revoked", "revoked_at", token.revokedAt)
    }

    private static func refusal(
        _ code: ErrorCode, _ why: String, _ detail: String = "", _ time: Int64? = nil
    ) -> APIError {
        APIError(
            status: 401, code: code, message: message,
            details: time.map { [detail: .string(Timestamp.format(.init($0)))] } ?? [:],
            headers: [
                ("WWW-Authenticate", #"Bearer realm="podstack", error="invalid_token", error_description="\#(why)""#)
            ])
    }
}
