import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Which database the servers of a test keep their data in.
package enum TestDatabase: String, Sendable, CaseIterable {
    case sqlite, postgresql

    @TaskLocal package static var current = TestDatabase.sqlite

    /// A new one; nil of SQLite, whose file the server makes.
    package func make(for use: PostgresCluster.Database.Use = .service) throws -> PostgresCluster.Database? {
        switch self {
        case .sqlite: nil
        case .postgresql: try PostgresCluster.shared().makeDatabase(for: use)
        }
    }
}

/// A data directory for the program itself, and the database that belongs to it.
package struct ServerPlace: Sendable {
    package let folder: TemporaryDirectory
    package let database: PostgresCluster.Database?
    package var data: String { folder.file("data") }
    /// What the program is started with.
    package var environment: [String: String] { database.map { ["PODSTACK_DATABASE_URL": $0.portURL] } ?? [:] }

    package init() throws {
        folder = try TemporaryDirectory()
        database = try TestDatabase.current.make()
    }
}

/// How often a test repeats what may go wrong once in a while. `PODSTACK_TEST_LONG`, set to anything, takes the time.
package enum Rounds {
    package static let isLong = ProcessInfo.processInfo.environment["PODSTACK_TEST_LONG"] != nil

    package static func count(_ short: Int, long: Int) -> Int { isLong ? long : short }
}

/// Runs each test once on every database, from the making of its suite to the end. `PODSTACK_TEST_DATABASE`, `sqlite`
/// or `postgresql`, chooses one.
package struct DatabaseTrait: TestTrait, SuiteTrait, TestScoping {
    package let isRecursive = true

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        let chosen = ProcessInfo.processInfo.environment["PODSTACK_TEST_DATABASE"]
        for database in TestDatabase.allCases where chosen == nil || chosen == database.rawValue {
            try await TestDatabase.$current.withValue(database) { try await function() }
        }
    }
}

extension Trait where Self == DatabaseTrait {
    package static var everyDatabase: DatabaseTrait { DatabaseTrait() }
}
