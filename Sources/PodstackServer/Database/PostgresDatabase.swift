import PodstackSystem
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A PostgreSQL database, which several instances of the service can share.
///
/// Reads see one snapshot and never wait. Writes of all instances run one after another: each takes the same advisory
/// lock first, and the database holds it until the transaction is durable and visible. Every statement of a write
/// therefore sees all earlier writes and no concurrent one, as with SQLite's single writer. The domain relies on that:
/// an account never exceeds its limit of tokens, the chain of audit events has no forks, and an idempotency key is used
/// once. Unlike with `SERIALIZABLE`, no transaction has to be repeated, and two writes cannot deadlock.
final class PostgresDatabase: Database {
    /// Begins a write.
    ///
    /// The number of the advisory lock is "podstack" in ASCII.
    static let beginWrite = "BEGIN; SELECT pg_advisory_xact_lock(8102095850017285995)"
    private static let beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    /// Begins the write that is rolled back.
    ///
    /// The rows need more memory than allowed, so the server writes them to its disk, which fails if that is full.
    private static let beginCheck = """
        BEGIN; SET LOCAL work_mem = '64kB'; SELECT COUNT(*) FROM generate_series(1, 10000); SET LOCAL lock_timeout = '2s';
        SELECT pg_advisory_xact_lock(8102095850017285995)
        """

    let lease: Lease? = Lease()
    private let url: PostgresURL
    private let pool: PostgresPool
    /// The ID of this process among the instances.
    let process = Identifier.generate("ins_")
    private let listener = Mutex<PostgresListener?>(nil)

    init(_ url: PostgresURL, readers: Int = 16) {
        self.url = url
        pool = PostgresPool(url, readers: readers)
    }

    deinit { listener.withLock { $0?.stop() } }

    func follow(_ cache: any AnnouncedCache, _ log: Log) throws {
        guard let lease else { return }
        let started = try PostgresListener(
            url, process: process, lease: lease, cache: cache, log: log, makeRoom: { [pool] in pool.closeIdle() })
        listener.withLock { $0 = started }
        started.start()
    }

    func unfollow() {
        let listener = listener.withLock { $0 }
        listener?.stop()
        listener?.waitForEnd()
    }

    let activity: DatabaseActivity? = DatabaseActivity()

    var connections: [DatabaseConnections] { pool.connections }

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        guard let activity else { return try runRead(body) }
        return try activity.measure(.read) { try runRead(body) }
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        guard let activity else { return try runWrite(body) }
        return try activity.measure(.write) { try runWrite(body) }
    }

    private func runRead<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        let connection = try pool.take(.read, beginning: Self.beginRead)
        defer { pool.give(connection, .read) }
        do {
            let result = try body(connection)
            try connection.script("COMMIT")
            return result
        } catch {
            _ = try? connection.script("ROLLBACK")
            throw error
        }
    }

    private func runWrite<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        let (result, announced) = try transaction(body)
        if let announced { try waitUntilForgotten(announced) }
        return result
    }

    private func transaction<Result>(
        _ body: (any DatabaseConnection) throws -> Result
    ) throws -> (Result, announced: Int64?) {
        let connection = try pool.take(.write, beginning: Self.beginWrite)
        defer { pool.give(connection, .write) }
        do {
            let transaction = PostgresTransaction(connection)
            let result = try body(transaction)
            try connection.commit()
            return (result, transaction.announced)
        } catch {
            _ = try? connection.script("ROLLBACK")
            throw error
        }
    }

    func processLock() -> any ProcessLock { PostgresProcessLock(url) }

    func checkWritable() throws {
        let connection = try pool.take(.write, beginning: Self.beginCheck, within: 2)
        defer { pool.give(connection, .write) }
        defer { _ = try? connection.script("ROLLBACK") }
        try connection.script("UPDATE schema_version SET version = version")
    }

    /// Checks that each connection has a session of its own, by sending a notification from one to another.
    ///
    /// - Throws: ``SetupFailure`` if the URL leads to a pooler that shares sessions between transactions: announcements
    ///   would get lost, and revoked tokens stay valid.
    func checkSessions() throws {
        let channel = "podstack_check"
        let listening = try pool.take(.read, beginning: "LISTEN \(channel)")
        defer {
            _ = try? listening.script("UNLISTEN \(channel)")
            pool.give(listening, .read)
        }
        let notifying: PostgresConnection
        do { notifying = try pool.take(.read, beginning: "", within: 1) } catch let failure as DatabaseFailure {
            // Poolers queue what has no free slot and do not refuse it.
            if failure.kind == .busy { return }
            throw failure
        }
        defer { pool.give(notifying, .read) }
        let message = Identifier.generate("")
        try notifying.script("SELECT pg_notify('\(channel)', '\(message)')")
        let end = MonotonicClock.nanoseconds + Int64(Self.sessionSeconds) * 1_000_000_000
        while MonotonicClock.nanoseconds < end {
            if try listening.notifications(within: 100).contains(message) { return }
        }
        throw SetupFailure(
            "the database is behind a connection pooler in transaction or statement mode, such as PgBouncer with "
                + "pool_mode=transaction, through which no announcement of a revoked token arrives: connect to "
                + "PostgreSQL directly, or use pool_mode=session")
    }

    /// The seconds in which a notification must arrive; it takes a few milliseconds.
    private static let sessionSeconds = 5

    /// Returns when no other instance can use state from before an announcement: see ``AnnouncementWait``.
    ///
    /// Most instances record an announcement within a millisecond or two.
    private func waitUntilForgotten(_ number: Int64) throws {
        let connection = try pool.take(.read, beginning: "")
        defer { pool.give(connection, .read) }
        var wait = AnnouncementWait(startedAt: MonotonicClock.nanoseconds)
        while true {
            let behind = try Instances.behind(number, except: process, in: connection)
            for action in wait.next(behind: behind, now: MonotonicClock.nanoseconds) {
                switch action {
                case .fence(let id):
                    try Instances.fence(id, in: connection)
                    wait.fenced(id, at: MonotonicClock.nanoseconds)
                case .wait(let microseconds): usleep(microseconds)
                case .finish(let fenced):
                    for id in fenced { try Instances.remove(fenced: id, in: connection) }
                    return
                }
            }
        }
    }
}

