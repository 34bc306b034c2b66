import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An invitation of a user to a project, until the user accepts or declines it.
///
/// It gives no access. It counts only while its inviter is an active admin of the project. Times are seconds since 1970.
struct InvitationRecord: Sendable, Equatable {
    /// Seconds after which an invitation expires.
    static let lifetimeSeconds: Int64 = 24 * 3600

    var projectID: String
    var userID: String
    var role: Role
    /// The user who invited.
    var inviterID: String
    var createdAt: Int64
    var expiresAt: Int64

    /// The membership as the project's list of members contains it.
    var membership: Membership {
        Membership(projectID: projectID, role: role, addedAt: createdAt, invitedUntil: expiresAt)
    }
}

/// An invitation as the invited user sees it.
struct ReceivedInvitation: Sendable, Equatable {
    var invitation: InvitationRecord
    var projectName: String
    var inviterEmail: String

    var apiModel: Invitation {
        Invitation(
            projectID: invitation.projectID, projectName: projectName,
            role: Member.Role(rawValue: invitation.role.name),
            permissions: invitation.role.permissions.map(Member.Permission.init(rawValue:)), invitedBy: inviterEmail,
            createdAt: Date(invitation.createdAt), expiresAt: Date(invitation.expiresAt))
    }
}

/// Invitations in the database, apart from the members: no statement that reads members can mistake one for a member.
enum InvitationStore {
    private static let columns: SQL = """
        v.project_id, v.user_id, v.role, v.can_create, v.can_read, v.can_update, v.can_delete, v.invited_by, \
        v.created_at, v.expires_at
        """

    /// Returns the invitations that count at a time, as the table `v`, with their inviter as `i`.
    ///
    /// An inviter who was removed, deactivated, demoted or disabled can no longer admit anyone.
    static func counting(at now: Int64) -> SQL {
        """
        invitations v
        JOIN members im ON im.project_id = v.project_id AND im.user_id = v.invited_by AND im.role = 'admin'
            AND im.deactivated_at IS NULL
        JOIN users i ON i.id = v.invited_by AND i.disabled_at IS NULL AND v.expires_at > \(now)
            AND v.created_at <= \(now + StoredTime.toleranceSeconds)
        """
    }

    static func find(
        userID: String, projectID: String, now: Int64, in connection: any DatabaseConnection
    ) throws -> InvitationRecord? {
        try connection.query(
            """
            SELECT \(columns) FROM \(counting(at: now))
            WHERE v.project_id = \(projectID) AND v.user_id = \(userID)
            """
        ).first.map(record)
    }

    /// Returns the invitations that a user received, newest first.
    ///
    /// `allowedIDs` are the only projects whose invitations are returned, or nil for every project. `after` is the
    /// position of the last invitation of the previous page, or nil for the first page.
    static func received(
        by userID: String, only allowedIDs: [String]?, now: Int64, limit: Int, after: Cursor?,
        in connection: any DatabaseConnection
    ) throws -> [ReceivedInvitation] {
        let (position, id) = (after?.position ?? .max, after?.id ?? "")
        let isAllowed: SQL = if let allowedIDs { " AND v.project_id IN (\(list: allowedIDs))" } else { "" }
        return try connection.query(
            """
            SELECT \(columns), p.name AS project_name, i.email AS inviter_email
            FROM \(counting(at: now)) JOIN projects p ON p.id = v.project_id
            WHERE v.user_id = \(userID)
                AND (v.created_at, v.project_id) < (\(position), \(id))\(isAllowed)
            ORDER BY v.created_at DESC, v.project_id DESC LIMIT \(Int64(limit))
            """
        ).map {
            ReceivedInvitation(
                invitation: try record($0), projectName: try $0.text("project_name"),
                inviterEmail: try $0.text("inviter_email"))
        }
    }

    /// The users whose invitations are counted.
    enum Party { case inviter, invited }

    /// Returns the number of invitations that a user sent or received and that count at a time.
    static func count(
        of party: Party, _ userID: String, now: Int64, in connection: any DatabaseConnection
    ) throws -> Int {
        let isParty: SQL =
            switch party {
            case .inviter: "v.invited_by = \(userID)"
            case .invited: "v.user_id = \(userID)"
            }
        let rows = try connection.query("SELECT COUNT(*) AS count FROM \(counting(at: now)) WHERE \(isParty)")
        return Int(try rows.first?.integer("count") ?? 0)
    }

    /// Inserts an invitation in place of an earlier one, and deletes all expired ones.
    static func insert(_ invitation: InvitationRecord, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM invitations WHERE expires_at <= \(invitation.createdAt)")
        try remove(userID: invitation.userID, projectID: invitation.projectID, in: connection)
        let role = invitation.role
        try connection.execute(
            """
            INSERT INTO invitations (project_id, user_id, role, can_create, can_read, can_update, can_delete,
                invited_by, created_at, expires_at)
            VALUES (\(invitation.projectID), \(invitation.userID), \(role.name), \(MemberStore.flag("create", role)),
                \(MemberStore.flag("read", role)), \(MemberStore.flag("update", role)),
                \(MemberStore.flag("delete", role)), \(invitation.inviterID), \(invitation.createdAt),
                \(invitation.expiresAt))
            """)
    }

    /// Sets the role of an invitation, whose inviter then is the user who sets it.
    static func setRole(
        _ role: Role, by inviterID: String, userID: String, projectID: String, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            """
            UPDATE invitations SET role = \(role.name), can_create = \(MemberStore.flag("create", role)),
                can_read = \(MemberStore.flag("read", role)), can_update = \(MemberStore.flag("update", role)),
                can_delete = \(MemberStore.flag("delete", role)), invited_by = \(inviterID)
            WHERE project_id = \(projectID) AND user_id = \(userID)
            """)
    }

    static func remove(userID: String, projectID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM invitations WHERE project_id = \(projectID) AND user_id = \(userID)")
    }

    static func removeAll(projectID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM invitations WHERE project_id = \(projectID)")
    }

    /// Removes the invitations to a project that a user sent who can no longer admit anyone.
    ///
    /// They would not count in any limit, so that there could be any number of them.
    static func removeAll(by userID: String, projectID: String, in connection: any DatabaseConnection) throws {
        try connection.execute(
            "DELETE FROM invitations WHERE project_id = \(projectID) AND invited_by = \(userID)")
    }

    /// Removes the invitations that a user received or sent.
    static func removeAll(ofOrBy userID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM invitations WHERE user_id = \(userID) OR invited_by = \(userID)")
    }

    private static func record(_ row: DatabaseRow) throws -> InvitationRecord {
        InvitationRecord(
            projectID: try row.text("project_id"), userID: try row.text("user_id"), role: try MemberStore.role(row),
            inviterID: try row.text("invited_by"), createdAt: try row.integer("created_at"),
            expiresAt: try row.integer("expires_at"))
    }
}
