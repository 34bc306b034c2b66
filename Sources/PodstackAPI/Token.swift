#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

// MARK: - Token

/// An API token as the service returns it: everything but its secret.
public struct Token: Codable, Sendable, Hashable, Identifiable {
    /// The ID: 8 lowercase Crockford base32 characters.
    public var id: String
    /// The name, 1 to 100 characters.
    public var name: String
    /// `podstack_` and the ID: the only part of a token that is ever displayed or logged.
    public var prefix: String
    /// The permissions: `resource:action`, `resource:*` or `*`.
    public var scopes: [Scope]
    /// The IDs of the projects that the token is limited to; nil for all projects of its user.
    public var projectIDs: [String]?
    /// The time of creation.
    public var createdAt: Date
    /// The time from which the token is rejected; nil if it never expires.
    public var expiresAt: Date?
    /// The time of the last request with the token; nil if there was none.
    public var lastUsedAt: Date?
    /// The number of the secret: 1 at first, and one more with the first use of each rotated secret.
    public var generation: Int
    /// The time by which the token should be rotated: 90 days after its secret was generated.
    public var rotateBy: Date?
    /// The state.
    public var status: Status?
    /// The time of revocation; nil if the token is not revoked.
    public var revokedAt: Date?
    /// The most that pods which the token starts may cost; nil for no limit.
    public var spendLimit: SpendLimit?

    /// Creates a token's description; the prefix follows from the ID.
    ///
    /// - Parameters:
    ///   - id: The ID.
    ///   - name: The name.
    ///   - scopes: The permissions.
    ///   - projectIDs: The IDs of the projects that the token is limited to; nil for all.
    ///   - createdAt: The time of creation.
    ///   - expiresAt: The time from which the token is rejected; nil if it never expires.
    ///   - lastUsedAt: The time of the last request with the token.
    ///   - generation: The number of the secret, from 1.
    ///   - rotateBy: The time by which the token should be rotated.
    ///   - status: The state.
    ///   - revokedAt: The time of revocation.
    ///   - spendLimit: The most that pods which the token starts may cost.
    public init(
        id: String, name: String, scopes: [Scope], projectIDs: [String]? = nil, createdAt: Date, expiresAt: Date? = nil,
        lastUsedAt: Date? = nil, generation: Int = 1, rotateBy: Date? = nil, status: Status? = .active,
        revokedAt: Date? = nil, spendLimit: SpendLimit? = nil
    ) {
        self.id = id
        self.name = name
        self.prefix = TokenFormat.prefix(id: id)
        self.scopes = scopes
        self.projectIDs = projectIDs
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
        self.generation = generation
        self.rotateBy = rotateBy
        self.status = status
        self.revokedAt = revokedAt
        self.spendLimit = spendLimit
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, name, prefix, scopes, generation, status
        case projectIDs = "project_ids"
        case createdAt = "created_at"
        case expiresAt = "expires_at"
        case lastUsedAt = "last_used_at"
        case rotateBy = "rotate_by"
        case revokedAt = "revoked_at"
        case spendLimit = "spend_limit"
    }

    /// Encodes the token.
    ///
    /// Missing values become `null`, except the spend limit, which the API sends only if there is one.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: `EncodingError` if the encoder cannot represent a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(prefix, forKey: .prefix)
        try container.encode(scopes, forKey: .scopes)
        try container.encode(projectIDs, forKey: .projectIDs)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(expiresAt, forKey: .expiresAt)
        try container.encode(lastUsedAt, forKey: .lastUsedAt)
        try container.encode(generation, forKey: .generation)
        try container.encode(rotateBy, forKey: .rotateBy)
        try container.encode(status, forKey: .status)
        try container.encode(revokedAt, forKey: .revokedAt)
        try container.encodeIfPresent(spendLimit, forKey: .spendLimit)
    }
}

extension Token: Listed {
    package static var listKey: String { "tokens" }
}