/// A write in progress.
final class PostgresTransaction: DatabaseConnection {
    /// The channel of the announcements, which are numbered in the order of the transactions.
    static let channel = "podstack_changes"

    private let connection: PostgresConnection
    /// The number of the last announcement in this transaction.
    private(set) var announced: Int64?

    init(_ connection: PostgresConnection) { self.connection = connection }

    func query(_ statement: SQL) throws -> [DatabaseRow] { try connection.query(statement) }

    @discardableResult
    func execute(_ statement: SQL) throws -> Int { try connection.execute(statement) }

    /// Sends an announcement, which other instances get when the transaction commits.
    func announce(_ announcement: Announcement) throws {
        for line in announcement.lines {
            guard let number = try query("SELECT nextval('announcements') AS number").first?.integer("number")
            else {
                throw DatabaseFailure(reason: "PostgreSQL: the sequence of announcements is missing")
            }
            let message = "\(number) \(line)"
            _ = try query("SELECT pg_notify(\(Self.channel), \(message))")
            announced = number
        }
    }
}

// MARK: - The lock of one process

/// An advisory lock of a connection of its own, which PostgreSQL releases when the connection ends.
final class PostgresProcessLock: ProcessLock {
    /// The number of the lock: "podslead" in ASCII.
    private static let number: SQL = "8101804701565411684"

    private struct State {
        var connection: PostgresConnection?
        var isHeld = false
    }

    private let url: PostgresURL
    private let state = Monitor(State())

    init(_ url: PostgresURL) { self.url = url }

    func hold() -> Bool {
        state.change(waking: .none) { state in
            do {
                let connection = try state.connection ?? PostgresConnection(url)
                state.connection = connection
                if state.isHeld {
                    // The lock is as alive as its connection.
                    try connection.script("SELECT 1")
                } else {
                    let row = try connection.query(
                        "SELECT CAST(pg_try_advisory_lock(\(Self.number)) AS INTEGER) AS held"
                    ).first
                    state.isHeld = try row?.integer("held") == 1
                }
            } catch {
                state = State()
            }
            return state.isHeld
        }
    }

    /// Closes the connection, which releases the lock.
    func release() { state.change(waking: .none) { $0 = State() } }
}

// MARK: - Connections

/// A limited number of connections that threads share.
final class PostgresPool: Sendable {
    /// The purpose of a connection: only one thread at a time writes.
    enum Use: Hashable { case read, write }

    private struct State {
        var idle: [PostgresConnection] = []
        var busy: [Use: Int] = [:]
        /// The time at which a thread may try to open a connection again, while the server has no free slot; nil otherwise.
        var retryAt: Int64?

        /// Returns whether a thread may try to open a connection; while the server has no free slot, one in each interval.
        mutating func mayOpen(at now: Int64) -> Bool {
            guard let time = retryAt else { return true }
            guard now >= time else { return false }
            retryAt = now + Int64(PostgresPool.retrySeconds * 1e9)
            return true
        }
    }

