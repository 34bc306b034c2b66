@testable import PodstackServer

// Tests run statements whose text they build, and read single columns by position. The service does neither.

extension DatabaseConnection {
    /// Runs a statement whose text is built by the test.
    @discardableResult
    func run(_ sql: String, _ arguments: [DatabaseValue] = []) throws -> [DatabaseRow] {
        try query(SQL(text: sql, arguments: arguments))
    }
}

extension DatabaseRow {
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
