import PodstackAPI

extension APIError {
    /// What a form shows beside each field: of a 422, its sentences by the name of the field.
    var fieldProblems: [String: String] {
        guard case .object(let fields)? = details["field_errors"] else { return [:] }
        return fields.compactMapValues { messages in
            guard case .array(let messages) = messages else { return nil }
            return messages.compactMap(\.stringValue).map { "This \($0)." }.joined(separator: " ")
        }
    }
}
