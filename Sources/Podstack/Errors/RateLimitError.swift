/// Too many requests (429).
public struct RateLimitError: ServiceError, Equatable {
    public var response: ServiceResponse
    /// After how many seconds the service wants to be asked again.
    public var retryAfter: Int?
}
