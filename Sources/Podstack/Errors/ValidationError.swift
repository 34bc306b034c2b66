import PodstackAPI

/// The service could not use what was sent (400, 409, 422); or an id was passed that cannot be one. Then nothing was sent,
/// and there is no status.
public struct ValidationError: ServiceError, Equatable {
    public var response: ServiceResponse

    /// Every field that was wrong, with what was wrong with it.
    public var fieldErrors: [String: [String]] {
        guard case .object(let fields) = details["field_errors"] else { return [:] }
        return fields.compactMapValues { value in
            if case .array(let messages) = value { messages.compactMap(\.stringValue) } else { nil }
        }
    }
}
