import PodstackCommandLine

/// The commands that maintain the data of the service: `audit`, `backup`, `pepper` and `migrate`.
enum MaintenanceCommands {
    static let all = [verifyAudit, backup, rotatePepper, pepperStatus, migrate]

    private static let verifyAudit = ServerCommand(
        "audit", "verify", summary: "Verify that no event of the audit log was changed, removed or reordered.",
        examples: ["podstack-server audit verify --data /var/lib/podstack"]
    ) { arguments in
        let service = try arguments.service()
        let result = try AuditVerification(of: service.database, chain: service.changes.trail.chain)
        for fault in result.faults { StandardStream.output.write(fault + "\n") }
        guard result.faults.isEmpty else {
            let count = result.faults.count == 1 ? "1 fault" : "\(result.faults.count) faults"
            throw SetupFailure("the audit log is not as it was written: \(count)")
        }
        StandardStream.output.write("intact: \(result.events) events of \(result.accounts) accounts\n")
    }

    private static let backup = ServerCommand(
        "backup", summary: "Copy the database to a new file. The copy does not contain the pepper.",
        arguments: [Argument("FILE", summary: "the file to create", values: .files)],
        examples: ["podstack-server backup /backup/podstack.sqlite --data /var/lib/podstack"]
    ) { arguments in
        let file = arguments.positional[0]
        guard try arguments.database() == nil else {
            throw UsageError(
                "--database: backup copies only the database of a data directory; use pg_dump for PostgreSQL")
        }
        let directory = try arguments.existingDataDirectory()
        let progress = ProgressLine { StandardStream.error.write($0) }
        let showsProgress = StandardStream.error.isTerminal
        try SQLiteBackup.create(of: directory.databasePath, to: file) { done, all in
            if showsProgress { progress.show("\(done * 100 / max(all, 1)) %") }
        }
        progress.clear()
        StandardStream.output.write("backed up to \(file)\n")
        StandardStream.error.write(
            "note: \(directory.pepperPath) is not in it, and no token of the backup can be verified without it: keep a "
                + "copy of it in another place\n")
    }

    // MARK: - Pepper

    private static let rotatePepper = ServerCommand(
        "pepper", "rotate",
        summary: "Replace the pepper. Every token stays valid, and moves to the new pepper when it is next used.",
        examples: ["podstack-server pepper rotate --data /var/lib/podstack"]
    ) { arguments in
        let (rotation, now) = try rotation(arguments)
        // A running server would continue with the pepper that it has read.
        if try arguments.database() == nil { try rotation.directory.lockForServing() }
        try rotation.run(now: now)
        let previous = rotation.directory.previousPepperPath
        StandardStream.output.write("the pepper is replaced; every token stays valid\n")
        StandardStream.error.write(
            "note: keep \(previous) until podstack-server pepper status reports that nothing needs it, and keep a copy "
                + "of both files\n")
    }

    private static let pepperStatus = ServerCommand(
        "pepper", "status", summary: "Show what still needs the previous pepper.",
        examples: ["podstack-server pepper status --data /var/lib/podstack"]
    ) { arguments in
        let (rotation, now) = try rotation(arguments)
        let needs = try rotation.needs(now: now)
        guard !needs.isEmpty else {
            StandardStream.output.write("nothing needs an older pepper\n")
            return
        }
        StandardStream.output.write("\(rotation.directory.previousPepperPath) is needed by\n")
        for need in needs { StandardStream.output.write("  \(need)\n") }
    }

    private static func rotation(_ arguments: Arguments) throws -> (PepperRotation, now: Int64) {
        let url = try arguments.database()
        let directory = try url == nil ? arguments.existingDataDirectory() : arguments.dataDirectory()
        let service = try Service(directory: directory, database: url)
        return (PepperRotation(directory: directory, database: service.database), service.now())
    }

    // MARK: - Migrations

    private static let migrate = ServerCommand(
        "migrate", summary: "Update the database to the schema of this version, as serve does on startup.",
        examples: ["podstack-server migrate --data /var/lib/podstack"]
    ) { arguments in
        let database: any Database
        if let url = try arguments.database() {
            let shared = PostgresDatabase(url)
            try shared.checkSessions()
            database = shared
        } else {
            database = try SQLiteDatabase(
                path: try arguments.existingDataDirectory().databasePath, mayCreate: false)
        }
        let old = try database.write { try Migrations.version(in: $0) }
        try Migrations.run(on: database)
        let new = try database.write { try Migrations.version(in: $0) }
        StandardStream.output.write(
            old == new ? "schema version \(new): the newest\n" : "schema version \(old) updated to \(new)\n")
    }
}
