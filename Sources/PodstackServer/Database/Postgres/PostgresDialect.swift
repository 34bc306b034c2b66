/// What is not the same in both databases: the SQL of the stores and migrations is written once.
enum PostgresDialect {
    /// How a connection is set up. No transaction keeps others waiting for long, not that of an instance which stopped
    /// in its middle either, and none is answered before it is on the disk.
    static let session = """
        SET client_min_messages = error; SET lock_timeout = '10s'; SET statement_timeout = '30s';
        SET idle_in_transaction_session_timeout = '15s';
        SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
        """

    /// The statement with `$1`, `$2` … for its `?`, and the types of columns by their names here.
    static func translate(_ sql: String) -> String {
        var translated: [UInt8] = []
        var isQuoted = false
        var count = 0
        for byte in sql.utf8 {
            if byte == UInt8(ascii: "'") { isQuoted.toggle() }
            if byte == UInt8(ascii: "?"), !isQuoted {
                count += 1
                translated += Array("$\(count)".utf8)
            } else {
                translated.append(byte)
            }
        }
        let text = String(decoding: translated, as: UTF8.self)
        let definesColumns = ["CREATE TABLE", "ALTER TABLE"].contains { text.hasPrefix($0) }
        return definesColumns ? text.replacing(" BLOB", with: " BYTEA") : text
    }

    /// What the operator is told. Source: appendix A of PostgreSQL's manual, by class.
    static func reason(_ state: String?) -> String {
        let meaning =
            switch state?.prefix(2) {
            case nil: "the connection was lost"
            case "08": "the connection failed"
            case "22", "42": "it does not understand a statement"
            case "23": "a constraint does not allow it"
            case "25", "40": "the transaction was undone"
            case "28", "3D": "it refuses the connection"
            case "53", "54": "it has no room"
            case "55": "another transaction takes too long"
            case "57": "it was stopped, or took too long"
            case "58", "XX": "it has an error of its own, see its log"
            default: "it failed"
            }
        return "PostgreSQL\(state.map { " \($0)" } ?? ""): \(meaning)"
    }

    /// What a column holds. Source: `pg_type.dat` of PostgreSQL, whose numbers never change.
    enum Kind {
        static let bytea: UInt32 = 17
        static let bigint: UInt32 = 20
        static let textType: UInt32 = 25

        case integer, blob, text, nothing

        init(type: UInt32) {
            switch type {
            // smallint and integer too: the value says how long it is.
            case Self.bigint, 21, 23: self = .integer
            case Self.bytea: self = .blob
            // void
            case 2278: self = .nothing
            default: self = .text
            }
        }
    }
}
