import PodstackAPI

/// The account has as many as it may have (code `quota_exceeded`).
public struct QuotaExceededError: ServiceError, Equatable {
    public var response: ServiceResponse
    public var resourceType: String? { details["resource_type"]?.stringValue }
    public var limit: Int? { details["limit"]?.integerValue }
    public var current: Int? { details["current"]?.integerValue }
}
