package import PodstackServer

/// Two instances on one PostgreSQL database, as two machines would run them.
package final class TwoInstances: Sendable {
    package let first: EmbeddedServer
    package let second: EmbeddedServer
    package let database: PostgresCluster.Database
    private let folder: TemporaryDirectory

    /// Starts both servers.
    ///
    /// - Parameters:
    ///   - maxActiveTokens: The most active tokens of an account.
    ///   - cluster: The PostgreSQL server; nil for the one that all tests share.
    /// - Throws: The errors of ``EmbeddedServer``.
    package init(maxActiveTokens: Int = 1000, on cluster: PostgresCluster? = nil) throws {
        folder = try TemporaryDirectory()
        database = try (try cluster ?? PostgresCluster.shared()).createDatabase(for: .service)
        let directory = folder.file("data")
        first = try EmbeddedServer(
            directory: directory, database: database.url, maxActiveTokens: maxActiveTokens)
        second = try EmbeddedServer(
            directory: directory, database: database.url, maxActiveTokens: maxActiveTokens)
        try first.addUser(RunningServer.email)
    }

    deinit {
        try? first.stop()
        try? second.stop()
    }

    package func createToken() throws -> String { try first.createToken(RunningServer.email) }
}
