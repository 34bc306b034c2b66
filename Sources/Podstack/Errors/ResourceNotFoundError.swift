/// It is not there, or not visible to this token (404).
public struct ResourceNotFoundError: ServiceError, Equatable {
    public var response: ServiceResponse
    public var resourceType: String? { details["resource_type"]?.stringValue }
    public var resourceID: String? { details["resource_id"]?.stringValue }
}
