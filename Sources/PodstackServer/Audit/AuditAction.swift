/// What the audit log has events of.
enum AuditAction: String, Sendable, CaseIterable {
    case create, update, delete
    case userCreated = "user_created"
    case userDisabled = "user_disabled"
    case userEnabled = "user_enabled"
    case tokenCreated = "token_created"
    case tokenUpdated = "token_updated"
    case tokenRotated = "token_rotated"
    case tokenRevoked = "token_revoked"
    case memberAdded = "member_added"
    case memberRemoved = "member_removed"
    case memberActivated = "member_activated"
    case memberDeactivated = "member_deactivated"
    case permissionsChanged = "permissions_changed"
    case login, logout
    case loginFailed = "login_failed"
    case passwordChosen = "password_chosen"
    case passwordChanged = "password_changed"
    case sessionRevoked = "session_revoked"
    case deviceApproved = "device_approved"
    case deviceDenied = "device_denied"
    /// An old secret was used after its grace: somebody forgot to replace it, or stole it.
    case rotatedTokenUsed = "rotated_token_used"
}

/// What an event is about.
struct AuditResource: Sendable {
    var type: String
    var id: String
    var name: String?
    /// Whose log the event is in.
    var accountID: String
    var projectID: String?

    init(type: String, id: String, name: String?, accountID: String, projectID: String? = nil) {
        self.type = type
        self.id = id
        self.name = name
        self.accountID = accountID
        self.projectID = projectID
    }

    init(_ project: ProjectRecord) {
        (type, id, name, accountID, projectID) = ("project", project.id, project.name, project.accountID, project.id)
    }

    init(_ member: MemberRecord, of project: ProjectRecord) {
        (type, id, name, accountID, projectID) = (
            "member", member.userID, member.email, project.accountID, project.id
        )
    }

    init(userID: String, email: String, accountID: String) {
        (type, id, name, self.accountID) = ("user", userID, email, accountID)
    }
}