extension Token: PlainJSONReadable {
    static let plainKeys = PlainJSON.Keys(CodingKeys.self)

    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain) {
        var (id, name, prefix, status): (String?, String?, String?, String?)
        var (scopes, projectIDs): ([String]?, [String]?)
        var (createdAt, expiresAt, lastUsedAt, rotateBy, revokedAt): (Date?, Date?, Date?, Date?, Date?)
        var generation: Int?
        try json.readObject(Self.plainKeys) { (json, key) throws(PlainJSON.NotPlain) in
            switch key {
            case .id: id = try json.readString()
            case .name: name = try json.readString()
            case .prefix: prefix = try json.readString()
            case .scopes: scopes = try json.readStrings()
            case .projectIDs: projectIDs = json.skipNull() ? nil : try json.readStrings()
            case .createdAt: createdAt = try json.readOptionalDate()
            case .expiresAt: expiresAt = try json.readOptionalDate()
            case .lastUsedAt: lastUsedAt = try json.readOptionalDate()
            case .generation: generation = try json.readInteger()
            case .rotateBy: rotateBy = try json.readOptionalDate()
            case .status: status = try json.readOptionalString()
            case .revokedAt: revokedAt = try json.readOptionalDate()
            // The general decoder reads the few tokens that have a limit.
            case .spendLimit: throw PlainJSON.NotPlain()
            }
        }
        guard let id, let name, let prefix, let scopes, let createdAt, let generation else {
            throw PlainJSON.NotPlain()
        }
        (self.id, self.name, self.prefix, self.status) = (id, name, prefix, status.map(Status.init(rawValue:)))
        (self.scopes, self.projectIDs, self.generation) = (scopes.map(Scope.init(rawValue:)), projectIDs, generation)
        (self.createdAt, self.expiresAt, self.lastUsedAt) = (createdAt, expiresAt, lastUsedAt)
        (self.rotateBy, self.revokedAt) = (rotateBy, revokedAt)
    }
}

extension Token {
    /// The state of a token.
    public struct Status: APIName {
        /// The name as the API sends it.
        public let rawValue: String

        /// Creates a state, known or unknown.
        ///
        /// - Parameter rawValue: The name as the API sends it.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The token is accepted.
        public static let active = Status(rawValue: "active")
        /// The token has expired.
        public static let expired = Status(rawValue: "expired")
        /// The token was revoked.
        public static let revoked = Status(rawValue: "revoked")
    }
}

// MARK: - Expiry

/// The lifetime of a new token.
///
/// ```swift
/// try await client.tokens.create(name: "CI", expiresIn: .days(.seven))
/// ```
public enum TokenExpiry: Sendable, Hashable {
    /// The lifetimes in days that the service accepts.
    public enum Days: Int, Sendable, Hashable, CaseIterable {
        /// A week.
        case seven = 7
        /// A month.
        case thirty = 30
        /// Three months, after which the documentation recommends to rotate a token.
        case ninety = 90
        /// Half a year.
        case oneHundredEighty = 180
        /// A year.
        case threeHundredSixtyFive = 365
    }

    /// The lifetimes in days that the service accepts, as numbers.
    public static let choices = Days.allCases.map(\.rawValue)

    /// The service's default: 30 days, or less if the token that creates it expires sooner.
    case serviceDefault
    /// A lifetime in days.
    case days(Days)
    /// The time from which the token is rejected.
    ///
    /// A time that has passed is a ``ValidationError`` before the request is sent.
    case at(Date)
    /// No expiry.
    case never
}

// MARK: - Requests and their responses

