#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One thing that somebody did, as the audit log tells it.
public struct AuditEvent: Codable, Sendable, Hashable, Identifiable {
    /// Opaque, `evt_…`.
    public var id: String
    public var createdAt: Date
    /// Such as `create`, `token_created` or `member_removed`.
    public var action: String
    /// What it was done to: `project`, `token`, `member`, `user`.
    public var resourceType: String
    public var resourceID: String?
    public var resourceName: String?
    public var projectID: String?
    /// Who did it; nil for the operator of the service.
    public var userID: String?
    public var userEmail: String?
    /// The token that it was done with.
    public var tokenID: String?
    public var ipAddress: String?
    public var userAgent: String?
    /// For changes `old` and `new` values; never a secret.
    public var details: [String: JSONValue]

    public init(
        id: String, createdAt: Date, action: String, resourceType: String, resourceID: String?, resourceName: String?,
        projectID: String?, userID: String?, userEmail: String?, tokenID: String?, ipAddress: String?,
        userAgent: String?, details: [String: JSONValue]
    ) {
        self.id = id
        self.createdAt = createdAt
        self.action = action
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.resourceName = resourceName
        self.projectID = projectID
        self.userID = userID
        self.userEmail = userEmail
        self.tokenID = tokenID
        self.ipAddress = ipAddress
        self.userAgent = userAgent
        self.details = details
    }

    private enum CodingKeys: String, CodingKey {
        case id, action, details
        case createdAt = "created_at"
        case resourceType = "resource_type"
        case resourceID = "resource_id"
        case resourceName = "resource_name"
        case projectID = "project_id"
        case userID = "user_id"
        case userEmail = "user_email"
        case tokenID = "token_id"
        case ipAddress = "ip_address"
        case userAgent = "user_agent"
    }

    /// Writes the absent values as `null`: the contract's fields are always there.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(action, forKey: .action)
        try container.encode(resourceType, forKey: .resourceType)
        try container.encode(resourceID, forKey: .resourceID)
        try container.encode(resourceName, forKey: .resourceName)
        try container.encode(projectID, forKey: .projectID)
        try container.encode(userID, forKey: .userID)
        try container.encode(userEmail, forKey: .userEmail)
        try container.encode(tokenID, forKey: .tokenID)
        try container.encode(ipAddress, forKey: .ipAddress)
        try container.encode(userAgent, forKey: .userAgent)
        try container.encode(details, forKey: .details)
    }
}

extension AuditEvent: Listed {
    public static var listKey: String { "audit_logs" }
}
