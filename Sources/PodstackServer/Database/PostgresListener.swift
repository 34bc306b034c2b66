#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Follows the announcements of other instances, on a connection and a thread of its own.
///
/// ``InstanceFollower`` decides what happens; this class carries it out.
final class PostgresListener: Sendable {
    /// The milliseconds between two extensions of the lease while no announcement arrives.
    private static let extensionMilliseconds = 250

    private struct State {
        var isFollowing = false
        var isStopping = false
        var hasEnded = false
    }

    private let url: PostgresURL
    private let process: String
    private let lease: Lease
    private let cache: any AnnouncedCache
    private let log: Log
    /// Closes idle connections of this process; called if the server has no free slot for the listener.
    private let makeRoom: @Sendable () -> Void
    private let state = Monitor(State())
    /// A shutdown of the first socket wakes the thread, which waits for the second.
    private let wake: (Int32, Int32)

    init(
        _ url: PostgresURL, process: String, lease: Lease, cache: any AnnouncedCache, log: Log,
        makeRoom: @escaping @Sendable () -> Void = {}
    ) throws {
        self.url = url
        self.process = process
        self.lease = lease
        self.cache = cache
        self.log = log
        self.makeRoom = makeRoom
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw DatabaseFailure(reason: "PostgreSQL: cannot create a socket pair for the listener")
        }
        wake = (ends[0], ends[1])
    }

    deinit {
        close(wake.0)
        close(wake.1)
    }

    /// Returns once the instance follows, or after 2 seconds, when it has no lease yet.
    func start() {
        // Without a thread, the instance never has a lease and always asks the database.
        guard WorkerThread.start({ [self] in run() }) else { return state.change { $0.hasEnded = true } }
        _ = state.wait(2) { $0.isFollowing ? true : nil }
    }

    func stop() {
        state.change { $0.isStopping = true }
        shutdown(wake.0, Int32(SHUT_RDWR))
    }

    /// Waits, after ``stop()``, until the lease is cancelled and the database knows it; 5 seconds at most.
    func waitForEnd() { _ = state.wait(5) { $0.hasEnded ? true : nil } }

    private var isStopping: Bool { state.change { $0.isStopping } }

    private func run() {
        var follower = InstanceFollower()
        var number = 0
        while !isStopping {
            number += 1
            do { try follow(as: "\(process).\(number)", &follower) } catch {
                // An error while stopping is not a loss: the next writer removes the row of the instance.
                perform(follower.handle(isStopping ? .stopped : .failed), after: error)
            }
            // The database may be starting: do not reconnect without a pause.
            _ = state.wait(0.1) { $0.isStopping ? true : nil }
        }
        lease.cancel()
        state.change { $0.hasEnded = true }
    }

    /// Opens the connection of the listener, which comes before all others: without it, every request reads the database.
    private func connect() throws -> PostgresConnection {
        do { return try PostgresConnection(url) } catch let failure as DatabaseFailure where failure.kind == .busy {
            makeRoom()
            return try PostgresConnection(url)
        }
    }

    /// Follows until the service stops, or another instance has fenced this one.
    private func follow(as id: String, _ follower: inout InstanceFollower) throws {
        let connection = try connect()
        try connection.script("SET application_name = 'podstack-server listener'")
        try connection.script("LISTEN \(PostgresTransaction.channel)")
        let start = MonotonicClock.nanoseconds
        try connection.script(PostgresDatabase.beginWrite)
        let last = try Instances.add(id, of: process, in: connection)
        try connection.commit()
        // Losing the recorded progress is harmless: a writer that waits for it waits longer.
        try connection.script("SET synchronous_commit = off")
        perform(follower.handle(.registered(start: start, last: last)))
        while !isStopping {
            let messages = try connection.notifications(within: Self.extensionMilliseconds, or: wake.1)
            for action in follower.handle(.received(messages.compactMap(Self.announcement))) {
                guard case .record(let heard) = action else {
                    perform([action])
                    continue
                }
                let start = MonotonicClock.nanoseconds
                let isAccepted = try Instances.record(id, heard: heard, in: connection)
                let next = follower.handle(.recorded(start: start, isAccepted: isAccepted))
                perform(next)
                if next.contains(.reconnect) { return }
            }
        }
        let ending = follower.handle(.stopped)
        perform(ending)
        if ending.contains(.deregister) { try Instances.remove(process: process, in: connection) }
    }

    /// Carries out the actions that need no connection.
    private func perform(_ actions: [InstanceFollower.Action], after error: (any Error)? = nil) {
        for action in actions {
            switch action {
            case .forgetAll: cache.forgetAll()
            case .forget(let announcement): cache.forget(announcement)
            case .extendLease(let start):
                lease.extend(from: start)
                state.change { $0.isFollowing = true }
            case .cancelLease: lease.cancel()
            case .logLoss:
                let reason = (error as? DatabaseFailure)?.reason ?? "another instance waited too long for this one"
                log.write("listening_lost", level: "warning", [("reason", reason)])
            case .logReturn: log.write("listening_again")
            case .record, .reconnect, .deregister: break
            }
        }
    }

    private static func announcement(_ message: String) -> (number: Int64, announcement: Announcement)? {
        let parts = message.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, let number = Int64(parts[0]) else { return nil }
        return (number, Announcement(line: parts[1]))
    }
}

