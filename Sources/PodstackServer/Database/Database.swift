import Synchronization

/// A relational database, as the stores see it.
protocol Database: Sendable {
    /// Runs `body` on a consistent state of the database; it must not write.
    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result
    /// Runs `body` in a transaction, which is durable when this returns and undone if it throws.
    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result

    /// Checks that a change could be saved now: makes one, up to the disk where possible, and rolls it back.
    ///
    /// - Throws: ``DatabaseFailure`` with the reason if no change could be saved.
    func checkWritable() throws

    /// The lease under which cached state may be used; nil if no other process changes the database.
    var lease: Lease? { get }
    /// A mark whose value differs after another process has made cached state stale; nil if announcements say which.
    var foreignChanges: SharedMark? { get }
    /// Starts delivering the announcements of other processes to `cache`.
    func follow(_ cache: any AnnouncedCache, _ log: Log) throws
    /// Ends ``follow(_:_:)``; after this, no cached state is used any more.
    func unfollow()

    /// Returns a lock that one of the processes on the database can hold.
    func processLock() -> any ProcessLock

    /// The counters of the transactions, or nil if the database does not count.
    var activity: DatabaseActivity? { get }
    /// The connections that threads share.
    var connections: [DatabaseConnections] { get }
}

/// A cache of database state that other processes may change.
protocol AnnouncedCache: AnyObject, Sendable {
    /// Removes what the announcement names. When this returns, no request is served from it.
    func forget(_ announcement: Announcement)
    /// Removes everything.
    func forgetAll()
}

/// A lock that one process holds until it releases it or loses its connection to the database.
protocol ProcessLock: Sendable {
    /// Takes the lock if it is free; returns whether this process holds it.
    func hold() -> Bool
    /// Releases the lock.
    func release()
}

/// The lock of a database that only one server uses.
struct SoleProcessLock: ProcessLock {
    func hold() -> Bool { true }
    func release() {}
}

/// The defaults of a database that only this process changes.
extension Database {
    func processLock() -> any ProcessLock { SoleProcessLock() }
    var lease: Lease? { nil }
    var foreignChanges: SharedMark? { nil }
    func follow(_ cache: any AnnouncedCache, _ log: Log) throws {}
    func unfollow() {}
    var activity: DatabaseActivity? { nil }
    var connections: [DatabaseConnections] { [] }
}

/// A connection to a database, within a transaction.
protocol DatabaseConnection {
    /// Runs one statement and returns its rows.
    func query(_ statement: SQL) throws -> [DatabaseRow]
    /// Runs one statement and returns the number of rows that it changed.
    @discardableResult
    func execute(_ statement: SQL) throws -> Int
    /// Announces a change as part of a write: when the write returns, no instance uses cached state from before it.
    func announce(_ announcement: Announcement) throws
}

/// A statement that the database could not run.
///
/// The reason never contains an argument of the statement.
struct DatabaseFailure: Error, Sendable {
    /// The kinds of failure that clients and operators have to distinguish.
    enum Kind: String, Sendable, CaseIterable {
        /// The database is not running, not reachable or not where it was.
        case unreachable
        /// Other transactions or other clients of the database hold what the statement needs.
        case busy
        /// The database can be read, but stores no change: its disk is full, or it is read-only.
        case cannotSave = "cannot_save"
        case other
    }

    var kind: Kind
    var reason: String

    init(_ kind: Kind = .other, reason: String) {
        self.kind = kind
        self.reason = reason
    }
}

// MARK: - Values and rows

/// A value that a statement binds or returns.
enum DatabaseValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    init(_ text: String?) { self = text.map(DatabaseValue.text) ?? .null }
    init(_ number: Int64?) { self = number.map(DatabaseValue.integer) ?? .null }
    init(_ bytes: [UInt8]?) { self = bytes.map(DatabaseValue.blob) ?? .null }
}

/// The names of a statement's columns, shared by all rows of its results.
final class DatabaseColumns: Sendable {
    let names: [String]
    /// The index after the column that was found last.
    ///
    /// Stores read columns in the order of the statement, so that most columns are found with one comparison.
    private let next = Atomic<Int>(0)

    init(_ names: [String]) { self.names = names }

    /// Returns the index of a column, or nil if the statement has no such column.
    func index(of name: String) -> Int? {
        let guess = next.load(ordering: .relaxed)
        if guess < names.count, names[guess] == name {
            next.store(guess + 1, ordering: .relaxed)
            return guess
        }
        guard let index = names.firstIndex(of: name) else { return nil }
        next.store(index + 1, ordering: .relaxed)
        return index
    }
}

/// One row of a result, read by the names of its columns.
struct DatabaseRow: Sendable {
    let values: [DatabaseValue]
    let columns: DatabaseColumns

    init(_ values: [DatabaseValue], _ columns: DatabaseColumns) {
        self.values = values
        self.columns = columns
    }

    /// Returns the value of a column.
    ///
    /// - Throws: ``DatabaseFailure`` if the statement has no such column.
    func value(_ column: String) throws(DatabaseFailure) -> DatabaseValue {
        guard let index = columns.index(of: column) else {
            throw DatabaseFailure(reason: "the statement has no column \(column)")
        }
        return values[index]
    }

    func text(_ column: String) throws(DatabaseFailure) -> String {
        guard case .text(let text) = try value(column) else { throw unexpected(column) }
        return text
    }

    func integer(_ column: String) throws(DatabaseFailure) -> Int64 {
        guard case .integer(let number) = try value(column) else { throw unexpected(column) }
        return number
    }

    func blob(_ column: String) throws(DatabaseFailure) -> [UInt8] {
        guard case .blob(let bytes) = try value(column) else { throw unexpected(column) }
        return bytes
    }

    func optionalText(_ column: String) throws(DatabaseFailure) -> String? {
        switch try value(column) {
        case .text(let text): return text
        case .null: return nil
        default: throw unexpected(column)
        }
    }

    func optionalInteger(_ column: String) throws(DatabaseFailure) -> Int64? {
        switch try value(column) {
        case .integer(let number): return number
        case .null: return nil
        default: throw unexpected(column)
        }
    }

    func optionalBlob(_ column: String) throws(DatabaseFailure) -> [UInt8]? {
        switch try value(column) {
        case .blob(let bytes): return bytes
        case .null: return nil
        default: throw unexpected(column)
        }
    }

    private func unexpected(_ column: String) -> DatabaseFailure {
        DatabaseFailure(reason: "column \(column) has an unexpected type or is null")
    }
}
