import PodstackAPI

// MARK: - Bodies

/// Decodes the JSON object in the body of a request.
enum JSONBody {
    /// Returns the fields of the object; no fields if the body is empty.
    static func optionalObject(of request: Request) throws -> [String: JSONValue] {
        request.body.isEmpty ? [:] : try object(of: request)
    }

    /// Returns the fields of the object.
    ///
    /// - Throws: ``ErrorResponse`` if the body is not a JSON object, or is not declared as JSON.
    static func object(of request: Request) throws -> [String: JSONValue] {
        let type = try request.onlyHeader("Content-Type")?.split(separator: ";").first.map { $0.lowercased() } ?? ""
        guard type == "application/json" else {
            throw ErrorResponse(
                status: 415, code: .unsupportedMediaType, message: "Send JSON, with Content-Type: application/json")
        }
        let value: JSONValue
        do { value = try StrictJSON.value(of: request.body) } catch {
            switch error {
            case .repeatedKey(let path): throw DomainError.invalid(displayed(path), "is given twice")
            case .unrepresentableNumber(let path) where !path.isEmpty:
                throw DomainError.invalid(displayed(path), "is a number that is too large")
            case .unrepresentableNumber, .malformed: throw notAnObject
            }
        }
        guard case .object(let fields) = value else { throw notAnObject }
        try checkTexts(of: fields)
        return fields
    }

    /// Throws if a text has a NUL, which PostgreSQL cannot store or compare and SQLite can.
    ///
    /// Every JSON text that becomes an argument of a statement passes here; URLs, forms and headers have no NUL.
    private static func checkTexts(of fields: [String: JSONValue]) throws {
        var problems = FieldErrors()
        for (name, value) in fields where hasNUL(value) {
            problems.add("must not contain the character U+0000", to: displayed(name))
            if problems.messages.count == maxDefective { break }
        }
        try problems.throwIfAny()
    }

    /// The number of fields with a NUL that a response lists.
    private static let maxDefective = 10

    private static func hasNUL(_ value: JSONValue) -> Bool {
        switch value {
        case .string(let text): text.utf8.contains(0)
        case .array(let values): values.contains(where: hasNUL)
        case .object(let fields): fields.contains { $0.key.utf8.contains(0) || hasNUL($0.value) }
        default: false
        }
    }

    private static let notAnObject = ErrorResponse.badRequest("The body is not a JSON object")

    /// Shortens the name of a field: one that is too long may be a token, which must not be repeated in a response.
    static func displayed(_ name: String) -> String { name.utf8.count > 40 ? "…" : name }
}

/// Rejects encoded bodies.
///
/// The service reads a body as it is. A body that was compressed would be misread as invalid, or as another request.
enum ContentEncoding {
    /// Throws a 415 if the request has a body with a `Content-Encoding` other than `identity`.
    ///
    /// Source: RFC 9110, sections 8.4 and 15.5.16.
    static func check(_ request: Request) throws {
        guard !request.body.isEmpty else { return }
        for header in request.headers where header.name == "content-encoding" {
            for coding in header.value.split(separator: ",") {
                let name = coding.filter { $0 != " " && $0 != "\t" }.lowercased()
                guard name.isEmpty || name == "identity" else { throw refusal }
            }
        }
    }

    private static let refusal = ErrorResponse(
        status: 415, code: .unsupportedMediaType,
        message: "The body must not be compressed: send it without Content-Encoding",
        headers: [("Accept-Encoding", "identity")])
}

/// Reads the fields of a request's JSON object one by one, and collects every problem with them.
struct FieldReader {
    private let fields: [String: JSONValue]
    private var errors: [String: [String]] = [:]

    /// The problems found so far.
    var problems: FieldErrors { FieldErrors(errors) }

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - fields: The fields of the object.
    ///   - thing: The thing that the fields describe, with its article, for the message about an unknown field.
    ///   - known: The names of the allowed fields.
    init(_ fields: [String: JSONValue], of thing: String, known: [String]) {
        self.fields = fields
        errors = UnknownNames.problems(fields.keys.filter { !known.contains($0) }, "is not a field of \(thing)")
    }

    func has(_ name: String) -> Bool { fields[name] != nil }

