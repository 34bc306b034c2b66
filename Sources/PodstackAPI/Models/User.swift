#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Who a token speaks for: the answer of `GET /v1/auth/whoami`.
public struct User: Codable, Sendable, Hashable, Identifiable {
    /// Opaque, `usr_…`.
    public var id: String
    public var email: String
    public var name: String?
    /// Opaque, `acc_…`.
    public var accountID: String?
    public var createdAt: Date?
    /// The token that the request was made with.
    public var token: Token?
    /// The project that operations use when none is named.
    public var defaultProjectID: String?

    public init(
        id: String, email: String, name: String?, accountID: String?, createdAt: Date?, token: Token?,
        defaultProjectID: String?
    ) {
        self.id = id
        self.email = email
        self.name = name
        self.accountID = accountID
        self.createdAt = createdAt
        self.token = token
        self.defaultProjectID = defaultProjectID
    }

    private enum CodingKeys: String, CodingKey {
        case id, email, name, token
        case accountID = "account_id"
        case createdAt = "created_at"
        case defaultProjectID = "default_project_id"
    }
}
