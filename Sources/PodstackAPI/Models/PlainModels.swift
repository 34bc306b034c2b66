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
        var (id, email, name, accountID, defaultProjectID): (String?, String?, String?, String?, String?)
        var createdAt: Date?
        var token: Token?
        try json.object(Key.all) { (json, key) throws(PlainJSON.NotPlain) in
            switch Key(rawValue: key) {
            case .id: id = try json.string()
            case .email: email = try json.string()
            case .name: name = try json.optionalString()
            case .accountId: accountID = try json.optionalString()
            case .createdAt: createdAt = try json.optionalDate()
            case .token: token = json.acceptNull() ? nil : try Token(&json)
            case .defaultProjectId: defaultProjectID = try json.optionalString()
            case nil: throw PlainJSON.NotPlain()
            }
        }
        guard let id, let email else { throw PlainJSON.NotPlain() }
        self.init(
            id: id, email: email, name: name, accountID: accountID, createdAt: createdAt, token: token,
            defaultProjectID: defaultProjectID)
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
        var (id, name, prefix, status): (String?, String?, String?, String?)
        var (scopes, projectIDs): ([String]?, [String]?)
        var (createdAt, expiresAt, lastUsedAt, rotateBy, revokedAt): (Date?, Date?, Date?, Date?, Date?)
        var generation: Int?
        try json.object(Key.all) { (json, key) throws(PlainJSON.NotPlain) in
            switch Key(rawValue: key) {
            case .id: id = try json.string()
            case .name: name = try json.string()
            case .prefix: prefix = try json.string()
            case .scopes: scopes = try json.strings()
            case .projectIds: projectIDs = json.acceptNull() ? nil : try json.strings()
            case .createdAt: createdAt = try json.optionalDate()
            case .expiresAt: expiresAt = try json.optionalDate()
            case .lastUsedAt: lastUsedAt = try json.optionalDate()
            case .generation: generation = try json.integer()
            case .rotateBy: rotateBy = try json.optionalDate()
            case .status: status = try json.optionalString()
            case .revokedAt: revokedAt = try json.optionalDate()
            case nil: throw PlainJSON.NotPlain()
            }
        }
        guard let id, let name, let prefix, let scopes, let createdAt, let generation else {
            throw PlainJSON.NotPlain()
        }
        (self.id, self.name, self.prefix, self.status) = (id, name, prefix, status)
        (self.scopes, self.projectIDs, self.generation) = (scopes, projectIDs, generation)
        (self.createdAt, self.expiresAt, self.lastUsedAt) = (createdAt, expiresAt, lastUsedAt)
        (self.rotateBy, self.revokedAt) = (rotateBy, revokedAt)
    }
}
