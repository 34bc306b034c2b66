import CPostgres

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One connection to PostgreSQL; the only source file that calls libpq.
///
/// ``PostgresPool`` makes sure that only one thread at a time uses it.
final class PostgresConnection: DatabaseConnection {
    /// The number of prepared statements that are kept: a list of IDs makes a statement of its own for each length.
    private static let maxStatements = 200
    /// The milliseconds after which no response will come any more: the server itself gives up earlier.
    private static let timeoutMilliseconds: Int32 = 45_000
    /// The milliseconds after which a commit counts as failed, which may wait for a standby.
    private static let commitMilliseconds: Int32 = 15_000

    /// A statement that the server has prepared.
    private final class Statement {
        let name: String
        /// The names of the columns, known from the first result on.
        var columns: DatabaseColumns?

        init(name: String) { self.name = name }
    }

    private let handle: OpaquePointer
    private var statements: [String: Statement] = [:]
    private var preparedCount = 0
    private var isLost = false
    private var changes = 0

    /// Whether the server has refused a change, because it or the session is read-only.
    private var hasRefusedChange = false
    private let warnings = Warnings()

    /// Counts the warnings of the server.
    private final class Warnings {
        var count = 0
    }

    init(_ url: PostgresURL) throws {
        let start = MonotonicClock.nanoseconds
        guard let handle = Self.connect(url) else {
            throw DatabaseFailure(reason: "PostgreSQL: not enough memory for a connection")
        }
        self.handle = handle
        guard PQstatus(handle) == CONNECTION_OK || Self.isOpenAfterAll(handle, since: start) else {
            let reason = url.withoutPassword(String(cString: PQerrorMessage(handle)))
            throw DatabaseFailure(
                Self.kind(ofRefusal: reason), reason: "PostgreSQL: " + PostgresDialect.explaining(reason))
        }
        // By default, libpq writes the server's notices to standard error.
        PQsetNoticeReceiver(
            handle,
            { warnings, _ in
                if let warnings { Unmanaged<Warnings>.fromOpaque(warnings).takeUnretainedValue().count += 1 }
            }, Unmanaged.passUnretained(warnings).toOpaque())
        try script(PostgresDialect.session)
    }

