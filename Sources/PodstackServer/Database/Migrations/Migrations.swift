/// Brings a database from any released schema to the newest. A migration never changes once it was released.
enum Migrations {
    static let all: [[String]] = [
        initialSchema, tokenRotation, projectMembers, idempotentAnswers, auditLog, pepperRotations, deviceRequests,
        disabledUsers, signIn, tokenUses,
    ]

    /// 0 for a database without anything.
    static func version(in connection: any DatabaseConnection) throws -> Int64 {
        try connection.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
        return try connection.run("SELECT version FROM schema_version").first?.integer(0) ?? 0
    }

    /// Several instances that start at once do it once: the others wait for the one writer, and find it done.
    static func run(on database: any Database, all: [[String]] = all) throws {
        try database.write { connection in
            let version = try version(in: connection)
            guard version <= all.count else {
                throw DatabaseFailure(
                    reason: "its schema is version \(version), this program knows \(all.count); use a newer one")
            }
            guard version < all.count else { return }
            for statement in all[Int(version)...].joined() { try connection.run(statement) }
            try connection.run("DELETE FROM schema_version")
            try connection.run("INSERT INTO schema_version (version) VALUES (?)", [.integer(Int64(all.count))])
        }
    }
}
