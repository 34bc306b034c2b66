import PodstackAPI

/// What is wrong with the fields of a form, by field, in sentences.
struct FieldProblems: Error {
    private var sentences: [String: String] = [:]

    init() {}

    /// The fields that a 422 names; nil when the error is another.
    init?(_ error: APIError) {
        guard error.code == .validationFailed, case .object(let fields)? = error.details["field_errors"] else {
            return nil
        }
        for (field, messages) in fields {
            guard case .array(let messages) = messages else { continue }
            for message in messages.compactMap(\.stringValue) { add(message, to: field) }
        }
    }

    var isEmpty: Bool { sentences.isEmpty }

    func isOnly(about fields: [String]) -> Bool { sentences.keys.allSatisfy(fields.contains) }

    /// - Parameter message: Without its capital and its full stop.
    mutating func add(_ message: String, to field: String) {
        let sentence = message.prefix(1).uppercased() + message.dropFirst() + "."
        sentences[field] = sentences[field].map { "\($0) \(sentence)" } ?? sentence
    }

    /// What is known of both; of the same field the first one counts.
    func merging(_ others: FieldProblems) -> FieldProblems {
        var merged = self
        merged.sentences.merge(others.sentences) { first, _ in first }
        return merged
    }

    /// Of the first of the fields that has one.
    subscript(_ fields: String...) -> String? { fields.lazy.compactMap { sentences[$0] }.first }
}
