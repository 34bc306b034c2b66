/// Who remembers tokens, in the database: a row for each instance of the service that listens.
enum Instances {
    static let schema = [
        // `backend` is the number of the database's process for the connection that listens; `heard` that of the
        // announcement up to which the instance has forgotten what it was told to.
        """
        CREATE TABLE IF NOT EXISTS instances (
            id TEXT NOT NULL PRIMARY KEY,
            process TEXT NOT NULL,
            backend BIGINT NOT NULL,
            heard BIGINT NOT NULL,
            fenced BIGINT NOT NULL
        )
        """,
        "CREATE SEQUENCE IF NOT EXISTS announcements",
    ]

    /// The number of the last announcement that the instance need not hear of. Part of a write: no other is under way
    /// whose announcement has its number already, and is yet to come.
    static func add(_ id: String, of process: String, in connection: any DatabaseConnection) throws -> Int64 {
        try remove(process: process, in: connection)
        // The first number and none at all look the same but for the flag.
        let last = try connection.run(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM announcements"
        ).first?.integer(0)
        guard let last else { throw DatabaseFailure(reason: "PostgreSQL: announcements are not numbered") }
        try connection.run(
            "INSERT INTO instances (id, process, backend, heard, fenced) VALUES (?, ?, pg_backend_pid(), ?, 0)",
            [.text(id), .text(process), .integer(last)])
        return last
    }

    /// False when the instance was given up.
    static func note(_ id: String, heard: Int64, in connection: any DatabaseConnection) throws -> Bool {
        try connection.run(
            "UPDATE instances SET heard = ? WHERE id = ? AND fenced = 0", [.integer(heard), .text(id)])
        return connection.changes == 1
    }

    static func remove(process: String, in connection: any DatabaseConnection) throws {
        try connection.run("DELETE FROM instances WHERE process = ?", [.text(process)])
    }

    /// Those, but for `process`, that may still use what they remember from before announcement `number`; and whether
    /// the connection is there through which they would hear of it.
    static func behind(
        _ number: Int64, but process: String, in connection: any DatabaseConnection
    ) throws -> [(id: String, isConnected: Bool)] {
        try connection.run(
            """
            SELECT id, (SELECT COUNT(*) FROM pg_stat_activity WHERE pid = backend) FROM instances
            WHERE process <> ? AND (heard < ? OR fenced = 1)
            """, [.text(process), .integer(number)]
        ).map { (try $0.text(0), try $0.integer(1) > 0) }
    }

    /// From now on the instance cannot lengthen its lease.
    static func fence(_ id: String, in connection: any DatabaseConnection) throws {
        try connection.run("UPDATE instances SET fenced = 1 WHERE id = ?", [.text(id)])
    }

    static func remove(fenced id: String, in connection: any DatabaseConnection) throws {
        try connection.run("DELETE FROM instances WHERE id = ? AND fenced = 1", [.text(id)])
    }
}
