/// The body of `PATCH /v1/tokens/{id}`. What is nil stays as it is; scopes and projects may only shrink.
public struct TokenUpdate: Encodable, Sendable {
    public var name: String?
    public var scopes: [String]?
    public var projectIDs: [String]?

    public init(name: String? = nil, scopes: [String]? = nil, projectIDs: [String]? = nil) {
        self.name = name
        self.scopes = scopes
        self.projectIDs = projectIDs
    }

    private enum CodingKeys: String, CodingKey {
        case name, scopes
        case projectIDs = "project_ids"
    }
}
