#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Checks the database, without changing it.
struct DoctorDatabase {
    private let directory: DoctorDirectory
    private let url: PostgresURL?
    private let peppers: Peppers?

    init(_ directory: DoctorDirectory, _ url: PostgresURL?, _ peppers: Peppers?) {
        self.directory = directory
        self.url = url
        self.peppers = peppers
    }

    private struct Undo: Error {}

    /// Checks the database.
    ///
    /// - Returns: The time of the newest audit event, if there is one.
    func check(_ report: inout DoctorReport) -> Int64? {
        let database: any Database
        do {
            guard let found = try open(&report) else { return nil }
            database = found
        } catch {
            report.add(
                "database", .critical, "the database cannot be opened: \(DoctorCommand.reason(error)).",
                url == nil
                    ? "Check the file and its disk; restore a backup if it is damaged."
                    : "Check that PostgreSQL runs, and the URL, the role and the network.")
            return nil
        }
        do {
            if url == nil, try !checkIntegrity(database, &report) { return nil }
            guard try checkSchema(database, &report) else { return nil }
            if url != nil { try checkPostgres(database, &report) }
            try checkPepper(database, &report)
            checkWritable(database, &report)
            return try newestEvent(database)
        } catch {
            report.add(
                "database", .critical, "the database cannot be read: \(DoctorCommand.reason(error)).",
                "Restore a backup if the file is damaged.")
            return nil
        }
    }

    private func open(_ report: inout DoctorReport) throws -> (any Database)? {
        if let url {
            let database = PostgresDatabase(url)
            _ = try database.read { try $0.query("SELECT 1 AS one") }
            return database
        }
        guard directory.isReadable else { return nil }
        // Opening a missing file would create it. A symbolic link that leads nowhere is reported with the files.
        guard access(directory.databasePath, F_OK) == 0 else {
            let hasPepper = access(directory.path + "/pepper", F_OK) == 0
            report.add(
                "database", hasPepper ? .critical : .note,
                hasPepper
                    ? "\(directory.path) has a pepper but no database."
                    : "there is no database yet.",
                hasPepper
                    ? "If the database is PostgreSQL, set PODSTACK_DATABASE_URL; else restore podstack.sqlite "
                        + "from a backup."
                    : "The first start creates it.")
            return nil
        }
        try SQLiteFiles.checkNames(of: directory.databasePath)
        guard access(directory.databasePath, R_OK | W_OK) == 0 else {
            throw SetupFailure("\(directory.databasePath): \(String(cString: strerror(errno)))")
        }
        return try SQLiteDatabase(path: directory.databasePath, mayCreate: false)
    }

    /// Returns whether the schema is one that the other checks can read.
    private func checkSchema(_ database: any Database, _ report: inout DoctorReport) throws -> Bool {
        let newest = Int64(Migrations.all.count)
        let version: Int64
        do {
            version = try database.read {
                try $0.query("SELECT version FROM schema_version").first?.integer("version") ?? 0
            }
        } catch let failure as DatabaseFailure {
            // A database without tables, or one that is damaged.
            report.add(
                "schema", .critical, "the database has no schema of podstack-server: \(failure.reason).",
                "Check that this is the right database; podstack-server migrate creates the schema in an empty one.")
            return false
        }
        if version > newest {
            report.add(
                "schema", .critical, "the schema has version \(version), and this program supports up to \(newest).",
                "Use a newer podstack-server.")
            return false
        }
        guard version < newest else {
            report.add(.ok("schema", "the schema has version \(version), the newest."))
            return true
        }
        report.add(
            "schema", .warning, "the schema has version \(version), and this program needs \(newest).",
            "Back up the database, then run podstack-server migrate, or start the service, which does the same.")
        return false
    }

    /// Returns whether the file is undamaged.
    private func checkIntegrity(_ database: any Database, _ report: inout DoctorReport) throws -> Bool {
        var faults: [String] = []
        do {
            let rows = try database.read { try $0.query("PRAGMA quick_check(5)") }
            faults = try rows.map { try $0.text($0.columns.names.first ?? "") }
        } catch let failure as DatabaseFailure { faults = [failure.reason] }
        guard faults != ["ok"] else {
            report.add(.ok("database", "SQLite finds no damage."))
            return true
        }
        report.add(
            "database", .critical, "SQLite finds damage: \(faults.joined(separator: "; ")).",
            "Stop the service, keep a copy of the directory, and restore a backup.")
        return false
    }

    private func checkWritable(_ database: any Database, _ report: inout DoctorReport) {
        do {
            try database.write { connection in
                try connection.execute("UPDATE schema_version SET version = version")
                throw Undo()
            }
        } catch is Undo {
            report.add(.ok("database", "changes can be made."))
        } catch {
            report.add(
                "database", .critical, "no change can be made: \(DoctorCommand.reason(error)).",
                "Check the disk's space, that it is not read-only, and that no other program holds the "
                    + "database's lock.")
        }
    }

