import PodstackAPI

/// The account's balance does not cover it (402).
public struct InsufficientBalanceError: ServiceError, Equatable {
    public var response: ServiceResponse
    public var requiredAmount: Double? { details["required_amount"]?.doubleValue }
    public var availableAmount: Double? { details["available_amount"]?.doubleValue }
}
