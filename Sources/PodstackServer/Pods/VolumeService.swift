import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A volume as the service stores it.
///
/// Times are milliseconds since 1970.
struct VolumeRecord: Sendable, Equatable {
    var id: String
    var accountID: String
    var projectID: String
    /// The user who created the volume, and the key of the token that did; nil if it was created in the dashboard.
    var userID: String
    var tokenID: String?
    var name: String
    var createdAt: Int64
    /// The time at which a user deleted the volume; the engine removes it soon after.
    var deletedAt: Int64?

    /// Returns the volume as the API describes it.
    func apiModel(email: String?, podIDs: [String]) -> Volume {
        Volume(
            id: id, name: name, projectID: projectID, createdAt: Date(milliseconds: createdAt),
            createdBy: Pod.Creator(userID: userID, email: email, tokenID: tokenID.map(TokenKey.tokenID)),
            podIDs: podIDs)
    }
}

extension AuditResource {
    init(_ volume: VolumeRecord) {
        self.init(
            type: "volume", id: volume.id, name: volume.name, accountID: volume.accountID, projectID: volume.projectID)
    }
}

// MARK: - Request

/// A valid request to create a volume.
struct VolumeRequest: Sendable, Equatable {
    private(set) var name = ""
    /// Nil for the user's default project.
    private(set) var projectID: String?

    /// Validates the values of a request.
    ///
    /// - Parameters:
    ///   - name: The name; nil if it is missing.
    ///   - projectID: The project.
    ///   - problems: Problems of fields that were found when the values were read.
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(name: String?, projectID: String? = nil, problems: FieldErrors = FieldErrors()) throws(DomainError) {
        var problems = problems
        if let name {
            self.name = problems.collect("name") { () throws(InvalidValue) in try PodRules.name(name) } ?? ""
        } else {
            problems.addMissing("name")
        }
        self.projectID = projectID
        try problems.throwIfAny()
    }
}

// MARK: - Rules

/// The rules of volumes: creating and deleting them.
///
/// A command changes the row only. The engine gets the volume when the first pod mounts it.
struct VolumeService: Sendable {
    let database: any Database
    let link: EngineLink
    /// The most volumes that an account may have.
    let maxVolumes: Int
    /// Returns the time in milliseconds since 1970.
    let now: @Sendable () -> Int64

    /// Returns a page of the volumes that a user may read, newest first.
    ///
    /// - Parameters:
    ///   - userID: The user.
    ///   - projectIDs: The only projects whose volumes are listed; nil for all of the user's.
    ///   - name: The only name that is listed; nil for all.
    ///   - page: The page.
    /// - Returns: The volumes, and the position of the next page.
    /// - Throws: ``DatabaseFailure``.
    func list(
        userID: String, projectIDs: [String]?, name: String? = nil, _ page: PageRequest
    ) throws -> (page: [Volume], next: Cursor?) {
        try database.read { connection in
            let found = try VolumeStore.list(
                userID: userID, projectIDs: projectIDs, name: name, limit: page.limit + 1, after: page.after,
                in: connection)
            let (listed, next) = page.page(of: found, bytes: { 400 + $0.volume.name.utf8.count }) {
                Cursor(position: $0.volume.createdAt, id: $0.volume.id)
            }
            let pods = try VolumeStore.podIDs(of: listed.map(\.volume.id), in: connection)
            return (listed.map { $0.volume.apiModel(email: $0.email, podIDs: pods[$0.volume.id] ?? []) }, next)
        }
    }

    /// Returns a volume that the caller may use.
    ///
    /// - Throws: The same ``DomainError/notFound(_:id:)`` if the volume does not exist, and if it is in a project that the
    ///   user is not a member of.
    func volume(_ id: String, for scope: Scope, _ authority: Authority) throws -> VolumeRecord {
        try Self.checked(try database.read { try VolumeStore.find(id, in: $0) }, id, for: scope, authority)
    }

