#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The kinds of database that a server under test keeps its data in.
package enum TestDatabase: String, Sendable, CaseIterable {
    case sqlite, postgresql

    /// The databases that tests run on: both, or the one that `PODSTACK_TEST_DATABASE` names.
    package static let selected: [TestDatabase] = {
        guard let name = ProcessInfo.processInfo.environment["PODSTACK_TEST_DATABASE"] else { return allCases }
        guard let database = TestDatabase(rawValue: name) else {
            preconditionFailure("PODSTACK_TEST_DATABASE must be sqlite or postgresql, and is \(name)")
        }
        return [database]
    }()

    /// The database of the running test case.
    @TaskLocal package static var current = TestDatabase.sqlite

    /// Creates an empty database; nil for SQLite, whose file the server creates.
    package func create(for use: PostgresCluster.Database.Use = .service) throws -> PostgresCluster.Database? {
        switch self {
        case .sqlite: nil
        case .postgresql: try PostgresCluster.shared().createDatabase(for: use)
        }
    }
}

/// A data directory for the program itself, and the database that belongs to it.
package struct ServerPlace: Sendable {
    package let folder: TemporaryDirectory
    package let database: PostgresCluster.Database?
    package var data: String { folder.file("data") }
    /// The environment of the program.
    package var environment: [String: String] { database.map { ["PODSTACK_DATABASE_URL": $0.portURL] } ?? [:] }

    package init() throws {
        folder = try TemporaryDirectory()
        database = try TestDatabase.current.create()
    }
}

/// The number of times that a test repeats a race.
///
/// `PODSTACK_TEST_LONG`, set to anything, takes the larger number.
package enum Rounds {
    package static let isLong = ProcessInfo.processInfo.environment["PODSTACK_TEST_LONG"] != nil

    package static func count(_ short: Int, long: Int) -> Int { isLong ? long : short }
}
