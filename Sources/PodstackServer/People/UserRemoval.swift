import PodstackAPI

/// The removal of a user with everything that belongs to the user only.
///
/// Audit events stay, and so does the account that they belong to.
struct UserRemoval: Equatable {
    /// The effect of the removal on a project of the user.
    enum Fate: Equatable {
        /// The user's membership ends; the project has another admin, or the user is not an admin.
        case leave
        /// The project has no other member, and is deleted.
        case delete
        /// The recipient becomes its admin.
        case transfer
        /// The user is its only admin, and it has other members: it would have no admin.
        case block
    }

    let user: UserRecord
    /// The user who becomes the admin of projects that would have none.
    let recipient: UserRecord?
    let activeTokenIDs: [String]
    let sessions: Int64
    let projects: [(share: ProjectShare, fate: Fate)]
    /// The numbers of pods and of volumes in each project, by ID.
    let contents: [String: [String: Int]]

    static func == (left: UserRemoval, right: UserRemoval) -> Bool {
        left.user == right.user && left.recipient == right.recipient && left.activeTokenIDs == right.activeTokenIDs
            && left.contents == right.contents
            && left.projects.elementsEqual(right.projects) { $0.share == $1.share && $0.fate == $1.fate }
    }

    /// Finds out what the removal would do.
    ///
    /// - Parameters:
    ///   - email: The address of the user.
    ///   - recipientEmail: The address of the user who gets the projects; nil for none.
    ///   - now: The time in seconds since 1970.
    ///   - connection: The connection.
    /// - Throws: ``SetupFailure`` if there is no such user.
    init(
        of email: String, transferringTo recipientEmail: String?, now: Int64, in connection: any DatabaseConnection
    ) throws {
        func find(_ email: String) throws -> UserRecord {
            guard let user = try UserStore.find(email: email, in: connection) else {
                throw SetupFailure("no user has the email address \(email)")
            }
            return user
        }
        let user = try find(email)
        let recipient = try recipientEmail.map(find)
        guard recipient?.id != user.id else {
            throw SetupFailure("the projects of \(email) cannot be transferred to the user who is removed")
        }
        if let recipient, recipient.isDisabled {
            throw SetupFailure("\(recipient.email) is disabled and cannot manage projects")
        }
        self.user = user
        self.recipient = recipient
        activeTokenIDs = try TokenStore.ids(userID: user.id, activeAt: now, in: connection)
        sessions = try UserReportStore.find(user.id, now: now, in: connection)?.sessions ?? 0
        projects = try ProjectStore.shares(userID: user.id, in: connection).map { share in
            (share, Self.fate(of: share, hasRecipient: recipient != nil))
        }
        var contents: [String: [String: Int]] = [:]
        for (share, _) in projects {
            contents[share.project.id] = try PodService.countResources(of: share.project.id, in: connection)
        }
        self.contents = contents
    }

    private static func fate(of share: ProjectShare, hasRecipient: Bool) -> Fate {
        if share.members == 1 { return hasRecipient ? .transfer : .delete }
        guard share.isAdmin, share.otherAdmins == 0 else { return .leave }
        return hasRecipient ? .transfer : .block
    }

    var blocking: [ProjectShare] { projects.filter { $0.fate == .block }.map(\.share) }

    // MARK: - Text

    /// The lines that say what the removal does, for a terminal.
    var lines: [String] {
        ["Removing \(user.email) (\(user.id)) has these effects:"] + effects.map { "  - \($0)" }
    }

    /// The effects of the removal, each as a clause.
    var effects: [String] {
        let tokens = counted(activeTokenIDs.count, "active token")
        return [
            "\(tokens) will be revoked, and programs that use them stop working",
            "\(counted(Int(sessions), "session")) of the dashboard will end",
        ] + lastingEffects
    }

    /// The effects on projects and on the audit log.
    private var lastingEffects: [String] {
        var effects: [String] = []
        for (share, fate) in projects {
            let name = "project \(share.project.id) \"\(share.project.name)\""
            switch fate {
            case .leave:
                let verb = share.members == 2 ? "stays" : "stay"
                effects.append("\(name): the membership ends; \(counted(share.members - 1, "other member")) \(verb)")
            case .delete:
                let (pods, volumes) = (count("pods", in: share), count("volumes", in: share))
                let contents =
                    pods + volumes > 0 ? " with \(counted(pods, "pod")) and \(counted(volumes, "volume"))" : ""
                effects.append("\(name): will be deleted\(contents), because it has no other member")
            case .transfer: effects.append("\(name): \(recipient?.email ?? "") becomes its admin")
            case .block:
                let others = counted(share.members - 1, "other member")
                effects.append("\(name): has \(others) and no other admin, which blocks the removal")
            }
        }
        let kept = projects.filter { $0.fate != .delete }.reduce(0) { $0 + count("pods", in: $1.share) }
        if kept > 0 {
            effects.append(
                "pods in projects that stay keep running: they belong to their project, whoever created them")
        }
        effects.append("the audit log keeps the events of the account \(user.accountID)")
        return effects
    }