    private static func checked(
        _ volume: VolumeRecord?, _ id: String, for scope: Scope, _ authority: Authority
    ) throws -> VolumeRecord {
        guard let volume, volume.deletedAt == nil else { throw DomainError.notFound(.volume, id: id) }
        do { try authority.require(scope, in: volume.projectID) } catch let error as DomainError {
            if case .notFound = error { throw DomainError.notFound(.volume, id: id) }
            throw error
        }
        return volume
    }

    /// Returns the description of a volume for the API.
    func apiModel(of volume: VolumeRecord, in connection: any DatabaseConnection) throws -> Volume {
        let email = try UserStore.find(id: volume.userID, in: connection)?.email
        let pods = try VolumeStore.podIDs(of: [volume.id], in: connection)
        return volume.apiModel(email: email, podIDs: pods[volume.id] ?? [])
    }

    func apiModel(of volume: VolumeRecord) throws -> Volume {
        try database.read { try apiModel(of: volume, in: $0) }
    }

    /// Creates a volume.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - namedProjectID: The project that the request's header names; nil for none.
    ///   - change: The change.
    /// - Returns: The volume.
    /// - Throws: ``DomainError`` with the reason why the volume cannot be created.
    func create(
        _ request: VolumeRequest, inProject namedProjectID: String? = nil, in change: Change
    ) throws -> VolumeRecord {
        _ = try link.require()
        let project = try ProjectChoice.project(request.projectID, namedProjectID, for: .volumesCreate, in: change)
        guard try VolumeStore.find(name: request.name, projectID: project.id, in: change.connection) == nil else {
            throw DomainError.conflict("A volume named \(request.name) exists in the project; choose another name")
        }
        let count = try VolumeStore.count(accountID: project.accountID, in: change.connection)
        guard count < maxVolumes else {
            throw DomainError.quotaExceeded(QuotaExcess(resource: "volumes", limit: maxVolumes, current: count))
        }
        let caller = try change.grant
        let volume = VolumeRecord(
            id: Identifier.generate("vol_"), accountID: project.accountID, projectID: project.id,
            userID: caller.userID, tokenID: caller.tokenID, name: request.name, createdAt: now())
        try VolumeStore.insert(volume, in: change.connection)
        try change.record(.create, on: AuditResource(volume), ["name": .string(volume.name)])
        return volume
    }

    /// Deletes a volume that no pod mounts, with everything in it.
    func delete(_ id: String, in change: Change) throws {
        _ = try link.require()
        let volume = try Self.checked(
            try VolumeStore.find(id, in: change.connection), id, for: .volumesDelete, try change.authority)
        let podIDs = try VolumeStore.podIDs(of: [id], in: change.connection)[id] ?? []
        guard podIDs.isEmpty else { throw DomainError.volumeInUse(podIDs: podIDs) }
        try delete(volume, in: change)
    }

    /// Deletes a volume without checking permissions, for example with its project.
    func delete(_ volume: VolumeRecord, in change: Change) throws {
        try VolumeStore.setDeleted(volume.id, at: now(), in: change.connection)
        try change.record(.delete, on: AuditResource(volume), ["name": .string(volume.name)])
    }
}

// MARK: - Store

/// The volumes in the database.
enum VolumeStore {
    private static let columns: SQL = """
        v.id, v.account_id, v.project_id, v.user_id, v.token_id, v.name, v.created_at, v.deleted_at
        """

    static func find(_ id: String, in connection: any DatabaseConnection) throws -> VolumeRecord? {
        try connection.query("SELECT \(columns) FROM volumes v WHERE v.id = \(id)").first.map(record)
    }

    static func find(
        name: String, projectID: String, in connection: any DatabaseConnection
    ) throws -> VolumeRecord? {
        try connection.query(
            """
            SELECT \(columns) FROM volumes v
            WHERE v.project_id = \(projectID) AND v.name = \(name) AND v.deleted_at IS NULL
            """
        ).first.map(record)
    }

    /// Returns a project's volumes.
    static func all(projectID: String, in connection: any DatabaseConnection) throws -> [VolumeRecord] {
        try connection.query(
            "SELECT \(columns) FROM volumes v WHERE v.project_id = \(projectID) AND v.deleted_at IS NULL ORDER BY v.id"
        ).map(record)
    }

