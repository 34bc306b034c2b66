import PodstackAPI

/// Takes the fields of a request's JSON object one by one, and gathers everything that is wrong with them.
struct FieldReader {
    typealias Mistake = InvalidValue

    private let fields: [String: JSONValue]
    private var errors: [String: [String]] = [:]

    /// - Parameter thing: What the fields describe, with its article.
    init(_ fields: [String: JSONValue], of thing: String, known: [String]) {
        self.fields = fields
        for field in fields.keys where !known.contains(field) {
            // What is too long to be a name may be a token, and is not repeated.
            errors[field.utf8.count > 40 ? "…" : field] = ["is not a field of \(thing)"]
        }
    }

    func has(_ name: String) -> Bool { fields[name] != nil }

    /// The value of a field; nil when it is not there, or was wrong.
    mutating func take<Value>(_ name: String, _ read: (JSONValue) throws(Mistake) -> Value) -> Value? {
        guard let value = fields[name] else { return nil }
        do { return try read(value) } catch {
            refuse(name, error.message)
            return nil
        }
    }

    mutating func refuse(_ name: String, _ message: String) { errors[name, default: []].append(message) }

    mutating func require(_ name: String) { if !has(name) { refuse(name, "is missing") } }

    /// The problems found so far.
    var problems: FieldErrors { FieldErrors(errors) }

    /// Throws one 422 that names every field that was wrong.
    func finish() throws {
        guard errors.isEmpty else { throw DomainError.invalid(FieldErrors(errors)) }
    }
}
