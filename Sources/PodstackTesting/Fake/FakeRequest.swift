import Podstack
import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// MARK: - Requests

/// A request to a fake service, with its URL in parts.
struct FakeRequest {
    var method: String
    /// The segments of the path, decoded.
    var segments: [String] = []
    private var parameters: [(name: String, value: String)] = []
    private let request: TransportRequest

    init(_ request: TransportRequest) {
        self.request = request
        method = request.method
        let parts = request.url.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].split(separator: "/").drop { $0 != "v1" }
        segments = path.map(Self.decoded)
        guard parts.count == 2 else { return }
        parameters = parts[1].split(separator: "&").map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decoded(sides[0]), sides.count == 2 ? Self.decoded(sides[1]) : "")
        }
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    var token: APIToken { request.token }
    var body: [UInt8] { request.body ?? [] }
    /// The project that the request names.
    var project: String? { header("x-project-id") }
    func header(_ name: String) -> String? { request.headers.first { $0.name.lowercased() == name }?.value }
    func query(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// Returns the values of a parameter that may be repeated.
    func queries(_ name: String) -> [String] { parameters.filter { $0.name == name }.map(\.value) }

    /// Throws if the query has unknown parameters: a misspelled filter must not become no filter.
    func checkQuery(_ known: [String]) throws {
        let unknown = parameters.map(\.name).filter { !known.contains($0) }
        guard unknown.isEmpty else {
            throw FakeError.invalid(
                Dictionary(unknown.map { ($0, ["is not a parameter of this request"]) }) { first, _ in first })
        }
    }

    func time(_ name: String) throws -> Date? {
        try query(name).map { text in
            guard let date = Timestamp.parse(text) else {
                throw FakeError.invalid([name: ["must be a time such as 2027-01-31T12:00:00Z"]])
            }
            return date
        }
    }

    /// Returns the fields of the JSON object in the body.
    func fields(of thing: String, _ known: [String], isOptional: Bool = false) throws -> FakeFields {
        if isOptional, body.isEmpty { return FakeFields([:], of: thing, known) }
        let type = header("content-type")?.split(separator: ";").first.map { $0.lowercased() }
        guard type == "application/json" else {
            throw FakeError(
                status: 415, code: .unsupportedMediaType, message: "Send JSON, with Content-Type: application/json")
        }
        guard case .object(let values)? = try? APICoding.decode(JSONValue.self, from: body) else {
            throw FakeError.badRequest("The body is not a JSON object")
        }
        return FakeFields(values, of: thing, known)
    }
}

// MARK: - Fields

/// The fields of a request's JSON object, and every problem with them.
struct FakeFields {
    private let values: [String: JSONValue]
    private(set) var problems: [String: [String]] = [:]

    init(_ values: [String: JSONValue], of thing: String, _ known: [String]) {
        self.values = values
        for name in values.keys where !known.contains(name) { refuse(name, "is not a field of \(thing)") }
    }

    subscript(_ name: String) -> JSONValue? { values[name] }

    mutating func refuse(_ name: String, _ problem: String) { problems[name, default: []].append(problem) }

    /// Throws every problem, if there is one.
    func check() throws { if !problems.isEmpty { throw FakeError.invalid(problems) } }

    mutating func string(_ name: String, _ problem: String = "must be a string") -> String? {
        guard let value = values[name] else { return nil }
        if value.stringValue == nil { refuse(name, problem) }
        return value.stringValue
    }

    /// Returns a list of strings, each once; `.some(nil)` for `null`, if that is allowed.
    mutating func strings(_ name: String, orNull: Bool = false) -> [String]?? {
        guard let value = values[name] else { return nil }
        if orNull, value == .null { return .some(nil) }
        guard case .array(let elements) = value, elements.allSatisfy({ $0.stringValue != nil }) else {
            refuse(name, "must be a list of strings")
            return nil
        }
        var texts: [String] = []
        for text in elements.compactMap(\.stringValue) where !texts.contains(text) { texts.append(text) }
        return texts
    }

