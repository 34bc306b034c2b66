/// The audit log in plain words.
enum AuditWords {
    static let resources = [
        ("token", "Token"), ("project", "Project"), ("member", "Member"), ("user", "User"), ("device", "Device"),
    ]

    /// Such as `Project created`.
    static func said(_ action: String, of resource: String) -> String {
        switch AuditAction(rawValue: action) {
        case .create: "\(name(of: resource)) created"
        case .update: "\(name(of: resource)) changed"
        case .delete: "\(name(of: resource)) deleted"
        case let known?: said(known)
        case nil: action
        }
    }

    static func said(_ action: AuditAction) -> String {
        switch action {
        case .create: "Created"
        case .update: "Changed"
        case .delete: "Deleted"
        case .userCreated: "User created"
        case .userDisabled: "User disabled"
        case .userEnabled: "User enabled"
        case .tokenCreated: "Token created"
        case .tokenUpdated: "Token changed"
        case .tokenRotated: "Token rotated"
        case .tokenRevoked: "Token revoked"
        case .memberAdded: "Member added"
        case .memberRemoved: "Member removed"
        case .memberActivated: "Member activated"
        case .memberDeactivated: "Member deactivated"
        case .permissionsChanged: "Permissions changed"
        case .login: "Signed in"
        case .logout: "Signed out"
        case .loginFailed: "Sign-in failed"
        case .passwordChanged: "Password changed"
        case .sessionRevoked: "Browser signed out"
        case .deviceApproved: "Device approved"
        case .deviceDenied: "Device denied"
        case .rotatedTokenUsed: "Replaced secret used"
        }
    }

    /// How much an action asks to be looked at.
    static func badge(_ action: String) -> String {
        switch AuditAction(rawValue: action) {
        case .loginFailed, .rotatedTokenUsed: "badge bad"
        case .delete, .userDisabled, .tokenRevoked, .memberRemoved, .memberDeactivated, .deviceDenied: "badge warn"
        case .create, .userCreated, .userEnabled, .tokenCreated, .memberAdded, .memberActivated, .deviceApproved:
            "badge good"
        default: "badge"
        }
    }

    /// Such as `Expires at`, of `expires_at`.
    static func label(_ key: String) -> String {
        let words = key.replacing("_", with: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    private static func name(of resource: String) -> String {
        resources.first { $0.0 == resource }?.1 ?? resource
    }
}
