import CPostgres

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One connection to PostgreSQL; the only file that calls the library.
///
/// Not for two threads at once: ``PostgresPool`` sees to that.
final class PostgresConnection: DatabaseConnection {
    /// The server keeps what it prepared for as long as the connection lives, and a list of projects makes a statement
    /// of its own for each length.
    private static let mostStatements = 200
    /// An answer that takes longer never comes: the server itself gives up before.
    private static let patience: Int32 = 45_000

    private let handle: OpaquePointer
    private var statements: [String: String] = [:]
    private var prepared = 0
    private var isLost = false
    private(set) var changes = 0

    init(_ url: PostgresURL) throws {
        // What the URL says stands at the end and so prevails.
        var parameters = [
            ("application_name", "podstack-server"), ("client_encoding", "UTF8"), ("connect_timeout", "5"),
            ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "10000"),
        ]
        // The library would go on in the clear when the server has no TLS.
        if !url.isLocal { parameters.append(("sslmode", "require")) }
        parameters.append(("dbname", url.text))
        var names: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.0)) } + [nil]
        var values: [UnsafePointer<CChar>?] = parameters.map { UnsafePointer(strdup($0.1)) } + [nil]
        defer { for text in names + values { free(UnsafeMutablePointer(mutating: text)) } }
        guard let handle = PQconnectdbParams(&names, &values, 1) else {
            throw DatabaseFailure(reason: "PostgreSQL: no memory for a connection")
        }
        self.handle = handle
        guard PQstatus(handle) == CONNECTION_OK else {
            let reason = String(cString: PQerrorMessage(handle))
            throw DatabaseFailure(reason: "PostgreSQL: " + url.withoutPassword(reason))
        }
        // The library would write the server's notices to standard error.
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        try script(PostgresDialect.session)
    }

    /// Outside of a write there is nothing to tell.
    func announce(_ announcement: Announcement) {}

    deinit { PQfinish(handle) }

    /// Whether the server is there, as far as is known.
    var isAlive: Bool { !isLost && PQstatus(handle) == CONNECTION_OK }

    /// Whether it is good for another transaction.
    var isIdle: Bool { isAlive && PQtransactionStatus(handle) == PQTRANS_IDLE }

    @discardableResult
    func run(_ sql: String, _ arguments: [DatabaseValue]) throws -> [DatabaseRow] {
        let name = try statement(sql, arguments)
        let sent = Self.withParameters(arguments) { values, lengths, formats in
            PQsendQueryPrepared(handle, name, Int32(arguments.count), values, lengths, formats, 1)
        }
        let answer = try answer(sent)
        changes = answer.changes
        return answer.rows
    }

    /// Runs statements without arguments, prepared by nobody; gives the tag of the last one, such as `COMMIT`.
    @discardableResult
    func script(_ sql: String) throws -> String { try answer(PQsendQuery(handle, sql)).tag }

    /// Waits until the server has something to say, `other` can be read, or the time is over, and gives what was
    /// announced meanwhile.
    func notifications(within milliseconds: Int, or other: Int32) throws -> [String] {
        var found: [String] = []
        func collect() {
            while let next = PQnotifies(handle) {
                found.append(String(cString: next.pointee.extra))
                PQfreemem(next)
            }
        }
        // Some may have come with the answer to a statement.
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

    private func statement(_ sql: String, _ arguments: [DatabaseValue]) throws -> String {
        if let name = statements[sql] { return name }
        if statements.count >= Self.mostStatements {
            try script("DEALLOCATE ALL")
            statements = [:]
        }
        prepared += 1
        let name = "s\(prepared)"
        let types = arguments.map(\.type)
        _ = try answer(PQsendPrepare(handle, name, PostgresDialect.translate(sql), Int32(types.count), types))
        statements[sql] = name
        return name
    }

    /// The last answer to what was sent. Throws when any was a failure.
    private func answer(_ sent: Int32) throws -> Answer {
        guard sent == 1 else { throw lost() }
        var last: Answer?
        var failure: DatabaseFailure?
        while let next = try nextAnswer() {
            if failure == nil { failure = next.failure }
            last = next
        }
        if let failure {
            // The server says so, and ends the connection.
            if PQstatus(handle) != CONNECTION_OK { isLost = true }
            throw failure
        }
        guard let last else { throw lost() }
        return last
    }

    private func nextAnswer() throws -> Answer? {
        while PQisBusy(handle) == 1 {
            var socket = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
            let count = poll(&socket, 1, Self.patience)
            if count < 0, errno == EINTR { continue }
            guard count > 0, PQconsumeInput(handle) == 1 else { throw lost() }
        }
        return PQgetResult(handle).map(Answer.init)
    }

    private func lost() -> DatabaseFailure {
        isLost = true
        return DatabaseFailure(reason: "PostgreSQL: the connection was lost")
    }

    /// All arguments side by side in one buffer, in the binary form.
    private static func withParameters<Result>(
        _ arguments: [DatabaseValue],
        _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> Result
    ) -> Result {
        var bytes: [UInt8] = []
        var places: [Range<Int>?] = []
        for argument in arguments {
            let start = bytes.count
            switch argument {
            case .null: break
            case .integer(let number): withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
            case .text(let text): bytes += text.utf8
            case .blob(let blob): bytes += blob
            }
            places.append(argument == .null ? nil : start..<bytes.count)
        }
        // What is empty has an address too: none at all would be NULL.
        bytes.append(0)
        return bytes.withUnsafeBytes { buffer in
            let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            return body(
                places.map { place in place.flatMap { start?.advanced(by: $0.lowerBound) } },
                places.map { Int32($0?.count ?? 0) }, [Int32](repeating: 1, count: arguments.count))
        }
    }

    /// What a URL says; nil when it is none.
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

    /// What came back.
    private final class Answer {
        private let result: OpaquePointer

        init(_ result: OpaquePointer) { self.result = result }
        deinit { PQclear(result) }

        var tag: String { String(cString: PQcmdStatus(result)) }
        var changes: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

        /// The server's own words may hold values.
        var failure: DatabaseFailure? {
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return nil
            default:
                let state = PQresultErrorField(result, podstack_sqlstate_field).map { String(cString: $0) }
                return DatabaseFailure(reason: PostgresDialect.reason(state))
            }
        }

        var rows: [DatabaseRow] {
            guard PQntuples(result) > 0 else { return [] }
            let columns = DatabaseColumns(
                (0..<PQnfields(result)).map { PQfname(result, $0).map { String(cString: $0) } ?? "" })
            return (0..<PQntuples(result)).map { row in
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
    /// What the server is told to take it for; 0 lets the place decide.
    fileprivate var type: Oid {
        switch self {
        case .null: 0
        case .integer: PostgresDialect.Kind.bigint
        case .text: PostgresDialect.Kind.textType
        case .blob: PostgresDialect.Kind.bytea
        }
    }
}
