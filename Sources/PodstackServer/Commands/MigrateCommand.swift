extension ServerCommand {
    static let migrate = ServerCommand(
        words: ["migrate"], summary: "Bring the database to the schema of this program, as serving does too.",
        run: MigrateCommand.run)
}

private enum MigrateCommand {
    static func run(_ flags: Flags) throws {
        let database: any Database =
            if let url = try flags.database() {
                PostgresDatabase(url)
            } else {
                try SQLiteDatabase(path: try flags.existingDataDirectory().databasePath)
            }
        let old = try database.write { try Migrations.version(in: $0) }
        try Migrations.run(on: database)
        let new = try database.write { try Migrations.version(in: $0) }
        StandardStream.output.write(
            old == new ? "schema version \(new): the newest\n" : "schema version \(old) brought to \(new)\n")
    }
}
