import PodstackCryptography

/// What a database has that several instances share, and no other: made beside the tables of the migrations.
enum PostgresSchema {
    /// Makes it, and makes sure that every instance of the service has the same pepper: with another one each token
    /// would be refused as unknown.
    static func prepare(_ database: PostgresDatabase, for peppers: Peppers) throws {
        let mark = mark(of: peppers.current)
        try database.write { connection in
            for statement in Instances.schema { try connection.run(statement) }
            try connection.run("CREATE TABLE IF NOT EXISTS pepper_mark (mark BLOB NOT NULL)")
            guard let known = try connection.run("SELECT mark FROM pepper_mark").first?.blob(0) else {
                try connection.run("INSERT INTO pepper_mark (mark) VALUES (?)", [.blob(mark)])
                return
            }
            if Sodium.constantTimeEqual(known, mark) { return }
            // It was rotated, and this is the first instance that has the new one.
            if let previous = peppers.previous, Sodium.constantTimeEqual(known, self.mark(of: previous)) {
                try connection.run("UPDATE pepper_mark SET mark = ?", [.blob(mark)])
            } else {
                throw SetupFailure(
                    "the file pepper in the data directory is not the one that this database was first used with: "
                        + "copy that here, with mode 600")
            }
        }
    }

    private static func mark(of pepper: Pepper) -> [UInt8] {
        Sodium.hmacSHA256(Array("podstack pepper mark 1".utf8), key: pepper.bytes)
    }
}