    private func newestEvent(_ database: any Database) throws -> Int64? {
        try database.read { connection in
            try connection.query("SELECT MAX(created_at) AS newest FROM audit_events").first?.optionalInteger("newest")
        }
    }

    // MARK: - Pepper

    /// Checks the peppers as a start does.
    private func checkPepper(_ database: any Database, _ report: inout DoctorReport) throws {
        guard let peppers else { return }
        switch try database.read({ try PepperMark.match(peppers, in: $0) }) {
        case .marked, .unmarked: report.add(.ok("pepper", "the pepper is that of the database."))
        case .interrupted:
            report.add(
                "pepper", .warning, "a rotation of the pepper was interrupted.",
                "Stop the service, and run podstack-server pepper rotate again.")
        case .new where url == nil:
            report.add(
                "pepper", .critical,
                "\(directory.databasePath) has no account, so the pepper beside it belongs to another database.",
                "Restore the database of the pepper, or, for a new service, move both files away.")
        case .new: report.add(.ok("pepper", "nothing in the database depends on a pepper yet."))
        case .mismatch:
            report.add(
                "pepper", .critical, "the pepper in \(directory.path) is not that of the database.",
                "Restore the pepper that was in use with this database: until then, every token is rejected.")
        case .previousMismatch:
            report.add(
                "pepper", .critical,
                "\(directory.path)/pepper.previous is not the pepper that this database had before the rotation.",
                "Restore the right one: until then, tokens that were not used since the rotation are rejected.")
        }
        let previous = directory.path + "/pepper.previous"
        guard let needs = try PepperRotation.needs(now: Service.systemClock(), previous, database), needs.isMissing
        else { return }
        report.add(
            "pepper", .warning, "\(previous) is missing, and needed by \(needs.kinds.joined(separator: "; ")).",
            "Restore it from a copy: without it, these tokens are rejected, and these events cannot be verified.")
    }

    // MARK: - PostgreSQL

    /// The connections that one instance opens at most.
    private static let connectionsPerInstance: Int64 = 19
    private static let oldestVersion: Int64 = 130_000

    private func checkPostgres(_ database: any Database, _ report: inout DoctorReport) throws {
        let settings = try database.read { connection in
            let rows = try connection.query(
                """
                SELECT name, setting FROM pg_settings WHERE name IN ('server_version_num', 'server_version', 'fsync',
                    'synchronous_commit', 'full_page_writes', 'max_connections', 'superuser_reserved_connections',
                    'transaction_read_only', 'default_transaction_read_only')
                """)
            return Dictionary(try rows.map { (try $0.text("name"), try $0.text("setting")) }) { first, _ in first }
        }
        let count = report.findings.count
        if let version = settings["server_version_num"].flatMap({ Int64($0) }), version < Self.oldestVersion {
            report.add(
                "postgresql", .warning, "PostgreSQL \(settings["server_version"] ?? "") is no longer maintained.",
                "Upgrade to a maintained version.")
        }
        for name in ["fsync", "synchronous_commit", "full_page_writes"] where settings[name] == "off" {
            report.add(
                "postgresql", .critical, "\(name) is off, so that changes that were acknowledged can be lost.",
                "Set \(name) to on in postgresql.conf.")
        }
        if settings["default_transaction_read_only"] == "on" {
            report.add(
                "postgresql", .critical, "default_transaction_read_only is on, so that no change can be made.",
                "Set it to off for the role and the database, and check that this is not a standby.")
        }
        let available =
            (settings["max_connections"].flatMap { Int64($0) } ?? .max)
            - (settings["superuser_reserved_connections"].flatMap { Int64($0) } ?? 0)
        if available < Self.connectionsPerInstance {
            report.add(
                "postgresql", .warning,
                "PostgreSQL has \(counted(available, "connection")) for all clients, and one instance uses up to "
                    + "\(Self.connectionsPerInstance).", "Raise max_connections.")
        }
        let times = try database.read { connection in
            try connection.query(
                """
                SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) AS time,
                    CAST(pg_is_in_recovery() AS INTEGER) AS standby
                """
            ).first.map { (time: try $0.integer("time"), isStandby: try $0.integer("standby") == 1) }
        }
        if let times {
            if times.isStandby {
                report.add(
                    "postgresql", .critical, "this PostgreSQL server is a standby, which accepts no changes.",
                    "Name the primary server.")
            }
            let difference = times.time - Service.systemClock()
            if abs(difference) > 5 {
                report.add(
                    "clock", .warning,
                    "the clock of PostgreSQL differs by \(counted(difference, "second")) from this "
                        + "machine's.",
                    "Synchronize the clocks of both machines.")
            }
        }
        if report.findings.count == count { report.add(.ok("postgresql", "the settings of PostgreSQL are safe.")) }
    }
}