    /// Returns volumes with the addresses of the users who created them, newest first.
    static func list(
        userID: String, projectIDs: [String]?, name: String?, limit: Int, after: Cursor?,
        in connection: any DatabaseConnection
    ) throws -> [(volume: VolumeRecord, email: String?)] {
        let (position, id) = (after?.position ?? .max, after?.id ?? "")
        let isSelected: SQL = if let projectIDs { " AND v.project_id IN (\(list: projectIDs))" } else { "" }
        let hasName: SQL = if let name { " AND v.name = \(name)" } else { "" }
        return try connection.query(
            """
            SELECT \(columns), u.email FROM volumes v JOIN members m ON m.project_id = v.project_id
                LEFT JOIN users u ON u.id = v.user_id
            WHERE m.user_id = \(userID) AND m.can_read = 1 AND m.deactivated_at IS NULL AND v.deleted_at IS NULL
                AND (v.created_at, v.id) < (\(position), \(id))\(isSelected)\(hasName)
            ORDER BY v.created_at DESC, v.id DESC LIMIT \(Int64(limit))
            """
        ).map { (try record($0), try $0.optionalText("email")) }
    }

    static func count(accountID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS volumes FROM volumes WHERE account_id = \(accountID) AND deleted_at IS NULL")
        return Int(try rows.first?.integer("volumes") ?? 0)
    }

    static func count(projectID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS volumes FROM volumes WHERE project_id = \(projectID) AND deleted_at IS NULL")
        return Int(try rows.first?.integer("volumes") ?? 0)
    }

    /// Returns the pods that mount volumes, by volume.
    static func podIDs(
        of volumeIDs: [String], in connection: any DatabaseConnection
    ) throws -> [String: [String]] {
        guard !volumeIDs.isEmpty else { return [:] }
        var pods: [String: [String]] = [:]
        let rows = try connection.query(
            """
            SELECT DISTINCT v.volume_id, v.pod_id FROM pod_volumes v JOIN pods p ON p.id = v.pod_id
            WHERE v.volume_id IN (\(list: volumeIDs)) AND p.terminated_at IS NULL ORDER BY v.volume_id, v.pod_id
            """)
        for row in rows { pods[try row.text("volume_id"), default: []].append(try row.text("pod_id")) }
        return pods
    }

    static func insert(_ volume: VolumeRecord, in connection: any DatabaseConnection) throws {
        try connection.execute(
            """
            INSERT INTO volumes (id, account_id, project_id, user_id, token_id, name, created_at)
            VALUES (\(volume.id), \(volume.accountID), \(volume.projectID), \(volume.userID), \(volume.tokenID),
                \(volume.name), \(volume.createdAt))
            """)
    }

    static func setDeleted(_ id: String, at time: Int64, in connection: any DatabaseConnection) throws {
        try connection.execute("UPDATE volumes SET deleted_at = \(time) WHERE id = \(id) AND deleted_at IS NULL")
    }

    /// Returns the IDs of deleted volumes that the engine may still have.
    static func toRemove(limit: Int, in connection: any DatabaseConnection) throws -> [String] {
        try connection.query(
            "SELECT id FROM volumes WHERE deleted_at IS NOT NULL AND removed_at IS NULL LIMIT \(Int64(limit))"
        ).map { try $0.text("id") }
    }

    static func setRemoved(_ id: String, at time: Int64, in connection: any DatabaseConnection) throws {
        try connection.execute("UPDATE volumes SET removed_at = \(time) WHERE id = \(id)")
    }

    private static func record(_ row: DatabaseRow) throws -> VolumeRecord {
        VolumeRecord(
            id: try row.text("id"), accountID: try row.text("account_id"), projectID: try row.text("project_id"),
            userID: try row.text("user_id"), tokenID: try row.optionalText("token_id"), name: try row.text("name"),
            createdAt: try row.integer("created_at"), deletedAt: try row.optionalInteger("deleted_at"))
    }
}
