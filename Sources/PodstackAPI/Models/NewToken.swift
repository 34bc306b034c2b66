#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The body of `POST /v1/tokens`. What is nil is left out, so that the service's default counts.
public struct NewToken: Encodable, Sendable {
    public var name: String
    public var expiry: TokenExpiry
    public var scopes: [String]?
    public var projectIDs: [String]?
    /// Of a token that the caller made: its id and the hexadecimal SHA-256 of the whole of it.
    public var id: String?
    public var sha256: String?

    public init(
        name: String, expiry: TokenExpiry = .serviceDefault, scopes: [String]? = nil, projectIDs: [String]? = nil,
        id: String? = nil, sha256: String? = nil
    ) {
        self.name = name
        self.expiry = expiry
        self.scopes = scopes
        self.projectIDs = projectIDs
        self.id = id
        self.sha256 = sha256
    }

    private enum CodingKeys: String, CodingKey {
        case name, scopes, id, sha256
        case expiresInDays = "expires_in_days"
        case expiresAt = "expires_at"
        case projectIDs = "project_ids"
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        switch expiry {
        case .serviceDefault: break
        case .days(let days): try container.encode(days, forKey: .expiresInDays)
        case .at(let date): try container.encode(date, forKey: .expiresAt)
        case .never: try container.encodeNil(forKey: .expiresAt)
        }
        try container.encodeIfPresent(scopes, forKey: .scopes)
        try container.encodeIfPresent(projectIDs, forKey: .projectIDs)
        try container.encodeIfPresent(id, forKey: .id)
        try container.encodeIfPresent(sha256, forKey: .sha256)
    }
}

/// How long a new token lives.
public enum TokenExpiry: Sendable, Hashable {
    /// The choices in days that the product offers.
    public static let choices = [7, 30, 90, 180, 365]

    /// 30 days, or as long as the token that makes it.
    case serviceDefault
    /// One of ``choices``.
    case days(Int)
    case at(Date)
    case never
}
