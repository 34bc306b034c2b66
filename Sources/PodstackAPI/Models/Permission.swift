/// The answer of `GET /v1/auth/can`: whether the token may do something, and what it lacks.
public struct Permission: Codable, Sendable, Hashable {
    /// One thing that stands in the way.
    public struct Missing: Codable, Sendable, Hashable {
        /// `insufficient_scope`, `project_forbidden` or `member_forbidden`.
        public var code: ErrorCode
        public var message: String

        public init(code: ErrorCode, message: String) {
            self.code = code
            self.message = message
        }
    }

    public var scope: String
    /// Nil when no project was named.
    public var projectID: String?
    public var allowed: Bool
    /// Empty when it is allowed.
    public var missing: [Missing]

    public init(scope: String, projectID: String?, missing: [Missing]) {
        self.scope = scope
        self.projectID = projectID
        self.allowed = missing.isEmpty
        self.missing = missing
    }

    private enum CodingKeys: String, CodingKey {
        case scope, allowed, missing
        case projectID = "project_id"
    }

    /// Writes the absent project as `null`: the contract's fields are always there.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(scope, forKey: .scope)
        try container.encode(projectID, forKey: .projectID)
        try container.encode(allowed, forKey: .allowed)
        try container.encode(missing, forKey: .missing)
    }
}
