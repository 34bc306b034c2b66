#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The user that a token belongs to: the response to `GET /v1/auth/whoami`.
public struct User: Codable, Sendable, Hashable, Identifiable {
    /// The ID: `usr_` and 20 base62 characters.
    public var id: String
    /// The email address.
    public var email: String
    /// The name; nil if the user set none.
    public var name: String?
    /// The ID of the user's account: `acc_` and 20 base62 characters.
    public var accountID: String?
    /// The time at which the user was created.
    public var createdAt: Date?
    /// The token that the request was sent with.
    public var token: Token?
    /// The ID of the project that requests without a project use.
    public var defaultProjectID: String?

    /// Creates a user.
    ///
    /// - Parameters:
    ///   - id: The ID.
    ///   - email: The email address.
    ///   - name: The name.
    ///   - accountID: The ID of the user's account.
    ///   - createdAt: The time at which the user was created.
    ///   - token: The token that the request was sent with.
    ///   - defaultProjectID: The ID of the project that requests without a project use.
    public init(
        id: String, email: String, name: String? = nil, accountID: String? = nil, createdAt: Date? = nil,
        token: Token? = nil, defaultProjectID: String? = nil
    ) {
        self.id = id
        self.email = email
        self.name = name
        self.accountID = accountID
        self.createdAt = createdAt
        self.token = token
        self.defaultProjectID = defaultProjectID
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, email, name, token
        case accountID = "account_id"
        case createdAt = "created_at"
        case defaultProjectID = "default_project_id"
    }
}

extension User: PlainJSONReadable {
    static let plainKeys = PlainJSON.Keys(CodingKeys.self)

    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain) {
        var (id, email, name, accountID, defaultProjectID): (String?, String?, String?, String?, String?)
        var createdAt: Date?
        var token: Token?
        try json.readObject(Self.plainKeys) { (json, key) throws(PlainJSON.NotPlain) in
            switch key {
            case .id: id = try json.readString()
            case .email: email = try json.readString()
            case .name: name = try json.readOptionalString()
            case .accountID: accountID = try json.readOptionalString()
            case .createdAt: createdAt = try json.readOptionalDate()
            case .token: token = json.skipNull() ? nil : try Token(&json)
            case .defaultProjectID: defaultProjectID = try json.readOptionalString()
            }
        }
        guard let id, let email else { throw PlainJSON.NotPlain() }
        self.init(
            id: id, email: email, name: name, accountID: accountID, createdAt: createdAt, token: token,
            defaultProjectID: defaultProjectID)
    }
}
