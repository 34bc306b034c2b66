import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A PostgreSQL server of our own, on a socket in a temporary folder and on a port of this machine.
///
/// Who comes through the socket needs no password; through the port it takes ``password``.
package final class PostgresCluster: Sendable {
    /// One for all tests of the process, started by the first that needs it.
    package static func shared() throws -> PostgresCluster {
        try current.withLock { cluster in
            if let cluster { return cluster }
            let started = try PostgresCluster()
            cluster = started
            // What is static is never let go.
            atexit { PostgresCluster.current.withLock { $0 = nil } }
            return started
        }
    }

    private static let current = Mutex<PostgresCluster?>(nil)

    package static let password = "quite secret"

    package let port: UInt16
    private let directory: TemporaryDirectory
    private let process: Mutex<ToolProcess?>
    private let databases = Mutex<(made: Int, free: [Database.Use: [String]])>((0, [:]))
    private var data: String { directory.file("data") }

    package init() throws {
        let directory = try TemporaryDirectory()
        self.directory = directory
        let passwordFile = try directory.write(Self.password + "\n", to: "password")
        if let (user, group) = Self.owner {
            for path in [directory.path, passwordFile] where chown(path, user, group) != 0 {
                throw ToolProcess.Failure(reason: "cannot give away \(path)")
            }
        }
        _ = chmod(directory.path, 0o700)
        let words = Self.unprivileged(
            Self.program("initdb"),
            [
                "-D", directory.file("data"), "-U", "podstack", "--pwfile", passwordFile, "--locale=C.UTF-8",
                "--encoding=UTF8", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync",
            ])
        let made = try ToolProcess.run(words[0], Array(words.dropFirst()))
        guard made.status == 0 else { throw ToolProcess.Failure(reason: "initdb: \(made.error)") }
        port = try LoopbackListener.freePorts(1)[0]
        process = Mutex(nil)
        try start()
    }

    /// Starts it again after ``stop()``.
    package func start() throws {
        let words = Self.unprivileged(
            Self.program("postgres"),
            ["-D", data, "-k", directory.path, "-p", String(port)]
                + [
                    "listen_addresses=127.0.0.1", "fsync=on", "max_connections=300", "shared_buffers=64MB",
                    "autovacuum=off", "jit=off",
                ].flatMap { ["-c", $0] })
        unlink(directory.file("kept"))
        let started = try ToolProcess(
            attached: words[0], Array(words.dropFirst()), ending: "QUIT", removing: directory.path)
        process.withLock { $0 = started }
        for _ in 0..<1000 {
            if (try? run("SELECT 1")) != nil { return }
            usleep(10_000)
        }
        throw ToolProcess.Failure(reason: "PostgreSQL does not start: \(started.standardError)")
    }

    /// Ends it at once, as a crash would: what was committed is there after ``start()``.
    package func stop() throws {
        _ = try directory.write("", to: "kept")
        process.withLock { $0 = nil }
    }

    /// Runs a statement as the cluster's owner; gives its rows, a line each.
    @discardableResult
    package func run(_ sql: String, in database: String = "postgres") throws -> String {
        let result = try ToolProcess.run(
            Self.program("psql"),
            ["-X", "-q", "-A", "-t", "-h", directory.path, "-p", String(port), "-U", "podstack", "-c", sql, database])
        guard result.status == 0 else { throw ToolProcess.Failure(reason: "psql: \(result.error)") }
        return String(result.output.dropLast())
    }

    /// One with nothing in it, but for the tables of a service. It is another test's later: to make a database, and
    /// tables in it, takes a tenth of a second each.
    package func makeDatabase(for use: Database.Use) throws -> Database {
        if let name = databases.withLock({ $0.free[use]?.popLast() }) {
            // A test may have renamed a table.
            if use == .anything || (try? run(Self.emptyTables, in: name)) == nil {
                try run("DROP SCHEMA public CASCADE; CREATE SCHEMA public", in: name)
            }
            return Database(cluster: self, name: name, use: use)
        }
        let number = databases.withLock { databases in
            databases.made += 1
            return databases.made
        }
        try run("CREATE DATABASE test\(number)")
        return Database(cluster: self, name: "test\(number)", use: use)
    }

    private static let emptyTables = """
        DO $$ DECLARE name text; BEGIN
            SET LOCAL session_replication_role = replica;
            FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
                IF name LIKE 'gone%' THEN RAISE EXCEPTION 'renamed'; END IF;
                IF name <> 'schema_version' THEN EXECUTE 'DELETE FROM ' || name; END IF;
            END LOOP;
        END $$
        """

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
                PostgresCluster.program("pg_dump"),
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

    /// Debian keeps the programs of each version apart, and most of them out of the way.
    private static func program(_ name: String) -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.max { (Int($0) ?? 0) < (Int($1) ?? 0) } ?? "0"
        return "\(root)/\(newest)/bin/\(name)"
    }

    /// Who it runs as, when we are root: PostgreSQL refuses that.
    private static var owner: (user: uid_t, group: gid_t)? {
        guard getuid() == 0, let entry = getpwnam("postgres") ?? getpwnam("nobody") else { return nil }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    private static func unprivileged(_ program: String, _ arguments: [String]) -> [String] {
        guard let (user, group) = owner else { return [program] + arguments }
        return ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(group)", "--clear-groups", program] + arguments
    }
}