/// The body of `POST /v1/tokens`.
///
/// Values that are nil are left out, so that the service's default applies.
package struct NewToken: Encodable, Sendable {
    package var name: String
    package var expiry: TokenExpiry
    package var scopes: [Scope]?
    package var projectIDs: [String]?
    /// The ID of a token that the caller generated; nil if the service generates it.
    package var id: String?
    /// The hexadecimal SHA-256 of the whole token that the caller generated.
    package var sha256: String?
    package var spendLimit: SpendLimit?

    package init(
        name: String, expiry: TokenExpiry = .serviceDefault, scopes: [Scope]? = nil, projectIDs: [String]? = nil,
        id: String? = nil, sha256: String? = nil, spendLimit: SpendLimit? = nil
    ) {
        self.name = name
        self.expiry = expiry
        self.scopes = scopes
        self.projectIDs = projectIDs
        self.id = id
        self.sha256 = sha256
        self.spendLimit = spendLimit
    }

    private enum CodingKeys: String, CodingKey {
        case name, scopes, id, sha256
        case expiresInDays = "expires_in_days"
        case expiresAt = "expires_at"
        case projectIDs = "project_ids"
        case spendLimit = "spend_limit"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        switch expiry {
        case .serviceDefault: break
        case .days(let days): try container.encode(days.rawValue, forKey: .expiresInDays)
        case .at(let date): try container.encode(date, forKey: .expiresAt)
        case .never: try container.encodeNil(forKey: .expiresAt)
        }
        try container.encodeIfPresent(scopes, forKey: .scopes)
        try container.encodeIfPresent(projectIDs, forKey: .projectIDs)
        try container.encodeIfPresent(id, forKey: .id)
        try container.encodeIfPresent(sha256, forKey: .sha256)
        try container.encodeIfPresent(spendLimit, forKey: .spendLimit)
    }
}

/// The response to `POST /v1/tokens` and to a rotation: the token's fields, and its secret if the service generated it.
package struct CreatedToken: Codable, Sendable {
    package var token: Token
    /// The whole token; nil if the caller generated it, or if the response is repeated.
    package var secret: String?
    /// The reason why a repeated response has no secret.
    package var notice: String?

    package init(token: Token, secret: String?, notice: String? = nil) {
        self.token = token
        self.secret = secret
        self.notice = notice
    }

    private enum CodingKeys: String, CodingKey {
        case secret = "token"
        case notice
    }

    package init(from decoder: any Decoder) throws {
        token = try Token(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        secret = try container.decodeIfPresent(String.self, forKey: .secret)
        notice = try container.decodeIfPresent(String.self, forKey: .notice)
    }

    package func encode(to encoder: any Encoder) throws {
        try token.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(secret, forKey: .secret)
        try container.encodeIfPresent(notice, forKey: .notice)
    }
}

/// The body of `PATCH /v1/tokens/{id}`.
///
/// Values that are nil do not change.
package struct TokenUpdate: Encodable, Sendable {
    package var name: String?
    package var scopes: [Scope]?
    package var projectIDs: [String]?
    package var spendLimit: LimitChange<SpendLimit>

    package init(
        name: String? = nil, scopes: [Scope]? = nil, projectIDs: [String]? = nil,
        spendLimit: LimitChange<SpendLimit> = .unchanged
    ) {
        self.name = name
        self.scopes = scopes
        self.projectIDs = projectIDs
        self.spendLimit = spendLimit
    }

    private enum CodingKeys: String, CodingKey {
        case name, scopes
        case projectIDs = "project_ids"
        case spendLimit = "spend_limit"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(name, forKey: .name)
        try container.encodeIfPresent(scopes, forKey: .scopes)
        try container.encodeIfPresent(projectIDs, forKey: .projectIDs)
        try spendLimit.encode(to: &container, forKey: .spendLimit)
    }
}

/// The body of `POST /v1/tokens/{id}/rotate`.
///
/// Values that are nil are left out, so that the service's default applies.
package struct TokenRotation: Encodable, Sendable {
    /// The grace period of the old secret in seconds, from the first use of the new one: 0 to 604,800 (default: 3,600).
    package var graceSeconds: Int?
    /// The token's ID, if the caller generated the new secret.
    package var id: String?
    /// The hexadecimal SHA-256 of the whole new token, if the caller generated its secret.
    package var sha256: String?

    package init(graceSeconds: Int? = nil, id: String? = nil, sha256: String? = nil) {
        self.graceSeconds = graceSeconds
        self.id = id
        self.sha256 = sha256
    }

    private enum CodingKeys: String, CodingKey {
        case id, sha256
        case graceSeconds = "grace_seconds"
    }
}

/// The body of `POST /v1/tokens/report`: leaked tokens to revoke.
package struct TokenReport: Encodable, Sendable {
    /// The largest number of tokens in one report.
    package static let largestCount = 1000

    /// The whole tokens; possession is the proof.
    package var tokens: [String]

    package init(tokens: [String]) { self.tokens = tokens }
}
