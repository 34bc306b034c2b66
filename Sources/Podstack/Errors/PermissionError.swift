/// The token is good but may not do this (403): ``message`` starts with `Access denied to resource`.
///
/// Source: Troubleshooting, Permission Denied.
public struct PermissionError: ServiceError, Equatable {
    public var response: ServiceResponse
}
