import CSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One connection to an SQLite file; the only source file that calls the library.
///
/// ``SQLiteDatabase`` makes sure that only one thread at a time uses it.
final class SQLiteConnection: DatabaseConnection {
    /// The number of prepared statements that are kept: a list of IDs makes a statement of its own for each length.
    private static let maxStatements = 200

    private struct Statement {
        let pointer: OpaquePointer
        let columns: DatabaseColumns
    }

    private var handle: OpaquePointer?
    private var statements: [String: Statement] = [:]

    /// How to open a file.
    enum Mode {
        /// The file must exist.
        case existing
        /// The file is created if it is missing.
        case creating
        /// The file is the destination of ``copy(to:_:)``, which is deleted if that fails.
        case copy
    }

    /// Opens a connection.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - mode: Whether the file may be created.
    /// - Throws: ``DatabaseFailure`` if the file cannot be opened.
    init(path: String, _ mode: Mode = .existing) throws(DatabaseFailure) {
        if mode != .copy { try SQLiteFiles.checkNames(of: path) }
        let create = mode == .existing ? 0 : SQLITE_OPEN_CREATE
        let flags = SQLITE_OPEN_READWRITE | create | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
        let code = sqlite3_open_v2(Self.withoutLinkedDirectory(path), &handle, flags, nil)
        // `deinit` runs after this too, and closes what was opened.
        guard code == SQLITE_OK else { throw Self.failure(code) }
        sqlite3_extended_result_codes(handle, 1)
        setBusyTimeout(milliseconds: Self.busyMilliseconds)
        let journal = mode == .copy ? "off" : "wal"
        // Where another process opens a new file at the same time, SQLite does not always wait for it by itself.
        let end = MonotonicClock.nanoseconds + Int64(Self.busyMilliseconds) * 1_000_000
        while true {
            do throws(DatabaseFailure) {
                let set = try perform(SQL(text: "PRAGMA journal_mode = \(journal)")).first?.text("journal_mode")
                guard set == journal else { throw DatabaseFailure(reason: "SQLite: cannot use the journal \(journal)") }
                break
            } catch {
                guard error.kind == .busy, MonotonicClock.nanoseconds < end else { throw error }
                usleep(Self.retryMicroseconds)
            }
        }
        for pragma in ["synchronous = FULL", "foreign_keys = ON"] { try perform(SQL(text: "PRAGMA \(pragma)")) }
        // Reads the file, which also creates the write-ahead log.
        try perform("SELECT COUNT(*) FROM sqlite_schema")
    }

    /// Returns a path in which no directory is a symbolic link, which SQLite would refuse to follow.
    private static func withoutLinkedDirectory(_ path: String) -> String {
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        guard let resolved = realpath(directory, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved) + "/" + name
    }

    /// The milliseconds that a statement waits for locks of other processes, unless a write sets fewer.
    private static let busyMilliseconds: Int32 = 10_000
    private static let retryMicroseconds: UInt32 = 5_000

