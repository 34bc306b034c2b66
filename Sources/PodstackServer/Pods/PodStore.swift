import PodstackAPI

/// The pods in the database.
enum PodStore {
    /// The columns of a pod, in a statement that calls the table `p`.
    private static let columns: SQL = """
        p.id, p.account_id, p.project_id, p.user_id, p.token_id, p.charged_token_id, p.name, p.specification, p.labels, p.gpu_type, \
        p.gpu_count, p.devices, p.price_per_hour, p.stop_after_seconds, p.delete_after_seconds, p.max_cost, \
        p.own_token_id, p.desired, p.grace_seconds, p.run_number, p.prepared_run, p.baseline_started_at, p.replaces, \
        p.attempts, p.status, p.status_reason, p.node, p.addresses, p.started_at, p.finished_at, p.observed_at, \
        p.exit_code, p.last_event_number, p.created_at, p.changed_at, p.terminated_at
        """

    /// Seconds for which terminated pods are listed, and kept.
    static let retentionSeconds: Int64 = 90 * 86_400

    // MARK: - Reading

    static func find(_ id: String, in connection: any DatabaseConnection) throws -> PodRecord? {
        try connection.query("SELECT \(columns) FROM pods p WHERE p.id = \(id)").first.map(record)
    }

    /// Returns all pods that are not terminated, ordered by ID.
    static func alive(in connection: any DatabaseConnection) throws -> [PodRecord] {
        try connection.query("SELECT \(columns) FROM pods p WHERE p.terminated_at IS NULL ORDER BY p.id").map(record)
    }

    /// Returns those of some pods that are not terminated.
    static func aliveIDs(of ids: [String], in connection: any DatabaseConnection) throws -> Set<String> {
        guard !ids.isEmpty else { return [] }
        let rows = try connection.query("SELECT id FROM pods WHERE id IN (\(list: ids)) AND terminated_at IS NULL")
        return Set(try rows.map { try $0.text("id") })
    }

    /// Returns the pods that were created or changed after a revision, in the order of their changes, and the newest
    /// revision.
    ///
    /// Writes follow each other, so the revisions of the rows are in the order of the transactions.
    static func changed(
        after revision: Int64, in connection: any DatabaseConnection
    ) throws -> (pods: [(pod: PodRecord, revision: Int64)], revision: Int64) {
        let newest = try connection.query("SELECT MAX(revision) AS newest FROM pods").first?.optionalInteger("newest")
        guard let newest, newest > revision else { return ([], max(newest ?? 0, revision)) }
        // At first, those that are gone do not matter.
        let isOfInterest: SQL = revision == 0 ? " AND p.terminated_at IS NULL" : ""
        let pods = try connection.query(
            """
            SELECT \(columns), p.revision FROM pods p WHERE p.revision > \(revision)\(isOfInterest)
            ORDER BY p.revision
            """
        ).map { (pod: try record($0), revision: try $0.integer("revision")) }
        return (pods, newest)
    }

    /// Returns a project's pod with a name that is not terminated.
    static func find(
        name: String, projectID: String, in connection: any DatabaseConnection
    ) throws -> PodRecord? {
        try connection.query(
            """
            SELECT \(columns) FROM pods p
            WHERE p.project_id = \(projectID) AND p.name = \(name) AND p.terminated_at IS NULL
            """
        ).first.map(record)
    }

    static func countAlive(accountID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS pods FROM pods WHERE account_id = \(accountID) AND terminated_at IS NULL")
        return Int(try rows.first?.integer("pods") ?? 0)
    }

    static func countAlive(userID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS pods FROM pods WHERE user_id = \(userID) AND terminated_at IS NULL")
        return Int(try rows.first?.integer("pods") ?? 0)
    }

