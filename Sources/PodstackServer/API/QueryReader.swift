/// Takes the parameters of a query one by one, and gathers everything that is wrong with them.
///
/// One that is not known is refused: a misspelt filter must not turn into no filter.
struct QueryReader {
    typealias Mistake = FieldReader.Mistake

    private let query: [(name: String, value: String)]
    private var errors: [String: [String]] = [:]

    init(_ request: Request, known: [String]) {
        query = request.query
        for (name, _) in query where !known.contains(name) {
            errors[name.utf8.count > 40 ? "…" : name] = ["is not a parameter of this request"]
        }
        for name in known where query.count(where: { $0.name == name }) > 1 { errors[name] = ["is given twice"] }
    }

    func has(_ name: String) -> Bool { query.contains { $0.name == name } }

    mutating func take<Value>(_ name: String, _ read: (String) throws(Mistake) -> Value) -> Value? {
        guard let text = query.first(where: { $0.name == name })?.value else { return nil }
        do { return try read(text) } catch {
            errors[name, default: []].append(error.message)
            return nil
        }
    }

    mutating func require(_ name: String) { if !has(name) { errors[name] = ["is missing"] } }

    /// Throws one 422 that names every parameter that was wrong.
    func finish() throws {
        guard errors.isEmpty else { throw DomainError.invalid(FieldErrors(errors)) }
    }
}