    /// The seconds that a thread waits for a connection.
    private static let timeoutSeconds = 10.0
    /// The seconds between two attempts to open a connection while the server has no free slot.
    private static let retrySeconds = 0.25

    private let url: PostgresURL
    private let sizes: [Use: Int]
    private let state = Monitor(State())

    init(_ url: PostgresURL, readers: Int) {
        self.url = url
        sizes = [.read: readers, .write: 1]
    }

    /// Returns a connection on which `begin` was run; the caller must return it with ``give(_:_:)``.
    ///
    /// An idle connection may have been lost meanwhile, or its server may have become a standby. It was not used for this
    /// transaction yet, so another one silently replaces it.
    func take(
        _ use: Use, beginning begin: String, within seconds: Double = timeoutSeconds
    ) throws -> PostgresConnection {
        let end = MonotonicClock.nanoseconds + Int64(seconds * 1e9)
        while true {
            let idle = try reserve(use, until: end)
            var taken: PostgresConnection?
            var wasIdle = idle != nil
            do {
                let (connection, isIdle) = try idle.map { ($0, true) } ?? open(until: end)
                (taken, wasIdle) = (connection, isIdle)
                try connection.script(begin)
                guard isUsable(connection, for: use) else {
                    throw DatabaseFailure(.cannotSave, reason: "PostgreSQL: the server is read-only")
                }
                return connection
            } catch {
                let isStale = taken.map { !$0.isAlive || !isUsable($0, for: use) } ?? false
                give(taken, use)
                guard wasIdle, isStale else { throw error }
                // The others were probably lost with it. Each could take as long to notice it.
                closeIdle()
            }
        }
    }

    /// A standby may not know the latest changes, so with several hosts it is not even used for reads.
    private func isUsable(_ connection: PostgresConnection, for use: Use) -> Bool {
        !connection.isReadOnly || (use == .read && !url.hasSeveralHosts)
    }

    /// Takes a connection back, and closes it if it is in the middle of a transaction.
    ///
    /// - Parameters:
    ///   - connection: The connection, or nil if none could be opened.
    ///   - use: What it was taken for.
    func give(_ connection: PostgresConnection?, _ use: Use) {
        state.change { state in
            state.busy[use, default: 1] -= 1
            if let connection, connection.isIdle { state.idle.append(connection) }
        }
    }

    /// The numbers of connections, for metrics.
    ///
    /// Idle connections serve both uses and count for reads.
    var connections: [DatabaseConnections] {
        let (busy, idle) = state.change(waking: .none) { ($0.busy, $0.idle.count) }
        return [("read", Use.read, idle), ("write", .write, 0)].map { name, use, idle in
            DatabaseConnections(pool: name, busy: busy[use, default: 0], idle: idle, max: sizes[use, default: 0])
        }
    }

    /// Reserves a connection; returns an idle one, or nil if the caller has to open one.
    private func reserve(_ use: Use, until end: Int64) throws -> PostgresConnection? {
        let found: PostgresConnection?? = state.wait(Self.seconds(until: end)) { state in
            guard state.busy[use, default: 0] < sizes[use, default: 0] else { return nil }
            state.busy[use, default: 0] += 1
            return .some(state.idle.popLast())
        }
        guard let found else {
            throw DatabaseFailure(.busy, reason: "all connections to the database are busy")
        }
        return found
    }

    /// Opens a connection.
    ///
    /// While the server has no free slot, it waits for an idle connection of this pool and tries again.
    private func open(until end: Int64) throws -> (PostgresConnection, isIdle: Bool) {
        while true {
            if state.change(waking: .none, { $0.mayOpen(at: MonotonicClock.nanoseconds) }) {
                do {
                    let connection = try PostgresConnection(url)
                    state.change(waking: .none) { $0.retryAt = nil }
                    return (connection, false)
                } catch let failure as DatabaseFailure {
                    guard failure.kind == .busy, Self.seconds(until: end) > 0 else { throw failure }
                    // Each attempt costs the server a process, which the others would wait for.
                    state.change(waking: .none) { state in
                        state.retryAt = MonotonicClock.nanoseconds + Int64(Self.retrySeconds * 1e9)
                    }
                }
            }
            let seconds = Self.seconds(until: end)
            if let idle = state.wait(min(seconds, Self.retrySeconds), for: { $0.idle.popLast() }) {
                return (idle, true)
            }
            guard seconds > 0 else {
                throw DatabaseFailure(.busy, reason: "PostgreSQL: the server has no free slot")
            }
        }
    }

