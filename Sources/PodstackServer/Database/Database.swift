/// A relational database, as the stores see it.
protocol Database: Sendable {
    /// Runs `body` on a consistent state; it must not write.
    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result
    /// Runs `body` in a transaction that is durable when this returns, and is undone when it throws.
    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result

    /// Under which what was read may be remembered; nil when nobody else changes it.
    var lease: Lease? { get }
    /// Another value than before when others have changed anything that may be remembered; nil when they say what.
    var foreignChanges: SharedMark? { get }
    /// From now on, what others change is forgotten by `cache`.
    func follow(_ cache: VerifiedTokens, _ log: Log) throws
    /// Ends ``follow(_:_:)``; nothing remembered is used any more.
    func unfollow()
}

/// A database that only this process changes, as far as anybody remembers.
extension Database {
    var lease: Lease? { nil }
    var foreignChanges: SharedMark? { nil }
    func follow(_ cache: VerifiedTokens, _ log: Log) throws {}
    func unfollow() {}
}

protocol DatabaseConnection {
    /// Runs one statement with `?` for each argument, and gives its rows.
    @discardableResult
    func run(_ sql: String, _ arguments: [DatabaseValue]) throws -> [DatabaseRow]
    /// How many rows the last statement changed.
    var changes: Int { get }
    /// Part of a write: when that returns, no instance of the service uses what it remembers from before.
    func announce(_ announcement: Announcement) throws
}

extension DatabaseConnection {
    @discardableResult
    func run(_ sql: String) throws -> [DatabaseRow] { try run(sql, []) }
}

/// The database could not do it. Holds no statement's arguments.
struct DatabaseFailure: Error, Sendable {
    var reason: String
}

enum DatabaseValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    init(_ text: String?) { self = text.map(DatabaseValue.text) ?? .null }
    init(_ number: Int64?) { self = number.map(DatabaseValue.integer) ?? .null }
}

/// One row of an answer, by the position of its columns.
struct DatabaseRow: Sendable {
    var values: [DatabaseValue]

    func text(_ column: Int) throws -> String {
        guard case .text(let text) = values[column] else { throw DatabaseFailure(reason: "a text is missing") }
        return text
    }

    func optionalText(_ column: Int) -> String? {
        if case .text(let text) = values[column] { text } else { nil }
    }

    func integer(_ column: Int) throws -> Int64 {
        guard case .integer(let number) = values[column] else { throw DatabaseFailure(reason: "a number is missing") }
        return number
    }

    func optionalInteger(_ column: Int) -> Int64? {
        if case .integer(let number) = values[column] { number } else { nil }
    }

    func blob(_ column: Int) throws -> [UInt8] {
        guard case .blob(let bytes) = values[column] else { throw DatabaseFailure(reason: "bytes are missing") }
        return bytes
    }
}
