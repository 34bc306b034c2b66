/// The response to `GET /v1/auth/can`: whether a token may perform an action, and what it lacks.
public struct Permission: Codable, Sendable, Hashable {
    /// A reason why the action is not allowed.
    public struct Missing: Codable, Sendable, Hashable {
        /// The kind of reason: `insufficient_scope`, `project_forbidden` or `member_forbidden`.
        public var code: ErrorCode
        /// The reason as a sentence.
        public var message: String

        /// Creates a reason.
        ///
        /// - Parameters:
        ///   - code: The kind of reason.
        ///   - message: The reason as a sentence.
        public init(code: ErrorCode, message: String) {
            self.code = code
            self.message = message
        }
    }

    /// The scope that the request asked about, such as `projects:create`.
    public var scope: Scope
    /// The ID of the project that the request asked about; nil if it named none.
    public var projectID: String?
    /// Whether the action is allowed.
    public var allowed: Bool
    /// The reasons why the action is not allowed; empty if it is.
    public var missing: [Missing]

    /// Creates a permission, which is allowed if nothing is missing.
    ///
    /// - Parameters:
    ///   - scope: The scope, such as `projects:create`.
    ///   - projectID: The project's ID, or nil.
    ///   - missing: The reasons why the action is not allowed.
    public init(scope: Scope, projectID: String? = nil, missing: [Missing] = []) {
        self.scope = scope
        self.projectID = projectID
        self.allowed = missing.isEmpty
        self.missing = missing
    }

    private enum CodingKeys: String, CodingKey {
        case scope, allowed, missing
        case projectID = "project_id"
    }

    /// Encodes the permission.
    ///
    /// A missing project becomes `null`, because the API always sends all fields.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: `EncodingError` if the encoder cannot represent a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(scope, forKey: .scope)
        try container.encode(projectID, forKey: .projectID)
        try container.encode(allowed, forKey: .allowed)
        try container.encode(missing, forKey: .missing)
    }
}
