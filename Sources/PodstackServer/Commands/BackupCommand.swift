extension ServerCommand {
    static let backup = ServerCommand(
        words: ["backup"], arguments: ["FILE"],
        summary: "Copy the database, as it is now, to a new file. The pepper is not in it.", run: BackupCommand.run)
}

private enum BackupCommand {
    static func run(_ flags: Flags) throws {
        let file = flags.positional[0]
        guard try flags.database() == nil else {
            throw UsageFailure("backup copies the database of a data directory; pg_dump backs up PostgreSQL")
        }
        let directory = try flags.existingDataDirectory()
        let isWatched = StandardStream.error.isTerminal
        try SQLiteBackup.create(of: directory.databasePath, to: file) { done, all in
            if isWatched { StandardStream.error.write("\r\(done * 100 / max(all, 1)) %") }
        }
        if isWatched { StandardStream.error.write("\r\u{1B}[K") }
        StandardStream.output.write("backed up to \(file)\n")
        StandardStream.error.write(
            "note: \(directory.pepperPath) is not in it, and without it no token of the backup verifies: "
                + "keep a copy of it in another place\n")
    }
}
