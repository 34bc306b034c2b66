import PodstackAPI

/// A checked body of `POST …/members`, or of `PATCH …/members/{user_id}`, where nothing is required.
struct MemberRequest {
    enum RoleName: String { case admin, user }

    var email = ""
    var role: RoleName?
    var permissions: Set<String>?
    var isActive: Bool?

    /// Throws one 422 that names every field that is wrong.
    init(_ fields: [String: JSONValue], isNew: Bool) throws {
        var reader = FieldReader(
            fields, of: isNew ? "a new member" : "a member",
            known: isNew ? ["email", "role", "permissions"] : ["role", "permissions", "status"])
        if isNew {
            reader.require("email")
            reader.require("role")
        }
        email = reader.take("email", Self.email) ?? ""
        role = reader.take("role") { value throws(FieldReader.Mistake) in
            guard let role = value.stringValue.flatMap(RoleName.init) else {
                throw FieldReader.Mistake("must be admin or user")
            }
            return role
        }
        permissions = reader.take("permissions", Self.permissions)
        isActive = reader.take("status") { value throws(FieldReader.Mistake) in
            guard let status = value.stringValue, ["active", "deactivated"].contains(status) else {
                throw FieldReader.Mistake("must be active or deactivated")
            }
            return status == "active"
        }
        if role == .admin, reader.has("permissions") {
            reader.refuse("permissions", "cannot go with the role admin, which has all")
        }
        if role == .user, !reader.has("permissions") {
            reader.refuse("permissions", "is missing: the role user has those that it names")
        }
        try reader.finish()
    }

    /// The role that a member is left with.
    func role(after current: Role?) throws -> Role {
        switch (role, permissions) {
        case (.admin, _): return .admin
        case (_, let permissions?):
            guard role == .user || current != .admin else {
                throw DomainError.invalid("permissions", "an admin has all permissions: give the role user with them")
            }
            return .user(permissions)
        default: return current ?? .user([])
        }
    }

    private static func email(_ value: JSONValue) throws(FieldReader.Mistake) -> String {
        guard let text = value.stringValue, EmailAddress.isValid(text) else {
            throw FieldReader.Mistake("must be an e-mail address")
        }
        return text
    }

    private static func permissions(_ value: JSONValue) throws(FieldReader.Mistake) -> Set<String> {
        guard case .array(let values) = value else { throw FieldReader.Mistake("must be a list of strings") }
        let texts = values.compactMap(\.stringValue)
        guard texts.count == values.count, texts.allSatisfy(Scope.actions.contains), !texts.isEmpty else {
            throw FieldReader.Mistake("must name at least one of create, read, update, delete, and nothing else")
        }
        return Set(texts)
    }
}
