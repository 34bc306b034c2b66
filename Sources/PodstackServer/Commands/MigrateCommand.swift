/// `podstack-server migrate`.
enum MigrateCommand {
    static let flags: [String] = []

    static func run(_ flags: Flags) throws {
        _ = try flags.positional([])
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
