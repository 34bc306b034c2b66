/// A write under way.
final class PostgresTransaction: DatabaseConnection {
    /// Each announcement is numbered, in the order of the transactions: one is made after the other.
    static let channel = "podstack_changes"

    private let connection: PostgresConnection
    /// The number of the last one that was made.
    private(set) var announced: Int64?

    init(_ connection: PostgresConnection) { self.connection = connection }

    var changes: Int { connection.changes }

    @discardableResult
    func run(_ sql: String, _ arguments: [DatabaseValue]) throws -> [DatabaseRow] {
        try connection.run(sql, arguments)
    }

    /// Heard by the others with the end of the transaction, or not at all when it is undone.
    func announce(_ announcement: Announcement) throws {
        for line in announcement.lines {
            guard let number = try run("SELECT nextval('announcements')").first?.integer(0) else {
                throw DatabaseFailure(reason: "PostgreSQL: announcements are not numbered")
            }
            try run("SELECT pg_notify('\(Self.channel)', ?)", [.text("\(number) \(line)")])
            announced = number
        }
    }
}
