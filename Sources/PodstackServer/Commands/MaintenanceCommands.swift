import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The commands that maintain the data of the service: `audit`, `backup`, `pepper` and `migrate`.
enum MaintenanceCommands {
    static let all = [verifyAudit, backup, rotatePepper, pepperStatus, migrate]

    private static let verifyAudit = ServerCommand(
        "audit", "verify", summary: "Verify that no event of the audit log was changed, removed or reordered.",
        examples: ["podstack-server audit verify --data /var/lib/podstack"]
    ) { arguments in
        let service = try arguments.service()
        let previous = try arguments.dataDirectory().previousPepperPath
        let isPreviousMissing = access(previous, F_OK) != 0
        let rotations = try service.database.read { try PepperMark.rotations(in: $0) }
        // With the previous pepper, only the events from before the rotation before the last one cannot be verified.
        let rotatedAt = isPreviousMissing ? rotations.first : rotations.dropFirst().first
        let result = try AuditVerification(
            of: service.database, chain: service.changes.trail.chain, previousPepperLostUntil: rotatedAt,
            count: service.changes.auditCount)
        for fault in result.faults { StandardStream.output.write(fault + "\n") }
        guard result.faults.isEmpty else {
            throw SetupFailure("the audit log is not as it was written: \(counted(result.faults.count, "fault"))")
        }
        guard result.unverifiable == 0 else {
            throw SetupFailure(
                "\(counted(result.unverifiable, "event")) from before the rotation of the pepper at "
                    + "\(displayedTime(rotatedAt)) cannot be verified, because "
                    + (isPreviousMissing
                        ? "\(previous) is missing: restore it from a copy; nothing else is wrong"
                        : "the pepper of that time is lost; nothing else is wrong"))
        }
        let events = counted(result.events, "event")
        StandardStream.output.write(
            "intact: \(events) of \(counted(result.accounts, "account")), of \(result.eventsEver) ever written\n")
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
        // Root may write the copy where the owner of the directory may not.
        let directory = try arguments.existingDataDirectory(actsAsOwner: false)
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
        flags: [
            Flag(
                "force",
                summary: "rotate although PostgreSQL has connections of running instances, which are in fact stopped")
        ],
        examples: ["podstack-server pepper rotate --data /var/lib/podstack"]
    ) { arguments in
        let (rotation, now) = try rotation(arguments)
        // A running server would continue with the pepper that it has read.
        if try arguments.database() == nil {
            try rotation.directory.lockForServing()
        } else if !arguments.has("force") {
            let running = try rotation.database.read { try Instances.running(in: $0) }
            guard running.isEmpty else {
                throw SetupFailure(
                    "\(counted(running.count, "instance")) of the service \(running.count == 1 ? "is" : "are") running, "
                        + "and would continue with the old pepper: stop \(running.joined(separator: ", ")) first; with "
                        + "--force, the pepper is replaced anyway")
            }
        }
        try rotation.run(now: now)
        let previous = rotation.directory.previousPepperPath
        StandardStream.output.write("the pepper is replaced; every token stays valid\n")
        StandardStream.error.write(
            "note: keep \(previous) until podstack-server pepper status reports that nothing needs it, and keep a copy "
                + "of both files\n")
    }

    private static let pepperStatus = ServerCommand(
        "pepper", "status",
        summary: "Show what still needs the previous pepper. Fails if something does and the file is missing.",
        examples: ["podstack-server pepper status --data /var/lib/podstack"]
    ) { arguments in
        let (rotation, now) = try rotation(arguments)
        guard let needs = try rotation.needs(now: now) else {
            StandardStream.output.write("nothing needs an older pepper\n")
            return
        }
        StandardStream.output.write("\(needs.path) is \(needs.isMissing ? "missing, and " : "")needed by\n")
        for kind in needs.kinds { StandardStream.output.write("  \(kind)\n") }
        guard needs.isMissing else { return }
        throw SetupFailure(
            "\(needs.path) is missing: restore it from a copy; without it, these tokens are rejected, and these events "
                + "cannot be verified")
    }

    private static func rotation(_ arguments: Arguments) throws -> (PepperRotation, now: Int64) {
        let url = try arguments.database()
        let directory = try url == nil ? arguments.existingDataDirectory() : arguments.dataDirectory()
        let service = try Service(directory: directory, database: url, updatesSchema: false)
        return (PepperRotation(directory: directory, database: service.database), service.now())
    }

    // MARK: - Migrations

    private static let migrate = ServerCommand(
        "migrate",
        summary:
            "Update the database to the schema of this version, as serve does on startup. All other commands refuse "
            + "an older schema.",
        examples: ["podstack-server migrate --data /var/lib/podstack"]
    ) { arguments in
        let database: any Database
        if let url = try arguments.database() {
            let shared = PostgresDatabase(url)
            try shared.checkSessions()
            database = shared
        } else {
            let directory = try arguments.existingDataDirectory()
            try directory.checkAccess()
            let file = try SQLiteDatabase(path: directory.databasePath, mayCreate: false)
            try directory.checkDatabase { try file.tables() }
            database = file
        }
        let old = try database.write { try Migrations.version(in: $0) }
        try Migrations.run(on: database)
        let new = try database.write { try Migrations.version(in: $0) }
        StandardStream.output.write(
            old == new ? "schema version \(new): the newest\n" : "schema version \(old) updated to \(new)\n")
    }
}