    /// Returns the value of a field; nil if the field is missing or invalid.
    mutating func take<Value>(_ name: String, _ read: (JSONValue) throws(InvalidValue) -> Value) -> Value? {
        guard let value = fields[name] else { return nil }
        do { return try read(value) } catch {
            refuse(name, error.message)
            return nil
        }
    }

    mutating func refuse(_ name: String, _ message: String) { errors[name, default: []].append(message) }

    mutating func require(_ name: String) { if !has(name) { refuse(name, "is missing") } }

    /// Throws ``DomainError/invalid(_:)`` with every problem, if there is one.
    func finish() throws {
        guard errors.isEmpty else { throw DomainError.invalid(FieldErrors(errors)) }
    }
}

/// The problems with names that a request must not have.
///
/// The client chooses their number, and must not choose the size of the response with it.
private enum UnknownNames {
    /// The number of names that a response lists.
    private static let maxListed = 10

    static func problems(_ names: [String], _ problem: String) -> [String: [String]] {
        guard !names.isEmpty else { return [:] }
        let displayed = Set(names.map(JSONBody.displayed)).sorted()
        var problems = Dictionary(uniqueKeysWithValues: displayed.prefix(maxListed).map { ($0, [problem]) })
        let others = displayed.count - problems.count
        if others > 0 {
            problems["…", default: []].append("and \(counted(others, "other name")), each of which \(problem)")
        }
        return problems
    }
}

// MARK: - Queries

/// Reads the parameters of a query one by one, and collects every problem with them.
///
/// An unknown parameter is an error: a misspelled filter must not turn into no filter.
struct QueryReader {

    private let query: [(name: String, value: String)]
    private var errors: [String: [String]] = [:]

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - known: The names of the allowed parameters.
    ///   - repeatable: Those of them that may be given several times.
    init(_ request: Request, known: [String], repeatable: Set<String> = []) {
        query = request.query
        errors = UnknownNames.problems(
            query.map(\.name).filter { !known.contains($0) }, "is not a parameter of this request")
        for name in known where !repeatable.contains(name) && query.count(where: { $0.name == name }) > 1 {
            errors[name] = ["is given twice"]
        }
    }

    func has(_ name: String) -> Bool { query.contains { $0.name == name } }

    mutating func take<Value>(_ name: String, _ read: (String) throws(InvalidValue) -> Value) -> Value? {
        guard let text = query.first(where: { $0.name == name })?.value else { return nil }
        do { return try read(text) } catch {
            errors[name, default: []].append(error.message)
            return nil
        }
    }

    /// Returns the values of a parameter that may be given several times.
    mutating func takeAll<Value>(_ name: String, _ read: (String) throws(InvalidValue) -> Value) -> [Value] {
        var values: [Value] = []
        for (_, text) in query.filter({ $0.name == name }) {
            do { values.append(try read(text)) } catch { errors[name, default: []].append(error.message) }
        }
        return values
    }

    mutating func require(_ name: String) { if !has(name) { errors[name] = ["is missing"] } }

    /// Throws ``DomainError/invalid(_:)`` with every problem, if there is one.
    func finish() throws {
        guard errors.isEmpty else { throw DomainError.invalid(FieldErrors(errors)) }
    }
}

extension PageRequest {
    /// Reads `limit` and `cursor`, the query parameters of every list.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - defaultLimit: The limit if the request has none.
    /// - Throws: ``ErrorResponse`` if a parameter is invalid.
    init(_ request: Request, defaultLimit: Int = 50) throws {
        self.init(limit: defaultLimit)
        for name in ["limit", "cursor"] where request.query.count(where: { $0.name == name }) > 1 {
            throw ErrorResponse.badRequest("\(name) is given twice")
        }
        if let text = request.query("cursor") { after = try Self.cursor(text) }
        if let text = request.query("limit") {
            let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isPlain, let number = Int(text), (1...200).contains(number) else {
                throw ErrorResponse.badRequest("limit must be a number from 1 to 200")
            }
            limit = number
        }
    }

    static func cursor(_ text: String) throws -> Cursor {
        guard let cursor = Cursor(text) else {
            throw ErrorResponse.badRequest("cursor must be the next_cursor of an earlier response")
        }
        return cursor
    }
}
