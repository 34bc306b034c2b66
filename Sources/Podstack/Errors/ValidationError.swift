import PodstackAPI

/// The service could not use what was sent (400, 422), or would not: then nothing was sent, and there is no status.
public struct ValidationError: ServiceError, Equatable {
    public var answer: ServiceAnswer

    /// Every field that was wrong, with what was wrong with it.
    public var fieldErrors: [String: [String]] {
        guard case .object(let fields) = details["field_errors"] else { return [:] }
        return fields.compactMapValues { value in
            if case .array(let messages) = value { messages.compactMap(\.stringValue) } else { nil }
        }
    }
}