    static func countAlive(projectID: String, in connection: any DatabaseConnection) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS pods FROM pods WHERE project_id = \(projectID) AND terminated_at IS NULL")
        return Int(try rows.first?.integer("pods") ?? 0)
    }

    /// Returns the pods of a user, or of a project, that are not terminated.
    static func alive(projectID: String, in connection: any DatabaseConnection) throws -> [PodRecord] {
        try connection.query(
            "SELECT \(columns) FROM pods p WHERE p.project_id = \(projectID) AND p.terminated_at IS NULL ORDER BY p.id"
        ).map(record)
    }

    /// The pods that a list contains.
    struct Selection: Sendable, Equatable {
        /// The user, who must be able to read the pods' projects.
        var userID: String
        /// The only projects whose pods are listed; nil for all of the user's.
        var projectIDs: [String]?
        var status: PodStatus?
        var name: String?
        var labels: [String: String] = [:]
    }

    /// A pod, with the address of the user who created it.
    struct Listed: Sendable {
        var pod: PodRecord
        var email: String?
    }

    /// Returns pods, newest first.
    ///
    /// Terminated pods are included only if the selection asks for them, for ``retentionSeconds``.
    ///
    /// - Parameters:
    ///   - selection: The pods.
    ///   - now: Milliseconds since 1970.
    ///   - limit: The most pods.
    ///   - after: The position of the last pod of the previous page; nil for the first page.
    ///   - connection: The connection.
    /// - Returns: The pods.
    /// - Throws: ``DatabaseFailure``.
    static func list(
        _ selection: Selection, now: Int64, limit: Int, after: Cursor?, in connection: any DatabaseConnection
    ) throws -> [Listed] {
        var conditions: [SQL] = []
        if let ids = selection.projectIDs { conditions.append("p.project_id IN (\(list: ids))") }
        if selection.status == .terminated {
            conditions.append("p.terminated_at > \(now - retentionSeconds * 1000)")
        } else {
            conditions.append("p.terminated_at IS NULL")
            if let status = selection.status { conditions.append("p.status = \(status.rawValue)") }
        }
        if let name = selection.name { conditions.append("p.name = \(name)") }
        for (name, value) in selection.labels.sorted(by: { $0.key < $1.key }) {
            conditions.append(
                """
                EXISTS (SELECT 1 FROM pod_labels l WHERE l.pod_id = p.id AND l.name = \(name) AND l.value = \(value))
                """)
        }
        let (position, id) = (after?.position ?? .max, after?.id ?? "")
        return try connection.query(
            """
            SELECT \(columns), u.email FROM pods p JOIN members m ON m.project_id = p.project_id
                LEFT JOIN users u ON u.id = p.user_id
            WHERE m.user_id = \(selection.userID) AND m.can_read = 1 AND m.deactivated_at IS NULL
                AND \(SQL.joined(conditions, by: " AND ")) AND (p.created_at, p.id) < (\(position), \(id))
            ORDER BY p.created_at DESC, p.id DESC LIMIT \(Int64(limit))
            """
        ).map { Listed(pod: try record($0), email: try $0.optionalText("email")) }
    }

    static func sealed(_ id: String, in connection: any DatabaseConnection) throws -> [UInt8]? {
        try connection.query("SELECT sealed FROM pods WHERE id = \(id)").first?.optionalBlob("sealed")
    }

    // MARK: - Writing

    /// The revision of a row that is written now.
    private static let nextRevision: SQL = "(SELECT COALESCE(MAX(r.revision), 0) + 1 FROM pods r)"

    static func insert(_ pod: PodRecord, sealed: [UInt8]?, in connection: any DatabaseConnection) throws {
        let state = pod.state
        try connection.execute(
            """
            INSERT INTO pods (id, account_id, project_id, user_id, token_id, charged_token_id, name, specification, sealed,
                labels, gpu_type, gpu_count, devices, price_per_hour, stop_after_seconds, delete_after_seconds, max_cost,
                own_token_id, desired, grace_seconds, run_number, prepared_run, replaces, attempts, status, addresses,
                last_event_number, revision, created_at, changed_at)
            VALUES (\(pod.id), \(pod.accountID), \(pod.projectID), \(pod.userID), \(pod.tokenID),
                \(pod.chargedTokenID), \(pod.name), \(try json(pod.configuration)), \(sealed), \(try json(pod.labels)), \(pod.gpuType),
                \(Int64(pod.gpuCount)), \(pod.devices.joined(separator: " ")), \(pod.pricePerHour),
                \(pod.limits.stopAfterSeconds), \(pod.limits.deleteAfterSeconds), \(pod.limits.maxCost),
                \(pod.ownTokenID), \(state.desired.rawValue), \(state.graceSeconds), \(state.run),
                \(state.preparedRun), \(state.replaces ? 1 : 0), \(state.attempts), \(state.status.rawValue), '{}',
                \(pod.lastEventNumber), \(nextRevision), \(pod.createdAt), \(pod.changedAt))
            """)
        try insertLabels(of: pod, in: connection)
        for mount in pod.configuration.volumes {
            try connection.execute(
                """
                INSERT INTO pod_volumes (pod_id, volume_id, mount_path)
                VALUES (\(pod.id), \(mount.volumeID), \(mount.path))
                """)
        }
    }

    private static func insertLabels(of pod: PodRecord, in connection: any DatabaseConnection) throws {
        for (name, value) in pod.labels.sorted(by: { $0.key < $1.key }) {
            try connection.execute(
                "INSERT INTO pod_labels (pod_id, name, value) VALUES (\(pod.id), \(name), \(value))")
        }
    }

    /// Writes everything of a pod that can change, and returns its new revision.
    @discardableResult
    static func update(_ pod: PodRecord, in connection: any DatabaseConnection) throws -> Int64 {
        let state = pod.state
        let addresses = Dictionary(uniqueKeysWithValues: state.addresses.map { (String($0.key), $0.value) })
        return try connection.query(
            """
            UPDATE pods SET name = \(pod.name), charged_token_id = \(pod.chargedTokenID), labels = \(try json(pod.labels)),
                devices = \(pod.devices.joined(separator: " ")), price_per_hour = \(pod.pricePerHour),
                stop_after_seconds = \(pod.limits.stopAfterSeconds),
                delete_after_seconds = \(pod.limits.deleteAfterSeconds), max_cost = \(pod.limits.maxCost),
                desired = \(state.desired.rawValue), grace_seconds = \(state.graceSeconds), run_number = \(state.run),
                prepared_run = \(state.preparedRun), baseline_started_at = \(state.baseline),
                replaces = \(state.replaces ? 1 : 0), attempts = \(state.attempts), status = \(state.status.rawValue),
                status_reason = \(state.reason), node = \(state.node), addresses = \(try json(addresses)),
                started_at = \(state.startedAt), finished_at = \(state.finishedAt), observed_at = \(state.observedAt),
                exit_code = \(state.exitCode), last_event_number = \(pod.lastEventNumber), revision = \(nextRevision),
                changed_at = \(pod.changedAt), terminated_at = \(pod.terminatedAt)
            WHERE id = \(pod.id) RETURNING revision
            """
        ).first?.integer("revision") ?? 0
    }

    /// Writes the labels of a pod, in addition to ``update(_:in:)``.
    static func updateLabels(of pod: PodRecord, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM pod_labels WHERE pod_id = \(pod.id)")
        try insertLabels(of: pod, in: connection)
    }

    /// Writes the progress of a pod that is being created, unless its status has changed.
    static func setReason(
        _ reason: String, ofCreatingPod id: String, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            "UPDATE pods SET status_reason = \(reason) WHERE id = \(id) AND status = \(PodStatus.creating.rawValue)")
    }

    /// Removes the sealed values of a terminated pod, which no one needs any more.
    static func removeSecrets(of id: String, in connection: any DatabaseConnection) throws {
        try connection.execute("UPDATE pods SET sealed = NULL WHERE id = \(id)")
    }

    /// Removes pods that were terminated before a time, with everything that belongs to them but their bills.
    static func removeTerminated(before time: Int64, limit: Int, in connection: any DatabaseConnection) throws -> Int {
        let ids = try connection.query(
            """
            SELECT id FROM pods WHERE terminated_at IS NOT NULL AND terminated_at < \(time) LIMIT \(Int64(limit))
            """
        ).map { try $0.text("id") }
        guard !ids.isEmpty else { return 0 }
        for table: SQL in ["pod_events", "pod_labels", "pod_volumes"] {
            try connection.execute("DELETE FROM \(table) WHERE pod_id IN (\(list: ids))")
        }
        return try connection.execute("DELETE FROM pods WHERE id IN (\(list: ids))")
    }

    // MARK: - The instance label

    /// Returns the label by which an engine's objects belong to this database; nil if it has none yet.
    static func instance(in connection: any DatabaseConnection) throws -> String? {
        try connection.query("SELECT instance FROM engine_instance").first?.text("instance")
    }

    /// Creates the label, unless another process did.
    static func createInstance(in connection: any DatabaseConnection) throws -> String {
        if let known = try instance(in: connection) { return known }
        let new = Identifier.generate("ins_")
        try connection.execute("INSERT INTO engine_instance (instance) VALUES (\(new))")
        return new
    }

    // MARK: - Rows

    private static func json(_ value: some Encodable) throws -> String {
        String(decoding: try APICoding.encode(value), as: UTF8.self)
    }

    private static func object(_ text: String) throws -> [String: JSONValue] {
        if text == "{}" { return [:] }
        // Not by Foundation's decoder, which would take most of the time of a list.
        guard case .object(let fields)? = try? StrictJSON.value(of: Array(text.utf8)) else { throw invalidJSON }
        return fields
    }

    private static func texts(_ text: String) throws -> [String: String] {
        try object(text).mapValues { value in
            guard let text = value.stringValue else { throw invalidJSON }
            return text
        }
    }

    private static let invalidJSON = DatabaseFailure(reason: "a pod's row has invalid JSON")

    private static func configuration(_ text: String) throws -> PodConfiguration {
        let fields = try object(text)
        guard let configuration = PodConfiguration(fields) else { throw invalidJSON }
        return configuration
    }

    private static func record(_ row: DatabaseRow) throws -> PodRecord {
        // In the order of the columns, which makes finding them cheap.
        var pod = PodRecord(
            id: try row.text("id"), accountID: try row.text("account_id"), projectID: try row.text("project_id"),
            userID: try row.text("user_id"), tokenID: try row.optionalText("token_id"),
            chargedTokenID: try row.optionalText("charged_token_id"), name: try row.text("name"),
            configuration: try configuration(try row.text("specification")),
            labels: try texts(try row.text("labels")),
            gpuType: try row.optionalText("gpu_type"), gpuCount: Int(try row.integer("gpu_count")),
            devices: (try row.optionalText("devices") ?? "").split(separator: " ").map(String.init),
            pricePerHour: try row.integer("price_per_hour"),
            limits: PodLimits(
                stopAfterSeconds: try row.optionalInteger("stop_after_seconds"),
                deleteAfterSeconds: try row.optionalInteger("delete_after_seconds"),
                maxCost: try row.optionalInteger("max_cost")),
            ownTokenID: try row.optionalText("own_token_id"), createdAt: 0, changedAt: 0)
        guard let desired = PodDesire(rawValue: try row.text("desired")) else { throw unknownState }
        pod.state.desired = desired
        pod.state.graceSeconds = try row.integer("grace_seconds")
        pod.state.run = try row.integer("run_number")
        pod.state.preparedRun = try row.integer("prepared_run")
        pod.state.baseline = try row.optionalInteger("baseline_started_at")
        pod.state.replaces = try row.integer("replaces") != 0
        pod.state.attempts = try row.integer("attempts")
        guard let status = PodStatus(rawValue: try row.text("status")) else { throw unknownState }
        pod.state.status = status
        pod.state.reason = try row.optionalText("status_reason")
        pod.state.node = try row.optionalText("node")
        let addresses = try texts(try row.text("addresses"))
        for (port, address) in addresses { if let port = Int(port) { pod.state.addresses[port] = address } }
        pod.state.startedAt = try row.optionalInteger("started_at")
        pod.state.finishedAt = try row.optionalInteger("finished_at")
        pod.state.observedAt = try row.optionalInteger("observed_at")
        pod.state.exitCode = try row.optionalInteger("exit_code")
        pod.lastEventNumber = try row.integer("last_event_number")
        pod.createdAt = try row.integer("created_at")
        pod.changedAt = try row.integer("changed_at")
        pod.terminatedAt = try row.optionalInteger("terminated_at")
        return pod
    }

    private static let unknownState = DatabaseFailure(reason: "a pod's row has an unknown state")
}
