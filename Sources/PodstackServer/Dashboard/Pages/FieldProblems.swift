import PodstackAPI

/// What is wrong with the fields of a form, by field, in sentences.
struct FieldProblems: Error {
    private var sentences: [String: String] = [:]

    init() {}

    init(_ errors: FieldErrors) {
        for (field, messages) in errors.messages {
            for message in messages { add(message, to: field) }
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