    private static func connect(_ url: PostgresURL) -> OpaquePointer? {
        // The URL is last, so its options take precedence.
        var parameters = [
            ("application_name", "podstack-server"), ("client_encoding", "UTF8"), ("connect_timeout", "5"),
            ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "10000"),
        ]
        // By default, libpq continues without encryption if the server has no TLS.
        if !url.isLocal { parameters.append(("sslmode", "require")) }
        // A standby may not know yet that a token was revoked.
        if url.hasSeveralHosts { parameters.append(("target_session_attrs", "read-write")) }
        parameters.append(("dbname", url.text))
        var names: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.0)) } + [nil]
        var values: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.1)) } + [nil]
        defer { for text in names + values { free(UnsafeMutablePointer(mutating: text)) } }
        return PQconnectdbParams(&names, &values, 1)
    }

    /// The error of a server that has no free slot for a connection.
    private static let noFreeSlot = "53300"

    /// Tries again to open a connection that was refused at once, this time for the error's code.
    ///
    /// libpq has the code of such an error only in a message of this verbosity, which it does not know before the first
    /// attempt.
    ///
    /// - Returns: Whether the second attempt has succeeded. If not, the message contains the code.
    private static func isOpenAfterAll(_ handle: OpaquePointer, since start: Int64) -> Bool {
        guard MonotonicClock.nanoseconds - start < 1_000_000_000 else { return false }
        PQsetErrorVerbosity(handle, PQERRORS_SQLSTATE)
        PQreset(handle)
        guard PQstatus(handle) == CONNECTION_OK else { return false }
        PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
        return true
    }

    /// Returns the kind of failure that the message of a refused connection describes.
    private static func kind(ofRefusal message: String) -> DatabaseFailure.Kind {
        if message.contains(noFreeSlot) { return .busy }
        // Messages of libpq itself, for `target_session_attrs`.
        let readOnly = ["session is read-only", "server is in hot standby mode"]
        return readOnly.contains(where: message.contains) ? .cannotSave : .unreachable
    }

    /// Does nothing: only a ``PostgresTransaction`` sends announcements.
    func announce(_ announcement: Announcement) {}

    deinit { PQfinish(handle) }

    /// Whether the connection works, as far as is known.
    var isAlive: Bool { !isLost && PQstatus(handle) == CONNECTION_OK }

    /// Whether the connection can be used for another transaction.
    var isIdle: Bool { isAlive && !hasRefusedChange && PQtransactionStatus(handle) == PQTRANS_IDLE }

    /// Whether the server accepts no changes: it is a standby, or its operator has made it read-only.
    ///
    /// PostgreSQL 14 and newer report both settings with each result after they have changed.
    var isReadOnly: Bool {
        let settings: [String] = ["in_hot_standby", "default_transaction_read_only"]
        return hasRefusedChange
            || settings.contains { setting in
                PQparameterStatus(handle, setting).map { String(cString: $0) == "on" } ?? false
            }
    }

    /// Commits the transaction.
    ///
    /// A commit that waits for a standby is not ended by `statement_timeout`: the server would report success, although
    /// the change would be lost with this server.
    ///
    /// - Throws: ``DatabaseFailure`` unless the change is as durable as the server's settings demand.
    func commit() throws {
        let count = warnings.count
        let tag = try script("SET LOCAL statement_timeout = 0; COMMIT", within: Self.commitMilliseconds)
        // After a failed statement, the server rolls back at COMMIT and does not report an error.
        guard tag == "COMMIT" else { throw DatabaseFailure(reason: "PostgreSQL: the transaction was undone") }
        guard warnings.count == count else {
            throw DatabaseFailure(.cannotSave, reason: "PostgreSQL: no standby has confirmed the change")
        }
    }

    func query(_ statement: SQL) throws -> [DatabaseRow] {
        let prepared = try prepare(statement)
        let result = try run(prepared, statement.arguments)
        guard result.rowCount > 0 else { return [] }
        let columns = prepared.columns ?? DatabaseColumns(result.columnNames)
        prepared.columns = columns
        return result.rows(columns)
    }

    @discardableResult
    func execute(_ statement: SQL) throws -> Int {
        _ = try run(try prepare(statement), statement.arguments)
        return changes
    }

    private func run(_ statement: Statement, _ arguments: [DatabaseValue]) throws -> Result {
        let sent = Self.withParameters(arguments) { values, lengths, formats in
            PQsendQueryPrepared(handle, statement.name, Int32(arguments.count), values, lengths, formats, 1)
        }
        let result = try result(sent)
        changes = result.changes
        return result
    }

    /// Runs statements without arguments and without preparing them.
    ///
    /// - Returns: The tag of the last statement, such as `COMMIT`.
    @discardableResult
    func script(_ sql: String) throws -> String { try script(sql, within: Self.timeoutMilliseconds) }

    private func script(_ sql: String, within milliseconds: Int32) throws -> String {
        try result(PQsendQuery(handle, sql), within: milliseconds).tag
    }

    /// Waits until the server sends something, `other` can be read or the time is over.
    ///
    /// - Parameters:
    ///   - milliseconds: The time.
    ///   - other: Another descriptor to wait for, or -1.
    /// - Returns: The notifications that have arrived.
    /// - Throws: ``DatabaseFailure`` if the connection is lost.
    func notifications(within milliseconds: Int, or other: Int32 = -1) throws -> [String] {
        var found: [String] = []
        func collect() {
            while let next = PQnotifies(handle) {
                found.append(String(cString: next.pointee.extra))
                PQfreemem(next)
            }
        }
        // Some may have arrived with the result of a statement.
        collect()
        guard found.isEmpty else { return found }
        var sockets = [
            pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0),
            pollfd(fd: other, events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&sockets, 2, Int32(milliseconds)) > 0, sockets[0].revents != 0 else { return [] }
        guard PQconsumeInput(handle) == 1 else { throw lost() }
        collect()
        return found
    }

    var statementCount: Int { statements.count }

    private func prepare(_ statement: SQL) throws -> Statement {
        if let statement = statements[statement.text] { return statement }
        if statements.count >= Self.maxStatements {
            try script("DEALLOCATE ALL")
            statements = [:]
        }
        preparedCount += 1
        let prepared = Statement(name: "s\(preparedCount)")
        let types = statement.arguments.map(\.type)
        _ = try result(
            PQsendPrepare(
                handle, prepared.name, PostgresDialect.translate(statement.text), Int32(types.count), types))
        statements[statement.text] = prepared
        return prepared
    }

    /// Returns the last result of what was sent.
    ///
    /// - Throws: ``DatabaseFailure`` if any of the results is an error.
    private func result(_ sent: Int32, within milliseconds: Int32 = timeoutMilliseconds) throws -> Result {
        guard sent == 1 else { throw lost() }
        var last: Result?
        var failure: DatabaseFailure?
        while let next = try nextResult(within: milliseconds) {
            if next.state == PostgresDialect.readOnlyState { hasRefusedChange = true }
            if failure == nil { failure = next.failure }
            last = next
        }
        if let failure {
            // The server has ended the connection after reporting the error.
            if PQstatus(handle) != CONNECTION_OK { isLost = true }
            throw failure
        }
        guard let last else { throw lost() }
        return last
    }

    private func nextResult(within milliseconds: Int32) throws -> Result? {
        while PQisBusy(handle) == 1 {
            var socket = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
            let count = poll(&socket, 1, milliseconds)
            if count < 0, errno == EINTR { continue }
            guard count > 0, PQconsumeInput(handle) == 1 else { throw lost() }
        }
        return PQgetResult(handle).map(Result.init)
    }

    private func lost() -> DatabaseFailure {
        isLost = true
        return DatabaseFailure(.unreachable, reason: "PostgreSQL: the connection was lost")
    }

    /// Calls `body` with the arguments in PostgreSQL's binary format, side by side in one buffer.
    private static func withParameters<Value>(
        _ arguments: [DatabaseValue],
        _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> Value
    ) -> Value {
        var bytes: [UInt8] = []
        var ranges: [Range<Int>?] = []
        for argument in arguments {
            let start = bytes.count
            switch argument {
            case .null: break
            case .integer(let number): withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
            case .text(let text): bytes += text.utf8
            case .blob(let blob): bytes += blob
            }
            ranges.append(argument == .null ? nil : start..<bytes.count)
        }
        // An empty value needs an address too, because a missing address means NULL.
        bytes.append(0)
        return bytes.withUnsafeBytes { buffer in
            let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            return body(
                ranges.map { range in range.flatMap { start?.advanced(by: $0.lowerBound) } },
                ranges.map { Int32($0?.count ?? 0) }, [Int32](repeating: 1, count: arguments.count))
        }
    }

    /// Returns the options in a connection URL, or nil if the URL is invalid.
    static func options(of url: String) -> [String: String]? {
        guard let options = PQconninfoParse(url, nil) else { return nil }
        defer { PQconninfoFree(options) }
        var found: [String: String] = [:]
        var option = options
        while let name = option.pointee.keyword {
            if let value = option.pointee.val { found[String(cString: name)] = String(cString: value) }
            option += 1
        }
        return found
    }

    /// The result of one statement.
    private final class Result {
        private let result: OpaquePointer

        init(_ result: OpaquePointer) { self.result = result }
        deinit { PQclear(result) }

        var tag: String { String(cString: PQcmdStatus(result)) }
        var changes: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

        /// The error, if the result is one; the server's own message may contain values and is not used.
        var failure: DatabaseFailure? {
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return nil
            default:
                return DatabaseFailure(PostgresDialect.kind(state), reason: PostgresDialect.reason(state))
            }
        }

        /// The code of the error, if the result is one.
        var state: String? { PQresultErrorField(result, podstack_sqlstate_field).map { String(cString: $0) } }

        var rowCount: Int { Int(PQntuples(result)) }

        var columnNames: [String] {
            (0..<PQnfields(result)).map { PQfname(result, $0).map { String(cString: $0) } ?? "" }
        }

        func rows(_ columns: DatabaseColumns) -> [DatabaseRow] {
            (0..<PQntuples(result)).map { row in
                DatabaseRow((0..<PQnfields(result)).map { value(row, $0) }, columns)
            }
        }

        private func value(_ row: Int32, _ column: Int32) -> DatabaseValue {
            guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else {
                return .null
            }
            let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
            switch PostgresDialect.Kind(type: PQftype(result, column)) {
            case .integer:
                let isNegative = bytes.first.map { $0 >= 0x80 } ?? false
                return .integer(bytes.reduce(isNegative ? -1 : 0) { $0 << 8 | Int64($1) })
            case .blob: return .blob(Array(bytes))
            case .text: return .text(String(decoding: bytes, as: UTF8.self))
            case .nothing: return .null
            }
        }
    }
}

