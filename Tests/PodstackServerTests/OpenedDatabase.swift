import PodstackTestSupport

@testable import PodstackServer

/// An empty database of the kind that the test runs on, without a service.
struct OpenedDatabase: Sendable {
    let database: any Database
    private let folder: TemporaryDirectory
    let cluster: PostgresCluster.Database?

    init() throws {
        folder = try TemporaryDirectory()
        cluster = try TestDatabase.current.create(for: .anything)
        database = try Self.open(folder, cluster)
    }

    /// Opens the database again, as another program would.
    func another() throws -> any Database { try Self.open(folder, cluster) }

    private static func open(
        _ folder: TemporaryDirectory, _ cluster: PostgresCluster.Database?
    ) throws -> any Database {
        guard let cluster else { return try SQLiteDatabase(path: folder.file("db")) }
        guard let url = PostgresURL(cluster.url) else { throw SetupFailure("no URL") }
        return PostgresDatabase(url)
    }
}
