import PodstackAPI
import PodstackCryptography

/// What the fields of a token may hold.
enum TokenFields {

    static func name(_ value: JSONValue) throws(InvalidValue) -> String {
        guard let text = value.stringValue else { throw InvalidValue("must be a string") }
        return try ResourceName.validate(text)
    }

    static func scopes(_ value: JSONValue) throws(InvalidValue) -> [Scope] {
        let texts = try texts(value)
        guard !texts.isEmpty else { throw InvalidValue("must name at least one scope") }
        return try unique(texts).map { text throws(InvalidValue) in
            // What is too long for a scope may be a token, and is not repeated.
            let shown = text.utf8.count > 24 ? "…" : text
            guard let scope = Scope(text) else { throw InvalidValue("\"\(shown)\" is not a scope") }
            return scope
        }
    }

    /// Nil for every project.
    static func projectIDs(_ value: JSONValue) throws(InvalidValue) -> [String]? {
        guard value != .null else { return nil }
        let ids = try texts(value)
        guard !ids.isEmpty else { throw InvalidValue("must name at least one project, or be null for all") }
        return unique(ids)
    }

    static func id(_ value: JSONValue) throws(InvalidValue) -> String {
        guard let text = value.stringValue, TokenFormat.isID(text) else {
            throw InvalidValue("must be 8 characters of 0-9 a-z without i, l, o, u")
        }
        return text
    }

    static func sha256(_ value: JSONValue) throws(InvalidValue) -> [UInt8] {
        guard let text = value.stringValue, text == text.lowercased(), let bytes = [UInt8](hexadecimal: text),
            bytes.count == 32
        else { throw InvalidValue("must be 64 lower-case hexadecimal digits") }
        return bytes
    }

    /// In the order given, each once.
    private static func unique(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }

    private static func texts(_ value: JSONValue) throws(InvalidValue) -> [String] {
        guard case .array(let values) = value else { throw InvalidValue("must be a list of strings") }
        let texts = values.compactMap(\.stringValue)
        guard texts.count == values.count, texts.count <= 100 else {
            throw InvalidValue("must be a list of at most 100 strings")
        }
        return texts
    }
}

extension FieldReader {
    /// The id and the digest of a secret that the caller made: both, or neither.
    mutating func takeMadeByCaller() -> (id: String?, sha256: [UInt8]?) {
        let made = (take("id", TokenFields.id), take("sha256", TokenFields.sha256))
        if has("id") != has("sha256") {
            refuse(has("id") ? "sha256" : "id", "is missing: id and sha256 go together")
        }
        return made
    }
}
