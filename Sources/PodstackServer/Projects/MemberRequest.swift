import PodstackAPI

/// A valid request to add a member to a project, or to change one.
struct MemberRequest: Sendable, Equatable {
    enum RoleName: String, Sendable { case admin, user }

    /// The email address of the new member; empty in a request to change one.
    private(set) var email = ""
    /// Nil to leave the role as it is.
    private(set) var role: RoleName?
    /// Nil to leave the permissions as they are.
    private(set) var permissions: Set<String>?
    /// Nil to leave the status as it is.
    private(set) var isActive: Bool?

    /// The values of a request before they are validated; nil for a value that is missing.
    struct Values: Sendable {
        var email: String?
        var role: String?
        var permissions: [String]?
        var status: String?
    }

    /// Validates a request to add a member.
    ///
    /// - Parameters:
    ///   - values: The values of the request.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(adding values: Values, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        for (field, isMissing) in [("email", values.email == nil), ("role", values.role == nil)] where isMissing {
            problems.addMissing(field)
        }
        if let email = values.email {
            if !EmailAddress.isValid(email) { problems.add("must be an email address", to: "email") }
            self.email = email
        }
        readRole(values, &problems)
        try problems.throwIfAny()
    }

    /// Validates a request to change a member, in which no value is required.
    ///
    /// - Parameters:
    ///   - values: The values of the request. Their email address is ignored.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(changing values: Values, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        readRole(values, &problems)
        if let status = values.status {
            if !["active", "deactivated"].contains(status) {
                problems.add("must be active or deactivated", to: "status")
            }
            isActive = status == "active"
        }
        try problems.throwIfAny()
    }

    private mutating func readRole(_ values: Values, _ problems: inout FieldErrors) {
        if let name = values.role {
            role = RoleName(rawValue: name)
            if role == nil { problems.add("must be admin or user", to: "role") }
        }
        if let names = values.permissions {
            permissions = Set(names)
            if names.isEmpty || !names.allSatisfy(Scope.actions.contains) {
                problems.add(
                    "must name at least one of create, read, update, delete, and nothing else", to: "permissions")
            }
            if role == .admin {
                problems.add("cannot be combined with the role admin, which has all permissions", to: "permissions")
            }
        } else if role == .user {
            problems.addMissing("permissions", "is missing: the role user has the permissions that it names")
        }
    }

    /// Returns the role of a member after the request.
    ///
    /// The current role is nil for a new member.
    ///
    /// - Throws: ``DomainError/invalid(_:)`` if the request sets the permissions of an admin.
    func role(after current: Role?) throws -> Role {
        switch (role, permissions) {
        case (.admin, _): return .admin
        case (_, let permissions?):
            guard role == .user || current != .admin else {
                throw DomainError.invalid(
                    "permissions", "cannot be set for an admin, who has all: set the role user with them")
            }
            return .user(permissions)
        default: return current ?? .user([])
        }
    }
}
