import PodstackAPI
import PodstackCryptography

/// A checked body of `POST /v1/tokens`.
struct TokenRequest {
    enum Expiry: Equatable {
        case standard, never
        case at(Int64)
    }

    var name = ""
    var expiry = Expiry.standard
    /// The field that set the expiry, for what is said about it.
    var expiryField = "expires_at"
    var scopes: [Scope]?
    var projectIDs: [String]?
    var id: String?
    var sha256: [UInt8]?

    init(name: String, expiry: Expiry, scopes: [Scope]?, projectIDs: [String]?) {
        self.name = name
        self.expiry = expiry
        self.scopes = scopes
        self.projectIDs = projectIDs
    }

    /// Throws one 422 that names every field that is wrong.
    init(_ fields: [String: JSONValue], now: Int64) throws {
        var errors: [String: [String]] = [:]
        let known = ["name", "expires_in_days", "expires_at", "scopes", "project_ids", "id", "sha256"]
        for field in fields.keys where !known.contains(field) { errors[field] = ["is not a field of a token"] }
        func check(_ field: String, _ body: (JSONValue) throws(Mistake) -> Void) {
            guard let value = fields[field] else { return }
            do { try body(value) } catch { errors[field, default: []].append(error.message) }
        }
        if fields["name"] == nil { errors["name"] = ["is missing"] }
        check("name") { value throws(Mistake) in name = try Self.name(value) }
        check("expires_in_days") { value throws(Mistake) in
            guard let days = value.integerValue, TokenExpiry.choices.contains(days) else {
                throw Mistake("must be one of 7, 30, 90, 180, 365")
            }
            expiry = .at(now + Int64(days) * 86_400)
            expiryField = "expires_in_days"
        }
        check("expires_at") { value throws(Mistake) in
            guard fields["expires_in_days"] == nil else { throw Mistake("cannot go with expires_in_days") }
            expiry = try Self.expiry(value, now: now)
        }
        check("scopes") { value throws(Mistake) in
            let texts = try Self.texts(value)
            guard !texts.isEmpty else { throw Mistake("must name at least one scope") }
            scopes = try texts.map { text throws(Mistake) in
                guard let scope = Scope(text) else { throw Mistake("\"\(text.prefix(64))\" is not a scope") }
                return scope
            }
        }
        check("project_ids") { value throws(Mistake) in
            guard value != .null else { return }
            let ids = try Self.texts(value)
            guard !ids.isEmpty else { throw Mistake("must name at least one project, or be null for all") }
            projectIDs = ids
        }
        check("id") { value throws(Mistake) in
            guard let text = value.stringValue, TokenFormat.isID(text) else {
                throw Mistake("must be 8 characters of 0-9 a-z without i, l, o, u")
            }
            id = text
        }
        check("sha256") { value throws(Mistake) in
            guard let text = value.stringValue, text == text.lowercased(), let bytes = [UInt8](hexadecimal: text),
                bytes.count == 32
            else { throw Mistake("must be 64 lower-case hexadecimal digits") }
            sha256 = bytes
        }
        if (fields["id"] == nil) != (fields["sha256"] == nil) {
            errors[fields["id"] == nil ? "id" : "sha256"] = ["is missing: id and sha256 go together"]
        }
        guard errors.isEmpty else { throw APIError.validation(errors) }
    }

    struct Mistake: Error {
        var message: String
        init(_ message: String) { self.message = message }
    }

    /// 1 to 100 characters, white space around them gone, none that could write to a terminal or a log.
    static func name(_ value: JSONValue) throws(Mistake) -> String {
        guard let text = value.stringValue else { throw Mistake("must be a string") }
        let scalars = text.unicodeScalars
        guard scalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw Mistake("must not hold control characters")
        }
        let trimmed = String(
            scalars.drop { $0.properties.isWhitespace }.reversed().drop { $0.properties.isWhitespace }
                .reversed().reduce(into: String.UnicodeScalarView()) { $0.append($1) })
        guard (1...100).contains(trimmed.count) else { throw Mistake("must have 1 to 100 characters") }
        return trimmed
    }

    private static func expiry(_ value: JSONValue, now: Int64) throws(Mistake) -> Expiry {
        if value == .null { return .never }
        guard let date = value.stringValue.flatMap(Timestamp.parse) else {
            throw Mistake("must be a time such as 2027-01-31T12:00:00Z, or null for never")
        }
        let seconds = date.timeIntervalSince1970
        // Beyond the year 9999 a time has no ISO 8601 form of the usual length.
        guard seconds > Double(now), seconds < 253_402_300_800 else {
            throw Mistake("must be in the future and before the year 10000")
        }
        return .at(Int64(seconds))
    }

    private static func texts(_ value: JSONValue) throws(Mistake) -> [String] {
        guard case .array(let values) = value else { throw Mistake("must be a list of strings") }
        let texts = values.compactMap(\.stringValue)
        guard texts.count == values.count, texts.count <= 100 else {
            throw Mistake("must be a list of at most 100 strings")
        }
        return texts
    }
}