extension DatabaseValue {
    /// The type that the statement declares for an argument; 0 lets the server infer it.
    fileprivate var type: Oid {
        switch self {
        case .null: 0
        case .integer: PostgresDialect.Kind.bigint
        case .text: PostgresDialect.Kind.textType
        case .blob: PostgresDialect.Kind.bytea
        }
    }
}

// MARK: - Dialect

/// The differences between PostgreSQL and SQLite: stores and migrations are written once, in SQL that both understand.
enum PostgresDialect {
    /// The settings of every connection.
    ///
    /// No transaction makes others wait for long, even if its instance stops in the middle, and no commit returns before
    /// it is on disk.
    static let session = """
        SET client_min_messages = warning; SET lock_timeout = '10s'; SET statement_timeout = '30s';
        SET idle_in_transaction_session_timeout = '15s';
        SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
        """

    /// The error of a change in a read-only transaction.
    static let readOnlyState = "25006"

    /// Replaces each `?` outside of literals by `$1`, `$2` and so on, and the column types by PostgreSQL's.
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

    /// Returns the reason that operators see for an error.
    static func reason(_ state: String?) -> String {
        guard let state else { return "PostgreSQL: the connection was lost" }
        return "PostgreSQL: \(meaning(of: state)) (\(state))"
    }

