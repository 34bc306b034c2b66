#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A PgBouncer in front of a ``PostgresCluster``.
package final class PgBouncer: Sendable {
    private let port: UInt16
    private let process: ToolProcess
    private let folder: TemporaryDirectory

    /// Starts PgBouncer.
    ///
    /// - Parameters:
    ///   - cluster: The cluster that it connects to.
    ///   - mode: Its `pool_mode`: `session`, `transaction` or `statement`.
    ///   - settings: More lines of its configuration.
    /// - Throws: An error if PgBouncer is not installed or does not start.
    package init(_ cluster: PostgresCluster, mode: String, settings: [String] = []) throws {
        folder = try TemporaryDirectory()
        port = try LoopbackListener.freePorts(1)[0]
        let lines =
            [
                "[databases]", "* = host=\(cluster.directory.path) port=\(cluster.port) user=podstack", "[pgbouncer]",
                "listen_addr = 127.0.0.1", "listen_port = \(port)", "unix_socket_dir =", "auth_type = any",
                "pool_mode = \(mode)",
            ] + settings
        let file = try folder.write(lines.joined(separator: "\n") + "\n", to: "pgbouncer.ini")
        _ = chmod(folder.path, 0o755)
        _ = chmod(file, 0o644)
        let words = PostgresProgram.unprivileged(try ToolProcess.installed("pgbouncer"), ["-q", file])
        process = try ToolProcess(attached: words[0], Array(words.dropFirst()))
        var wait = BoundedWait(.seconds(30))
        while LoopbackListener.connect(port: port) == nil {
            guard let pause = wait.next() else {
                throw ToolProcess.Failure(reason: "PgBouncer does not start: \(process.standardError)")
            }
            BoundedWait.sleep(pause)
        }
    }

    /// Returns the URL of a database through PgBouncer.
    package func url(of database: PostgresCluster.Database) -> String {
        "postgres://podstack@127.0.0.1:\(port)/\(database.name)"
    }
}