    /// A text that changes with everything that the removal does, except the sessions that it ends.
    var summary: String {
        ([user.id, recipient?.id ?? ""] + activeTokenIDs + lastingEffects).joined(separator: "\n")
    }

    private func count(_ kind: String, in share: ProjectShare) -> Int { contents[share.project.id]?[kind] ?? 0 }

    // MARK: - Change

    /// Removes the user, in one transaction with everything else.
    ///
    /// - Parameters:
    ///   - pods: Deletes the pods of deleted projects.
    ///   - volumes: Deletes the volumes of deleted projects.
    ///   - change: The change.
    /// - Throws: ``SetupFailure`` if a project blocks the removal.
    func perform(_ pods: PodService, _ volumes: VolumeService, in change: Change) throws {
        if let project = blocking.first?.project {
            throw SetupFailure(
                "\(user.email) is the only admin of \(project.id) \"\(project.name)\", which has other members: give "
                    + "--transfer-to EMAIL, or make another member an admin first")
        }
        change.changed(user: user.id)
        for id in try TokenStore.ids(userID: user.id, activeAt: nil, in: change.connection) {
            change.changed(token: id)
            guard activeTokenIDs.contains(id), let token = try TokenStore.find(id, in: change.connection) else {
                continue
            }
            try TokenService.revoke(token, because: "user removed", in: change)
        }
        for (share, fate) in projects {
            if fate == .delete {
                // Their rows stay until the engine has removed them.
                for pod in try PodStore.alive(projectID: share.project.id, in: change.connection)
                where pod.state.desired != .terminated {
                    try pods.delete(pod, isForced: true, in: change)
                }
                for volume in try VolumeStore.all(projectID: share.project.id, in: change.connection) {
                    try volumes.delete(volume, in: change)
                }
            }
            try leave(share.project, fate, in: change)
        }
        try InvitationStore.removeAll(ofOrBy: user.id, in: change.connection)
        try SignInStore.removeSessions(userID: user.id, in: change.connection)
        try SignInStore.removeLinks(userID: user.id, in: change.connection)
        try DeviceStore.removeAll(userID: user.id, in: change.connection)
        try TokenStore.removeAll(userID: user.id, in: change.connection)
        try UserStore.remove(user.id, in: change.connection)
        try change.record(.userRemoved, on: AuditResource(user))
    }

    private func leave(_ project: ProjectRecord, _ fate: Fate, in change: Change) throws {
        let connection = change.connection
        if fate == .transfer, let recipient { try appoint(recipient, in: project, change) }
        let member = try MemberStore.find(user.id, projectID: project.id, in: connection)
        try MemberStore.remove(user.id, projectID: project.id, in: connection)
        if fate == .delete {
            try InvitationStore.removeAll(projectID: project.id, in: connection)
            try ProjectStore.remove(project.id, in: connection)
            try change.record(.delete, on: AuditResource(project), project.audited)
        } else if let member {
            try change.record(.memberRemoved, on: AuditResource(member, of: project), member.audited)
        }
    }

    /// Makes a user an active admin of a project.
    private func appoint(_ recipient: UserRecord, in project: ProjectRecord, _ change: Change) throws {
        change.changed(user: recipient.id)
        try InvitationStore.remove(userID: recipient.id, projectID: project.id, in: change.connection)
        guard let old = try MemberStore.find(recipient.id, projectID: project.id, in: change.connection) else {
            let member = MemberRecord(
                user: recipient,
                membership: Membership(projectID: project.id, role: .admin, addedAt: change.now))
            try MemberStore.insert(member.membership, userID: recipient.id, in: change.connection)
            return try change.record(.memberAdded, on: AuditResource(member, of: project), member.audited)
        }
        var member = old
        member.membership.role = .admin
        member.membership.deactivatedAt = nil
        try MemberStore.update(member.membership, userID: recipient.id, in: change.connection)
        try change.record(
            .permissionsChanged, on: AuditResource(member, of: project),
            .changed(from: old.audited, to: member.audited))
    }
}
