import PodstackCryptography
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

    let lease: Lease? = Lease()
    private let url: PostgresURL
    private let readers: PostgresPool
    /// One connection, because only one write runs at a time.
    private let writer: PostgresPool
    /// The ID of this process among the instances.
    let process = Identifier.generate("ins_")
    private let listener = Mutex<PostgresListener?>(nil)

    init(_ url: PostgresURL, readers: Int = 16) {
        self.url = url
        self.readers = PostgresPool(url, size: readers)
        writer = PostgresPool(url, size: 1)
    }

    deinit { listener.withLock { $0?.stop() } }

    func follow(_ cache: any AnnouncedCache, _ log: Log) throws {
        guard let lease else { return }
        let started = try PostgresListener(url, process: process, lease: lease, cache: cache, log: log)
        listener.withLock { $0 = started }
        started.start()
    }

    func unfollow() {
        let listener = listener.withLock { $0 }
        listener?.stop()
        listener?.waitForEnd()
    }

    let activity: DatabaseActivity? = DatabaseActivity()

    var connections: [DatabaseConnections] {
        [readers.connections(of: "read"), writer.connections(of: "write")]
    }

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        guard let activity else { return try runRead(body) }
        return try activity.measure(.read) { try runRead(body) }
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        guard let activity else { return try runWrite(body) }
        return try activity.measure(.write) { try runWrite(body) }
    }

    private func runRead<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        let connection = try readers.take(beginning: Self.beginRead)
        defer { readers.give(connection) }
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
        let connection = try writer.take(beginning: Self.beginWrite)
        defer { writer.give(connection) }
        do {
            let transaction = PostgresTransaction(connection)
            let result = try body(transaction)
            // After a failed statement, the server rolls back at COMMIT and does not report an error.
            guard try connection.script("COMMIT") == "COMMIT" else {
                throw DatabaseFailure(reason: "PostgreSQL: the transaction was undone")
            }
            return (result, transaction.announced)
        } catch {
            _ = try? connection.script("ROLLBACK")
            throw error
        }
    }

    /// Returns when no other instance can use state from before an announcement: see ``AnnouncementWait``.
    ///
    /// Most instances record an announcement within a millisecond or two.
    private func waitUntilForgotten(_ number: Int64) throws {
        let connection = try readers.take(beginning: "")
        defer { readers.give(connection) }
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

// MARK: - Connections

/// A limited number of connections that threads share.
final class PostgresPool: Sendable {
    private struct State {
        var idle: [PostgresConnection] = []
        var busy = 0
    }

    /// The seconds that a thread waits for a connection.
    private static let timeoutSeconds = 10.0

    private let url: PostgresURL
    private let size: Int
    private let state = Monitor(State())

    init(_ url: PostgresURL, size: Int) {
        self.url = url
        self.size = size
    }

    /// Returns a connection on which `begin` was run; the caller must return it with ``give(_:)``.
    ///
    /// An idle connection may have been lost meanwhile. It was not used for this transaction yet, so another one silently
    /// replaces it.
    func take(beginning begin: String) throws -> PostgresConnection {
        while true {
            let known = try reserve()
            var opened: PostgresConnection?
            do {
                let connection = try known ?? PostgresConnection(url)
                opened = connection
                try connection.script(begin)
                return connection
            } catch {
                let wasAlive = opened?.isAlive == true
                give(opened)
                if known == nil || wasAlive { throw error }
            }
        }
    }

    /// Takes a connection back, and closes it if it is in the middle of a transaction.
    ///
    /// - Parameter connection: The connection, or nil if none could be opened.
    func give(_ connection: PostgresConnection?) {
        state.change { state in
            state.busy -= 1
            if let connection, connection.isIdle { state.idle.append(connection) }
        }
    }

    /// Returns the number of connections, for metrics.
    func connections(of pool: String) -> DatabaseConnections {
        let (busy, idle) = state.change(waking: .none) { ($0.busy, $0.idle.count) }
        return DatabaseConnections(pool: pool, busy: busy, idle: idle, max: size)
    }

    /// Reserves a connection; returns an idle one, or nil if the caller has to open one.
    private func reserve() throws -> PostgresConnection? {
        let found: PostgresConnection?? = state.wait(Self.timeoutSeconds) { state in
            guard !state.idle.isEmpty || state.busy < size else { return nil }
            state.busy += 1
            return .some(state.idle.popLast())
        }
        guard let found else { throw DatabaseFailure(reason: "all connections to the database are busy") }
        return found
    }
}

/// The URL of a PostgreSQL database.
///
/// It may contain a password, so it is never printed.
struct PostgresURL: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let text: String
    private let password: String?
    /// Whether the server is on this machine.
    let isLocal: Bool

    /// Creates a URL, or returns nil if libpq does not understand it.
    init?(_ text: String) {
        guard ["postgres://", "postgresql://"].contains(where: text.hasPrefix),
            let options = PostgresConnection.options(of: text)
        else { return nil }
        self.text = text
        password = options["password"].flatMap { $0.isEmpty ? nil : $0 }
        let hosts = (options["hostaddr"] ?? options["host"] ?? "").split(separator: ",")
        isLocal = hosts.allSatisfy { host in
            host == "localhost" || host == "::1" || host.hasPrefix("127.") || host.hasPrefix("/")
        }
    }

    var hasPassword: Bool { password != nil }

    /// Returns a message of libpq on one line, without the URL and the password.
    func withoutPassword(_ message: String) -> String {
        let line = message.split(whereSeparator: \.isNewline).joined(separator: " ").replacing("\t", with: "")
        guard let password else { return line }
        return line.replacing(text, with: "…").replacing(password, with: "…")
    }

    var description: String { "a PostgreSQL database" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}

// MARK: - Schema

/// The tables of a PostgreSQL database that coordinate its instances, in addition to those of the migrations.
enum PostgresSchema {
    /// Creates the tables, and checks that every instance has the same pepper: with another one, an instance would reject
    /// every token as unknown.
    static func prepare(_ database: PostgresDatabase, for peppers: Peppers) throws {
        let mark = mark(of: peppers.current)
        try database.write { connection in
            for statement in Instances.schema { try connection.execute(statement) }
            try connection.execute("CREATE TABLE IF NOT EXISTS pepper_mark (mark BLOB NOT NULL)")
            guard let known = try connection.query("SELECT mark FROM pepper_mark").first?.blob("mark") else {
                try connection.execute("INSERT INTO pepper_mark (mark) VALUES (\(mark))")
                return
            }
            if Sodium.constantTimeEqual(known, mark) { return }
            // The pepper was rotated, and this is the first instance with the new one.
            if let previous = peppers.previous, Sodium.constantTimeEqual(known, self.mark(of: previous)) {
                try connection.execute("UPDATE pepper_mark SET mark = \(mark)")
            } else {
                throw SetupFailure(
                    "the file pepper in the data directory is not the pepper of this database: copy the pepper of "
                        + "another instance into the directory, with mode 600")
            }
        }
    }

    private static func mark(of pepper: Pepper) -> [UInt8] {
        Sodium.hmacSHA256(Array("podstack pepper mark 1".utf8), key: pepper.bytes)
    }
}