    func setBusyTimeout(milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

    deinit {
        finalizeStatements()
        sqlite3_close_v2(handle)
    }

    /// Whether the current write makes cached state of other processes stale.
    var hasAnnounced = false

    func announce(_ announcement: Announcement) {
        if !announcement.isEmpty { hasAnnounced = true }
    }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    private var changes: Int { Int(sqlite3_changes(handle)) }

    /// The stamp in the header of the file itself, see ``DatabaseStamp``; nil if the file is too short to have one.
    ///
    /// Read through SQLite's own descriptor: closing another one would release the locks of this process.
    var fileStamp: UInt32? {
        var stamp: UInt32 = 0
        let code = withUnsafeMutableBytes(of: &stamp) {
            podstack_read_file(handle, $0.baseAddress, Int32($0.count), Self.stampOffset)
        }
        return code == SQLITE_OK ? UInt32(bigEndian: stamp) : nil
    }

    /// The position of `user_version` in the file.
    ///
    /// Source: section 1.3 of "Database File Format".
    private static let stampOffset: Int64 = 60

    /// Does not copy the write-ahead log into the database when this connection is closed.
    func keepLog() { podstack_keep_log(handle) }

    /// Writes a stamp with the current transaction.
    func setStamp(_ stamp: UInt32) throws(DatabaseFailure) {
        try perform(SQL(text: "PRAGMA user_version = \(Int32(bitPattern: stamp))"))
    }

    func query(_ statement: SQL) throws -> [DatabaseRow] { try perform(statement) }

    @discardableResult
    func execute(_ statement: SQL) throws -> Int {
        try perform(statement)
        return changes
    }

    @discardableResult
    private func perform(_ sql: SQL) throws(DatabaseFailure) -> [DatabaseRow] {
        let prepared = try prepared(sql.text)
        let statement = prepared.pointer
        defer {
            sqlite3_reset(statement)
            // An argument may be a digest, which must not stay in memory.
            sqlite3_clear_bindings(statement)
        }
        for (index, argument) in sql.arguments.enumerated() {
            let code = bind(argument, to: Int32(index + 1), of: statement)
            guard code == SQLITE_OK else { throw Self.failure(code) }
        }
        var rows: [DatabaseRow] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                rows.append(
                    DatabaseRow(
                        (0..<sqlite3_column_count(statement)).map { column($0, of: statement) }, prepared.columns))
            case SQLITE_DONE: return rows
            case let code: throw Self.failure(code)
            }
        }
    }

    /// Copies a consistent state of the whole database; other connections may write meanwhile.
    ///
    /// - Parameters:
    ///   - destination: A connection to an empty file.
    ///   - progress: Called with the number of pages that are copied and the number of all pages.
    /// - Throws: ``DatabaseFailure`` if the copy fails.
    func copy(to destination: SQLiteConnection, _ progress: (Int, Int) -> Void) throws(DatabaseFailure) {
        // In a read transaction: without one, each change by another connection would restart the copy.
        try perform("BEGIN")
        defer { _ = try? perform("COMMIT") }
        try perform("SELECT COUNT(*) FROM sqlite_schema")
        guard let backup = sqlite3_backup_init(destination.handle, "main", handle, "main") else {
            throw Self.failure(sqlite3_errcode(destination.handle))
        }
        var code = SQLITE_OK
        while code == SQLITE_OK {
            code = sqlite3_backup_step(backup, 1024)
            let all = Int(sqlite3_backup_pagecount(backup))
            progress(all - Int(sqlite3_backup_remaining(backup)), all)
        }
        sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE else { throw Self.failure(code) }
        // One file, without the write-ahead log beside it.
        try destination.perform("PRAGMA journal_mode = DELETE")
        // The server notices if the copy is copied over the open database.
        try destination.setStamp(DatabaseStamp.generate())
        // A damaged database must not replace older, good backups.
        let damage = try destination.perform("PRAGMA quick_check(1)").first?.text("quick_check")
        guard damage == "ok" else {
            throw DatabaseFailure(reason: "the database is damaged: podstack-server doctor says more")
        }
    }

    private func prepared(_ sql: String) throws(DatabaseFailure) -> Statement {
        if let statement = statements[sql] { return statement }
        // No statement is in use: each runs to its end before the next one starts.
        if statements.count >= Self.maxStatements { finalizeStatements() }
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw Self.failure(code) }
        let names = (0..<sqlite3_column_count(statement)).map { column in
            sqlite3_column_name(statement, column).map { String(cString: $0) } ?? ""
        }
        let prepared = Statement(pointer: statement, columns: DatabaseColumns(names))
        statements[sql] = prepared
        return prepared
    }

    var statementCount: Int { statements.count }

    private func finalizeStatements() {
        for statement in statements.values { sqlite3_finalize(statement.pointer) }
        statements = [:]
    }

    private func bind(_ value: DatabaseValue, to index: Int32, of statement: OpaquePointer) -> Int32 {
        switch value {
        case .null: sqlite3_bind_null(statement, index)
        case .integer(let number): sqlite3_bind_int64(statement, index, number)
        case .text(let text): podstack_bind_text(statement, index, text, Int32(text.utf8.count))
        case .blob(let bytes): podstack_bind_blob(statement, index, bytes, Int32(bytes.count))
        }
    }

    private func column(_ index: Int32, of statement: OpaquePointer) -> DatabaseValue {
        // Evaluated only for texts and blobs: for a number, SQLite would convert it to text first.
        var count: Int { Int(sqlite3_column_bytes(statement, index)) }
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
        case SQLITE_TEXT:
            // The text comes first: SQLite may convert it, which changes the number of bytes.
            let start = sqlite3_column_text(statement, index)
            return .text(String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            return .blob(Array(UnsafeRawBufferPointer(start: sqlite3_column_blob(statement, index), count: count)))
        default: return .null
        }
    }

    private static func failure(_ code: Int32) -> DatabaseFailure {
        DatabaseFailure(kind(of: code), reason: "SQLite \(code): \(String(cString: sqlite3_errstr(code)))")
    }

    /// Returns the kind of an extended result code, whose lowest byte is the primary one.
    private static func kind(of code: Int32) -> DatabaseFailure.Kind {
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED: return .busy
        case SQLITE_FULL, SQLITE_READONLY: return .cannotSave
        // The file or its directory is gone, or is not the database.
        case SQLITE_CANTOPEN, SQLITE_NOTADB, SQLITE_PERM: return .unreachable
        case SQLITE_IOERR:
            // Numbers of the operations, because Swift does not import the macros: 3 to 6 are write, fsync, dir_fsync and
            // truncate; 18, 19 and 21 are shmopen, shmsize and shmmap.
            return [3, 4, 5, 6, 18, 19, 21].contains(code >> 8) ? .cannotSave : .other
        default: return .other
        }
    }
}
