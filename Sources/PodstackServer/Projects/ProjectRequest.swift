import PodstackAPI

/// A checked body of `POST /v1/projects` or, where nothing is required, of `PATCH /v1/projects/{id}`.
struct ProjectRequest {
    var name: String?
    /// `.some(nil)` takes it away.
    var description: String??

    /// Throws one 422 that names every field that is wrong.
    init(_ fields: [String: JSONValue], isNew: Bool) throws {
        var reader = FieldReader(fields, of: "a project", known: ["name", "description"])
        if isNew { reader.require("name") }
        name = reader.take("name") { value throws(InvalidValue) in
            guard let text = value.stringValue else { throw InvalidValue("must be a string") }
            return try ResourceName.validate(text)
        }
        description = reader.take("description", Self.description)
        try reader.finish()
    }

    /// Nil when it is `null` or empty. Lines may be broken; nothing else in it could write to a terminal.
    private static func description(_ value: JSONValue) throws(FieldReader.Mistake) -> String? {
        guard value != .null else { return nil }
        guard let text = value.stringValue else { throw FieldReader.Mistake("must be a string, or null") }
        guard text.unicodeScalars.count <= 1000 else { throw FieldReader.Mistake("must have at most 1000 characters") }
        let isPlain = text.unicodeScalars.allSatisfy {
            $0 == "\n" || $0 == "\t" || $0.properties.generalCategory != .control
        }
        guard isPlain else { throw FieldReader.Mistake("must not hold control characters") }
        try ResourceName.rejectToken(text)
        return text.isEmpty ? nil : text
    }
}