    /// Returns a name of 1 to 100 characters without the white space around it.
    mutating func name(_ field: String, isRequired: Bool) -> String? {
        guard values[field] != nil else {
            if isRequired { refuse(field, "is missing") }
            return nil
        }
        guard let text = string(field) else { return nil }
        let scalars = text.unicodeScalars
        guard scalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            refuse(field, "must not contain control characters")
            return nil
        }
        let name = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        guard (1...100).contains(name.unicodeScalars.count) else {
            refuse(field, "must have 1 to 100 characters")
            return nil
        }
        if TokenFormat.isContained(in: name) { refuse(field, "must not contain an API token") }
        return name
    }

    mutating func scopes() -> [Scope]? {
        guard let texts = strings("scopes") ?? nil else { return nil }
        if texts.isEmpty { refuse("scopes", "must name at least one scope") }
        if let unknown = texts.first(where: { Scope($0) == nil }) {
            refuse("scopes", "\"\(unknown.utf8.count > 24 ? "…" : unknown)\" is not a scope")
        }
        return texts.map(Scope.init(rawValue:))
    }

    /// Returns a spend limit; `.some(nil)` for `null`.
    mutating func spendLimit() -> SpendLimit?? {
        guard let value = values["spend_limit"] else { return nil }
        if value == .null { return .some(nil) }
        guard case .object(let fields) = value, fields.count == 2, let amount = fields["amount"]?.doubleValue,
            let period = fields["period"]?.stringValue
        else {
            refuse("spend_limit", "must be an object such as {\"amount\": 5, \"period\": \"month\"}, or null")
            return nil
        }
        guard let amount = Amount(amount), amount >= .zero else {
            refuse("spend_limit", "must have an amount from 0 to 4000000000")
            return nil
        }
        guard ["day", "month", "total"].contains(period) else {
            refuse("spend_limit", "must have the period day, month or total")
            return nil
        }
        return SpendLimit(amount: amount, period: SpendLimit.Period(rawValue: period))
    }

    mutating func projectIDs() -> [String]?? {
        let ids = strings("project_ids", orNull: true)
        if ids == .some([]) { refuse("project_ids", "must name at least one project, or be null for all") }
        return ids
    }

    /// Returns the ID and the digest of a secret that the client generated: both, or neither.
    mutating func clientSecret() -> (id: String, digest: String)? {
        if (values["id"] == nil) != (values["sha256"] == nil) {
            refuse(values["id"] == nil ? "id" : "sha256", "is missing: id and sha256 go together")
        }
        let idProblem = "must be 8 characters of 0-9 a-z without i, l, o, u"
        let digestProblem = "must be 64 lower-case hexadecimal digits"
        let (id, digest) = (string("id", idProblem), string("sha256", digestProblem))
        if let id, !TokenFormat.isID(id) { refuse("id", idProblem) }
        let digits = "0123456789abcdef".utf8
        if let digest, digest.utf8.count != 64 || !digest.utf8.allSatisfy(digits.contains) {
            refuse("sha256", digestProblem)
        }
        guard let id, let digest else { return nil }
        return (id, digest)
    }
}

// MARK: - Responses

extension TransportResponse {
    /// Returns a response with a JSON body.
    static func json(_ value: some Encodable, status: Int = 200) throws -> TransportResponse {
        TransportResponse(
            status: status, headers: [HeaderField("Content-Type", "application/json")],
            body: try APICoding.encode(value))
    }

    static let noContent = TransportResponse(status: 204, headers: [], body: [])

    init(_ error: FakeError, requestID: String) {
        let body = ErrorBody(code: error.code, message: error.message, requestID: requestID, details: error.details)
        self.init(
            status: error.status, headers: [HeaderField("Content-Type", "application/json")],
            body: (try? APICoding.encode(body)) ?? [])
    }
}
