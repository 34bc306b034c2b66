/// The service failed (5xx), or what answered is not the API.
public struct ServerError: ServiceError, Equatable {
    public var response: ServiceResponse
}
