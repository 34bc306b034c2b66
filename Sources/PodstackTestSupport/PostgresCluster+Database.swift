import Synchronization

extension PostgresCluster {
    /// For as long as this value lives.
    package final class Database: Sendable {
        package enum Use: Sendable {
            /// The service's tables, as they are.
            case service
            case anything
        }

        package let cluster: PostgresCluster
        package let name: String
        private let use: Use

        init(cluster: PostgresCluster, name: String, use: Use) {
            self.cluster = cluster
            self.name = name
            self.use = use
        }

        deinit { cluster.databases.withLock { $0.free[use, default: []].append(name) } }

        /// Everything in it, as SQL.
        package func dump() throws -> String {
            let result = try ToolProcess.run(
                PostgresProgram.path(of: "pg_dump"),
                ["-h", cluster.directory.path, "-p", String(cluster.port), "-U", "podstack", name])
            guard result.status == 0 else { throw ToolProcess.Failure(reason: "pg_dump: \(result.error)") }
            return result.output
        }

        /// Through the socket.
        package var url: String {
            let folder = cluster.directory.path.replacing("/", with: "%2F")
            // On a busy machine a connection takes its time.
            return "postgres://podstack@\(folder):\(cluster.port)/\(name)?connect_timeout=120"
        }

        /// Through the port; with a password.
        package var portURL: String {
            let password = PostgresCluster.password.replacing(" ", with: "%20")
            return "postgres://podstack:\(password)@127.0.0.1:\(cluster.port)/\(name)"
        }

        @discardableResult
        package func run(_ sql: String) throws -> String { try cluster.run(sql, in: name) }
    }
}
