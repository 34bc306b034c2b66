import PodstackAPI

/// A checked body of `PATCH /v1/tokens/{id}`: what is nil stays as it is.
struct TokenUpdateRequest {
    var name: String?
    var scopes: [Scope]?
    /// `.some(nil)` is every project.
    var projectIDs: [String]??

    /// Throws one 422 that names every field that is wrong.
    init(_ fields: [String: JSONValue]) throws {
        var reader = FieldReader(fields, of: "a token that can change", known: ["name", "scopes", "project_ids"])
        name = reader.take("name", TokenFields.name)
        scopes = reader.take("scopes", TokenFields.scopes)
        projectIDs = reader.take("project_ids", TokenFields.projectIDs)
        try reader.finish()
    }
}