    /// Closes the connections that no thread uses.
    func closeIdle() {
        // Closed outside of the lock: the last reference to each is the result.
        _ = state.change { state in
            defer { state.idle = [] }
            return state.idle
        }
    }

    private static func seconds(until end: Int64) -> Double {
        Double(max(0, end - MonotonicClock.nanoseconds)) / 1e9
    }
}

/// The URL of a PostgreSQL database.
///
/// It may contain a password, so it is never printed.
struct PostgresURL: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let text: String
    private let password: String?
    /// Whether every server is on this machine.
    let isLocal: Bool
    /// Whether the URL names several servers, of which one accepts changes.
    let hasSeveralHosts: Bool

    /// Creates a URL, or returns nil if libpq does not understand it.
    init?(_ text: String) {
        guard ["postgres://", "postgresql://"].contains(where: text.hasPrefix),
            let options = PostgresConnection.options(of: text)
        else { return nil }
        self.text = text
        password = options["password"].flatMap { $0.isEmpty ? nil : $0 }
        let hosts = Self.hosts(of: options)
        hasSeveralHosts = hosts.count > 1
        // An empty name stands for the socket of this machine.
        isLocal = hosts.allSatisfy { host in
            host.isEmpty || host == "localhost" || host == "::1" || host.hasPrefix("127.") || host.hasPrefix("/")
                || host.hasPrefix("@")
        }
        // Any other choice may lead to a standby, which may not know yet that a token was revoked.
        let target = options["target_session_attrs"]
        if hasSeveralHosts, let target, !["read-write", "primary"].contains(target) { return nil }
    }

    /// Returns the address, or else the name, of each server.
    ///
    /// Each may be a list, and an empty address means that the name counts. Source: section 34.1.1.3 of the PostgreSQL
    /// manual.
    private static func hosts(of options: [String: String]) -> [String] {
        func list(_ option: String, _ variable: String) -> [String]? {
            let text = options[option] ?? getenv(variable).map { String(cString: $0) }
            return text.flatMap { $0.isEmpty ? nil : $0 }?
                .split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let names = list("host", "PGHOST") ?? [""]
        guard let addresses = list("hostaddr", "PGHOSTADDR") else { return names }
        return addresses.enumerated().map { index, address in
            address.isEmpty && index < names.count ? names[index] : address
        }
    }

    var hasPassword: Bool { password != nil }

    /// Returns a message of libpq on one line, without the URL and the password.
    func withoutPassword(_ message: String) -> String {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ").replacing(bytes: "\t", with: "")
        guard let password else { return line }
        return line.replacing(bytes: text, with: "…").replacing(bytes: password, with: "…")
    }

    var description: String { "a PostgreSQL database" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}

// MARK: - Schema

/// The tables of a PostgreSQL database that coordinate its instances, in addition to those of the migrations.
enum PostgresSchema {
    /// Creates the tables, and makes the order of keys independent of the database's collation.
    ///
    /// - Parameters:
    ///   - database: The database, whose schema is up to date.
    ///   - updatesSchema: Whether a column may be changed, which takes some time in a large database.
    /// - Throws: ``DatabaseFailure``.
    static func prepare(_ database: PostgresDatabase, updatesSchema: Bool) throws {
        try database.write { connection in
            for statement in Instances.schema { try connection.execute(statement) }
        }
        let columns = try database.read(collatedKeys)
        guard !columns.isEmpty, updatesSchema else { return }
        try database.write { connection in
            // The indexes of a large table take longer than a request may.
            try connection.execute("SET LOCAL statement_timeout = 0")
            for column in try collatedKeys(in: connection) {
                try connection.execute(
                    SQL(text: "ALTER TABLE \(column.table) ALTER COLUMN \(column.name) TYPE TEXT COLLATE \"C\""))
            }
        }
    }

    /// The columns whose ranges the stores read, see ``TokenKey``: the order must be that of their bytes, as in SQLite.
    private static let keys = [(table: "tokens", name: "id"), (table: "retired_secrets", name: "token_id")]

    /// Returns the keys whose columns have another order.
    private static func collatedKeys(
        in connection: any DatabaseConnection
    ) throws -> [(table: String, name: String)] {
        try keys.filter { key in
            try !connection.query(
                """
                SELECT 1 AS found FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation
                WHERE a.attrelid = to_regclass(\(key.table)) AND a.attname = \(key.name) AND c.collname <> 'C'
                """
            ).isEmpty
        }
    }
}