    /// Returns what the code of an error means: the end of a sentence.
    ///
    /// Source: appendix A of the PostgreSQL manual.
    private static func meaning(of state: String) -> String {
        switch state {
        case "25006": "the server is read-only"
        case "28000": "the server does not accept this role or this machine, see its pg_hba.conf"
        case "28P01": "the password or the role is wrong"
        case "3D000": "the server has no database of this name"
        case "42501": "the role lacks a privilege: make it the owner of the database"
        case "42P01": "a table is missing"
        case "42P07", "42701": "the database has a table of another program with the same name"
        case "53100": "the disk of the server is full"
        case "53200": "the server has no memory left"
        case "53300": "the server has no free slot for a connection"
        case "57014": "the statement took too long"
        case "57P01", "57P02": "the server was stopped"
        case "57P03": "the server is starting or stopping"
        default:
            switch state.prefix(2) {
            case "08": "the connection failed"
            case "22", "42": "a statement is invalid"
            case "23": "a constraint was violated"
            case "25", "40": "the transaction was undone"
            case "28", "3D": "the server refuses the connection"
            case "53", "54": "the server has no resources left"
            case "55": "another transaction holds a lock for too long"
            case "57": "the server was stopped, or the statement took too long"
            case "58", "XX": "the server has an internal error, see its log"
            default: "the statement failed"
            }
        }
    }

    /// Replaces the codes in a message of libpq about a refused connection by what they mean.
    ///
    /// The message has a code in place of the server's own text, which may be in any language: "FATAL:  28P01".
    static func explaining(_ message: String) -> String {
        var words = message.split(separator: " ").map(String.init)
        for index in words.indices.dropFirst() where words[index - 1].hasSuffix(":") {
            let isCode =
                words[index].utf8.count == 5
                && words[index].utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
            if isCode { words[index] = "\(meaning(of: words[index])) (\(words[index]))" }
        }
        return words.joined(separator: " ")
    }

    /// Returns the kind of an error.
    ///
    /// Source: appendix A of the PostgreSQL manual.
    static func kind(_ state: String?) -> DatabaseFailure.Kind {
        switch state {
        case nil: return .unreachable
        case readOnlyState, "53100": return .cannotSave
        // No slot, no lock within the time, and no result within the time.
        case "53300", "55P03", "57014": return .busy
        default: break
        }
        return ["08", "28", "3D", "57"].contains(state?.prefix(2)) ? .unreachable : .other
    }

    /// The kind of value in a column.
    ///
    /// Source: `pg_type.dat` of PostgreSQL, whose numbers never change.
    enum Kind {
        static let bytea: UInt32 = 17
        static let bigint: UInt32 = 20
        static let textType: UInt32 = 25

        case integer, blob, text, nothing

        init(type: UInt32) {
            switch type {
            // 21 and 23 are smallint and integer; the length of the value distinguishes them.
            case Self.bigint, 21, 23: self = .integer
            case Self.bytea: self = .blob
            // The type void.
            case 2278: self = .nothing
            default: self = .text
            }
        }
    }
}
