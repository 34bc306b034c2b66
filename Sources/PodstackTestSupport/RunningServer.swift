package import PodstackServer
import Synchronization

/// A server on a free port with its own folder, its own database and one user.
package final class RunningServer: Sendable {
    package static let email = "you@example.com"
    package let data: TemporaryDirectory
    package let clock: ManualClock?
    package let server: EmbeddedServer
    /// The PostgreSQL database; nil for SQLite.
    package let database: PostgresCluster.Database?
    private let logged: LogLines

    private final class LogLines: Sendable {
        let text = Mutex("")
    }

    /// Starts a server.
    ///
    /// - Parameters:
    ///   - clock: The clock of the server; nil for the system's.
    ///   - maxActiveTokens: The most active tokens of an account.
    ///   - maxProjects: The most projects of an account.
    ///   - failedAuthentications: The limit on failed authentications per minute; nil for the default.
    ///   - requests: The limit on requests per minute; nil for the default.
    ///   - reports: The limit on leak reports per minute; nil for the default.
    ///   - deviceCodes: The limit on device codes per minute; nil for the default.
    ///   - proxies: The addresses of trusted proxies.
    ///   - requestTime: Seconds that a request may take to arrive.
    ///   - connectionsPerNetwork: The maximum number of connections from one network.
    /// - Throws: The errors of ``EmbeddedServer``.
    package convenience init(
        clock: ManualClock? = nil, maxActiveTokens: Int = 5, maxProjects: Int = 100,
        failedAuthentications: Int? = nil, requests: Int? = nil, reports: Int? = nil, deviceCodes: Int? = nil,
        proxies: [String] = [], requestTime: Int = 30, connectionsPerNetwork: Int = 256
    ) throws {
        try self.init(clock: clock) { place in
            try EmbeddedServer(
                directory: place.directory, database: place.database, maxActiveTokens: maxActiveTokens,
                maxProjects: maxProjects, failedAuthentications: failedAuthentications, requests: requests,
                reports: reports, deviceCodes: deviceCodes, proxies: proxies, requestTime: requestTime,
                connectionsPerNetwork: connectionsPerNetwork, now: place.now, elapsed: place.elapsed, log: place.log)
        }
    }

    /// The surroundings of a server under test.
    package struct Place {
        package var directory: String
        package var database: String?
        package var now: (@Sendable () -> Int64)?
        package var elapsed: (@Sendable () -> Int64)?
        package var log: @Sendable ([UInt8]) -> Void
    }

    /// Starts a server with other settings.
    ///
    /// - Parameters:
    ///   - clock: The clock of the server; nil for the system's.
    ///   - start: Starts the server in its place.
    /// - Throws: The errors of `start`.
    package init(clock: ManualClock? = nil, _ start: (Place) throws -> EmbeddedServer) throws {
        let lines = LogLines()
        logged = lines
        data = try TemporaryDirectory()
        database = try TestDatabase.current.create()
        self.clock = clock
        var place = Place(directory: data.file("data"), database: database?.url) { line in
            lines.text.withLock { $0 += String(decoding: line, as: UTF8.self) }
        }
        if let clock {
            place.now = { clock.now }
            place.elapsed = { clock.elapsed }
        }
        server = try start(place)
        try server.addUser(Self.email)
    }

    package var url: String { server.url }

    /// Returns the environment of a user of the server with a home directory.
    package func environment(home: TemporaryDirectory, token: String? = nil) -> [String: String] {
        var environment = ["HOME": home.path, "PODSTACK_API_ENDPOINT": url]
        environment["PODSTACK_API_TOKEN"] = token
        return environment
    }

    package var log: String { logged.text.withLock { $0 } }
    package func createToken(expiresAt: Int64? = nil) throws -> String {
        try server.createToken(Self.email, expiresAt: expiresAt)
    }
}

// MARK: - Two instances

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
        first.stop()
        second.stop()
    }

    package func createToken() throws -> String { try first.createToken(RunningServer.email) }
}

// MARK: - Clock

/// The clocks of a machine, which a test sets: the time in seconds since 1970, and a monotonic clock.
package final class ManualClock: Sendable {
    private struct State {
        var now: Int64
        /// In nanoseconds.
        var elapsed: Int64 = 1_000_000_000_000
    }

    private let state: Mutex<State>

    package init(_ start: Int64 = 1_900_000_000) { state = Mutex(State(now: start)) }

    package var now: Int64 { state.withLock { $0.now } }

    /// The nanoseconds of the monotonic clock.
    package var elapsed: Int64 { state.withLock { $0.elapsed } }

    /// Lets time pass until a time.
    ///
    /// An earlier time is a step of the clock, in which no time passes.
    package func set(_ now: Int64) {
        state.withLock { state in
            state.elapsed += max(0, now - state.now) * 1_000_000_000
            state.now = now
        }
    }

    /// Lets time pass.
    package func advance(_ seconds: Int64) { set(now + seconds) }

    /// Changes the time by seconds that have not passed.
    package func step(_ seconds: Int64) { state.withLock { $0.now += seconds } }
}
