/// There is no token, or the service does not accept it (401).
///
/// ``message`` starts with `No API token provided`, or with `Invalid API token`; then ``code`` tells
/// `invalid_token`, `expired_token` and `revoked_token` apart. Source: Troubleshooting.
public struct AuthenticationError: ServiceError, Equatable {
    public var response: ServiceResponse
}
