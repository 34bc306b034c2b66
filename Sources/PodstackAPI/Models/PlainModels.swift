#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// A key that is not known here is not plain: what it means, if anything, the general decoder knows.

extension User: PlainJSONReadable {
    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain) {
        var id: String?
        var email: String?
        self.init(id: "", email: "", name: nil, accountID: nil, createdAt: nil, token: nil, defaultProjectID: nil)
        var user = self
        try json.object { (json, key) throws(PlainJSON.NotPlain) in
            switch key {
            case "id": id = try json.string()
            case "email": email = try json.string()
            case "name": user.name = try json.optionalString()
            case "account_id": user.accountID = try json.optionalString()
            case "created_at": user.createdAt = try json.optionalDate()
            case "token": user.token = json.acceptNull() ? nil : try Token(&json)
            case "default_project_id": user.defaultProjectID = try json.optionalString()
            default: throw PlainJSON.NotPlain()
            }
        }
        guard let id, let email else { throw PlainJSON.NotPlain() }
        (user.id, user.email) = (id, email)
        self = user
    }
}

extension Token: PlainJSONReadable {
    init(_ json: inout PlainJSON) throws(PlainJSON.NotPlain) {
        var (id, name, prefix): (String?, String?, String?)
        var scopes: [String]?
        var createdAt: Date?
        var generation: Int?
        var token = Token(
            id: "", name: "", scopes: [], projectIDs: nil, createdAt: Date(timeIntervalSince1970: 0), expiresAt: nil,
            lastUsedAt: nil, generation: 0, rotateBy: nil, status: nil, revokedAt: nil)
        try json.object { (json, key) throws(PlainJSON.NotPlain) in
            switch key {
            case "id": id = try json.string()
            case "name": name = try json.string()
            case "prefix": prefix = try json.string()
            case "scopes": scopes = try json.strings()
            case "project_ids": token.projectIDs = json.acceptNull() ? nil : try json.strings()
            case "created_at": createdAt = try json.optionalDate()
            case "expires_at": token.expiresAt = try json.optionalDate()
            case "last_used_at": token.lastUsedAt = try json.optionalDate()
            case "generation": generation = try json.integer()
            case "rotate_by": token.rotateBy = try json.optionalDate()
            case "status": token.status = try json.optionalString()
            case "revoked_at": token.revokedAt = try json.optionalDate()
            default: throw PlainJSON.NotPlain()
            }
        }
        guard let id, let name, let prefix, let scopes, let createdAt, let generation else { throw PlainJSON.NotPlain() }
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
