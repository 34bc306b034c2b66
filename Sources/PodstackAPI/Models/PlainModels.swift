#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension User: PlainJSONReadable {
    /// As the service orders them.
    private enum Key: Int {
        case accountId, createdAt, defaultProjectId, email, id, name, token

        static let all = PlainJSON.Keys(
            "account_id", "created_at", "default_project_id", "email", "id", "name", "token")
    }

    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain) {
        var id: String?
        var email: String?
        self.init(id: "", email: "", name: nil, accountID: nil, createdAt: nil, token: nil, defaultProjectID: nil)
        var user = self
        try json.object(Key.all) { (json, key) throws(PlainJSON.NotPlain) in
            switch Key(rawValue: key) {
            case .id: id = try json.string()
            case .email: email = try json.string()
            case .name: user.name = try json.optionalString()
            case .accountId: user.accountID = try json.optionalString()
            case .createdAt: user.createdAt = try json.optionalDate()
            case .token: user.token = json.acceptNull() ? nil : try Token(&json)
            case .defaultProjectId: user.defaultProjectID = try json.optionalString()
            case nil: throw PlainJSON.NotPlain()
            }
        }
        guard let id, let email else { throw PlainJSON.NotPlain() }
        (user.id, user.email) = (id, email)
        self = user
    }
}

extension Token: PlainJSONReadable {
    /// As the service orders them.
    private enum Key: Int {
        case createdAt, expiresAt, generation, id, lastUsedAt, name, prefix, projectIds, revokedAt, rotateBy, scopes,
            status

        static let all = PlainJSON.Keys(
            "created_at", "expires_at", "generation", "id", "last_used_at", "name", "prefix", "project_ids",
            "revoked_at", "rotate_by", "scopes", "status")
    }

    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain) {
        var (id, name, prefix): (String?, String?, String?)
        var scopes: [String]?
        var createdAt: Date?
        var generation: Int?
        var token = Token(
            id: "", name: "", scopes: [], projectIDs: nil, createdAt: Date(timeIntervalSince1970: 0), expiresAt: nil,
            lastUsedAt: nil, generation: 0, rotateBy: nil, status: nil, revokedAt: nil)
        try json.object(Key.all) { (json, key) throws(PlainJSON.NotPlain) in
            switch Key(rawValue: key) {
            case .id: id = try json.string()
            case .name: name = try json.string()
            case .prefix: prefix = try json.string()
            case .scopes: scopes = try json.strings()
            case .projectIds: token.projectIDs = json.acceptNull() ? nil : try json.strings()
            case .createdAt: createdAt = try json.optionalDate()
            case .expiresAt: token.expiresAt = try json.optionalDate()
            case .lastUsedAt: token.lastUsedAt = try json.optionalDate()
            case .generation: generation = try json.integer()
            case .rotateBy: token.rotateBy = try json.optionalDate()
            case .status: token.status = try json.optionalString()
            case .revokedAt: token.revokedAt = try json.optionalDate()
            case nil: throw PlainJSON.NotPlain()
            }
        }
        guard let id, let name, let prefix, let scopes, let createdAt, let generation else {
            throw PlainJSON.NotPlain()
        }
        (token.id, token.name, token.prefix, token.scopes) = (id, name, prefix, scopes)
        (token.createdAt, token.generation) = (createdAt, generation)
        self = token
    }
}

extension PlainJSON {
    fileprivate mutating func optionalDate() throws(NotPlain) -> Date? {
        guard let text = try optionalString() else { return nil }
        guard let date = Timestamp.parse(text) else { throw NotPlain() }
        return date
    }
}
