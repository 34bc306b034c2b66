/// Who remembers tokens, in the database: a row for each instance of the service that listens.
enum Instances {
    static let schema = [
        // `heard` is the number of the announcement up to which the instance has forgotten what it was told to.
        """
        CREATE TABLE IF NOT EXISTS instances (
            id TEXT NOT NULL PRIMARY KEY,
            process TEXT NOT NULL,
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
        let last = try connection.run("SELECT last_value FROM announcements").first?.integer(0) ?? 0
        try connection.run(
            "INSERT INTO instances (id, process, heard, fenced) VALUES (?, ?, ?, 0)",
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

    /// Those, but for `process`, that may still use what they remember from before announcement `number`.
    static func behind(
        _ number: Int64, but process: String, in connection: any DatabaseConnection
    ) throws -> [String] {
        try connection.run(
            "SELECT id FROM instances WHERE process <> ? AND (heard < ? OR fenced = 1)",
            [.text(process), .integer(number)]
        ).map { try $0.text(0) }
    }

    /// From now on the instance cannot lengthen its lease.
    static func fence(_ id: String, in connection: any DatabaseConnection) throws {
        try connection.run("UPDATE instances SET fenced = 1 WHERE id = ?", [.text(id)])
    }

    static func remove(fenced id: String, in connection: any DatabaseConnection) throws {
        try connection.run("DELETE FROM instances WHERE id = ? AND fenced = 1", [.text(id)])
    }
}
