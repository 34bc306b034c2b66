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

/// A PostgreSQL server for tests, on a socket in a temporary folder and on a port of this machine.
///
/// A connection through the socket needs no password; one through the port needs ``password``.
package final class PostgresCluster: Sendable {
    /// Returns the cluster of all tests in this process, and starts it first if necessary.
    package static func shared() throws -> PostgresCluster {
        try current.withLock { cluster in
            if let cluster { return cluster }
            let started = try PostgresCluster()
            cluster = started
            // Static values are never released.
            atexit { PostgresCluster.current.withLock { $0 = nil } }
            return started
        }
    }

    private static let current = Mutex<PostgresCluster?>(nil)

    package static let password = "quite secret"

    package let port: UInt16
    let directory: TemporaryDirectory
    private let process: Mutex<ToolProcess?>
    /// The number of databases that were created, and the databases that no test uses.
    let databases = Mutex<(created: Int, free: [Database.Use: [String]])>((0, [:]))
    private var data: String { directory.file("data") }

    private let settings: [String]

    /// Creates a cluster and starts its server.
    ///
    /// - Parameters:
    ///   - settings: Settings of the server, as `name=value`.
    ///   - primary: The cluster that the new one copies and follows as a standby; nil for an empty cluster.
    /// - Throws: An error if the server does not start.
    package init(settings: [String] = [], following primary: PostgresCluster? = nil) throws {
        let directory = try TemporaryDirectory()
        self.directory = directory
        self.settings = settings
        let passwordFile = try directory.write(Self.password + "\n", to: "password")
        if let (user, group) = PostgresProgram.owner {
            for path in [directory.path, passwordFile] where chown(path, user, group) != 0 {
                throw ToolProcess.Failure(reason: "cannot change the owner of \(path)")
            }
        }
        _ = chmod(directory.path, 0o700)
        let (program, options) =
            if let primary {
                (
                    "pg_basebackup",
                    [
                        "-h", primary.directory.path, "-p", String(primary.port), "-U", "podstack", "-X", "stream",
                        "--checkpoint=fast", "--write-recovery-conf", "--no-sync",
                    ]
                )
            } else {
                (
                    "initdb",
                    [
                        "-U", "podstack", "--pwfile", passwordFile, "--locale=C.UTF-8", "--encoding=UTF8",
                        "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync",
                    ]
                )
            }
        let words = PostgresProgram.unprivileged(
            PostgresProgram.path(of: program), ["-D", directory.file("data")] + options)
        let created = try ToolProcess.run(words[0], Array(words.dropFirst()))
        guard created.status == 0 else { throw ToolProcess.Failure(reason: "\(program): \(created.error)") }
        port = try LoopbackListener.freePorts(1)[0]
        process = Mutex(nil)
        try start()
    }

    /// Starts the server, also again after ``stop()``.
    package func start() throws {
        let words = PostgresProgram.unprivileged(
            PostgresProgram.path(of: "postgres"),
            ["-D", data, "-k", directory.path, "-p", String(port)]
                + ([
                    "listen_addresses=127.0.0.1", "fsync=on", "max_connections=300", "shared_buffers=64MB",
                    "autovacuum=off", "jit=off",
                ] + settings).flatMap { ["-c", $0] })
        unlink(directory.file("kept"))
        let started = try ToolProcess(
            attached: words[0], Array(words.dropFirst()), ending: "QUIT", removing: directory.path)
        process.withLock { $0 = started }
        var wait = BoundedWait(.seconds(60))
        while (try? run("SELECT 1")) == nil {
            guard let pause = wait.next() else {
                throw ToolProcess.Failure(reason: "PostgreSQL does not start: \(started.standardError)")
            }
            BoundedWait.sleep(pause)
        }
    }

    /// Ends the server at once, as a crash would; committed data is available again after ``start()``.
    package func stop() throws {
        _ = try directory.write("", to: "kept")
        process.withLock { $0 = nil }
    }

    /// Kills the server's main process, as a machine that loses power would; its other processes then end too.
    package func kill() throws {
        let file = directory.read("data/postmaster.pid") ?? ""
        guard let id = file.split(separator: "\n").first.flatMap({ pid_t($0) }) else {
            throw ToolProcess.Failure(reason: "the server has no file of its process ID")
        }
        Glibc.kill(id, SIGKILL)
        try stop()
    }

    /// Makes a standby the primary.
    package func promote() throws {
        let words = PostgresProgram.unprivileged(
            PostgresProgram.path(of: "pg_ctl"), ["promote", "-w", "-D", data])
        let promoted = try ToolProcess.run(words[0], Array(words.dropFirst()))
        guard promoted.status == 0 else { throw ToolProcess.Failure(reason: "pg_ctl: \(promoted.output)") }
    }

    /// Runs a statement as the cluster's owner, and returns one line for each row.
    @discardableResult
    package func run(_ sql: String, in database: String = "postgres") throws -> String {
        let result = try ToolProcess.run(
            PostgresProgram.path(of: "psql"),
            ["-X", "-q", "-A", "-t", "-h", directory.path, "-p", String(port), "-U", "podstack", "-c", sql, database])
        guard result.status == 0 else { throw ToolProcess.Failure(reason: "psql: \(result.error)") }
        return String(result.output.dropLast())
    }

    /// Returns the URL of a database through the socket.
    package func url(of name: String) -> String {
        let folder = directory.path.replacing("/", with: "%2F")
        // A connection takes long on a busy machine.
        return "postgres://podstack@\(folder):\(port)/\(name)?connect_timeout=120"
    }

    /// Returns a database that is empty except for the tables of a service.
    ///
    /// A later test uses it again: creating a database, and tables in it, takes a tenth of a second each.
    package func createDatabase(for use: Database.Use) throws -> Database {
        if let name = databases.withLock({ $0.free[use]?.popLast() }) {
            // A test may have renamed a table.
            if use == .anything || (try? run(Self.emptyTables, in: name)) == nil {
                try run("DROP SCHEMA public CASCADE; CREATE SCHEMA public", in: name)
            }
            return Database(cluster: self, name: name, use: use)
        }
        let number = databases.withLock { databases in
            databases.created += 1
            return databases.created
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
}

// MARK: - Databases

extension PostgresCluster {
    /// A database of one test; another test may use it once this value is released.
    package final class Database: Sendable {
        package enum Use: Sendable {
            /// The tables of a service.
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

        /// Returns everything in the database, as SQL.
        package func dump() throws -> String {
            let result = try ToolProcess.run(
                PostgresProgram.path(of: "pg_dump"),
                ["-h", cluster.directory.path, "-p", String(cluster.port), "-U", "podstack", name])
            guard result.status == 0 else { throw ToolProcess.Failure(reason: "pg_dump: \(result.error)") }
            return result.output
        }

        /// The URL of the database through the socket.
        package var url: String { cluster.url(of: name) }

        /// The URL of the database through the port, with the password.
        package var portURL: String {
            let password = PostgresCluster.password.replacing(" ", with: "%20")
            return "postgres://podstack:\(password)@127.0.0.1:\(cluster.port)/\(name)"
        }

        /// The URL of the database on this cluster or, after a failover, on another one.
        package func url(orOn other: PostgresCluster) -> String {
            portURL.replacing("/\(name)", with: ",127.0.0.1:\(other.port)/\(name)?target_session_attrs=read-write")
        }

        @discardableResult
        package func run(_ sql: String) throws -> String { try cluster.run(sql, in: name) }
    }
}

// MARK: - Programs

/// The programs of PostgreSQL, and the user that they run as.
enum PostgresProgram {
    /// Returns the path of a program of the newest installed version.
    ///
    /// Debian has a folder for each version, which is not in `PATH`.
    static func path(of name: String) -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.max { (Int($0) ?? 0) < (Int($1) ?? 0) } ?? "0"
        return "\(root)/\(newest)/bin/\(name)"
    }

    /// The user that PostgreSQL runs as if the tests run as root, which it refuses; nil otherwise.
    static var owner: (user: uid_t, group: gid_t)? {
        guard getuid() == 0, let entry = getpwnam("postgres") ?? getpwnam("nobody") else { return nil }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    /// Returns the words that run a program as ``owner``.
    static func unprivileged(_ program: String, _ arguments: [String]) -> [String] {
        guard let (user, group) = owner else { return [program] + arguments }
        return ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(group)", "--clear-groups", program] + arguments
    }
}