// MARK: - Instances

/// The table of the instances that follow the announcements: see LeaseProtocol.swift.
enum Instances {
    static let schema: [SQL] = [
        // `backend` is the PostgreSQL process that serves the following connection; `heard` is the number of the last
        // announcement that the instance has applied.
        """
        CREATE TABLE IF NOT EXISTS instances (
            id TEXT NOT NULL PRIMARY KEY,
            process TEXT NOT NULL,
            backend BIGINT NOT NULL,
            heard BIGINT NOT NULL,
            fenced BIGINT NOT NULL
        )
        """,
        "CREATE SEQUENCE IF NOT EXISTS announcements",
    ]

    /// Registers an instance, as part of a write: no other write is running whose announcement has its number already.
    ///
    /// - Returns: The number of the last announcement, which the instance need not get any more.
    static func add(_ id: String, of process: String, in connection: any DatabaseConnection) throws -> Int64 {
        try remove(process: process, in: connection)
        // Before its first use, a sequence reports the same last value as after it; only the flag differs.
        let last = try connection.query(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM announcements"
        ).first?.integer("last")
        guard let last else { throw DatabaseFailure(reason: "PostgreSQL: the sequence of announcements is missing") }
        try connection.execute(
            """
            INSERT INTO instances (id, process, backend, heard, fenced)
            VALUES (\(id), \(process), pg_backend_pid(), \(last), 0)
            """)
        return last
    }

    /// Records the progress of an instance; returns false if the instance was fenced.
    static func record(_ id: String, heard: Int64, in connection: any DatabaseConnection) throws -> Bool {
        try connection.execute("UPDATE instances SET heard = \(heard) WHERE id = \(id) AND fenced = 0") == 1
    }

    static func remove(process: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM instances WHERE process = \(process)")
    }

    /// Returns the instances of other processes that may still use state from before an announcement.
    static func behind(
        _ number: Int64, except process: String, in connection: any DatabaseConnection
    ) throws -> [AnnouncementWait.Instance] {
        try connection.query(
            """
            SELECT id, (SELECT COUNT(*) FROM pg_stat_activity WHERE pid = backend) AS connections FROM instances
            WHERE process <> \(process) AND (heard < \(number) OR fenced = 1)
            """
        ).map { .init(id: try $0.text("id"), isConnected: try $0.integer("connections") > 0) }
    }

    /// Returns the IDs of the instances whose connections exist, with the addresses of their machines.
    static func running(in connection: any DatabaseConnection) throws -> [String] {
        try connection.query(
            """
            SELECT DISTINCT i.process, COALESCE(HOST(a.client_addr), 'this machine') AS address
            FROM instances i JOIN pg_stat_activity a ON a.pid = i.backend AND a.datname = current_database()
            ORDER BY i.process
            """
        ).map { try "\($0.text("process")) at \($0.text("address"))" }
    }

    /// Prevents an instance from extending its lease.
    static func fence(_ id: String, in connection: any DatabaseConnection) throws {
        try connection.execute("UPDATE instances SET fenced = 1 WHERE id = \(id)")
    }

    static func remove(fenced id: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM instances WHERE id = \(id) AND fenced = 1")
    }
}
