import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An event of the audit log as the service stores it, without its hashes.
///
/// Times are seconds since 1970.
struct AuditRecord: Sendable, Equatable {
    var accountID: String
    /// The position in the account's log, from 1.
    var number: Int64
    var id: String
    var createdAt: Int64
    var action: String
    var resourceType: String
    var resourceID: String?
    var resourceName: String?
    var projectID: String?
    var userID: String?
    var userEmail: String?
    var tokenID: String?
    var address: String?
    var userAgent: String?
    /// The exact JSON text that was hashed.
    var details: String

    /// The approximate number of bytes of the event.
    var size: Int {
        details.utf8.count
            + [action, resourceType, resourceID, resourceName, projectID, userEmail, address, userAgent]
            .reduce(200) { $0 + ($1?.utf8.count ?? 0) }
    }

    var apiModel: AuditEvent {
        let details = try? APICoding.decode([String: JSONValue].self, from: Array(details.utf8))
        return AuditEvent(
            id: id, createdAt: Date(createdAt), action: action, resourceType: resourceType, resourceID: resourceID,
            resourceName: resourceName, projectID: projectID, userID: userID, userEmail: userEmail, tokenID: tokenID,
            ipAddress: address, userAgent: userAgent, details: details ?? [:])
    }

}

/// The actions that the audit log records.
enum AuditAction: String, Sendable, CaseIterable {
    case create, update, delete
    case userCreated = "user_created"
    case userDisabled = "user_disabled"
    case userEnabled = "user_enabled"
    case userRemoved = "user_removed"
    case operatorAdded = "operator_added"
    case operatorRemoved = "operator_removed"
    /// An operator created a sign-in link for a user without a password.
    case signInLinkCreated = "sign_in_link_created"
    case tokenCreated = "token_created"
    case tokenUpdated = "token_updated"
    case tokenRotated = "token_rotated"
    case tokenRevoked = "token_revoked"
    /// A user was added without an invitation: recorded by earlier versions.
    case memberAdded = "member_added"
    case memberInvited = "member_invited"
    case invitationAccepted = "invitation_accepted"
    case invitationDeclined = "invitation_declined"
    /// A member left the project.
    case memberLeft = "member_left"
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
    /// A rotated secret was used after its grace period: a program was not updated, or the secret was stolen.
    case rotatedTokenUsed = "rotated_token_used"
    case start, stop, restart
    /// A pod was stopped or deleted because it reached a limit.
    case limitReached = "limit_reached"
    /// A budget has reached 50, 80 or 100 percent of its amount.
    case budgetReached = "budget_reached"
    /// The engine had a pod that the service does not know, and removed it.
    case podOrphaned = "pod_orphaned"
    case walletCredited = "wallet_credited"
}

/// The resource that an event is about.
///
/// Each record type creates its own, in the file of the record.
struct AuditResource: Sendable {
    var type: String
    var id: String
    var name: String?
    /// The account whose log contains the event.
    var accountID: String
    var projectID: String?
}

extension [String: JSONValue] {
    /// Returns the details of an update: the values that differ, as they were and as they are.
    static func changed(from old: [String: JSONValue], to new: [String: JSONValue]) -> [String: JSONValue] {
        let names = Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }
        func changedValues(_ values: [String: JSONValue]) -> JSONValue {
            .object(Dictionary(uniqueKeysWithValues: names.map { ($0, values[$0] ?? .null) }))
        }
        return ["old": changedValues(old), "new": changedValues(new)]
    }
}
