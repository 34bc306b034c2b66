/// A whole service on a socket of this process, for tests and for embedding.
package final class EmbeddedServer: Sendable {
    let service: Service
    let handler: RequestHandler
    private let listener: Listener

    /// Starts a service without an engine on a free port of 127.0.0.1.
    ///
    /// - Parameters:
    ///   - directory: The data directory, which is created if it is missing.
    ///   - database: The URL of a PostgreSQL database; nil for SQLite in the data directory.
    ///   - maxActiveTokens: The number of active tokens that an account may have.
    ///   - maxProjects: The number of projects that an account may have.
    ///   - failedAuthentications: Failed authentications per address and minute; nil for no limit.
    ///   - requests: Requests per token and minute; nil for no limit.
    ///   - reports: Reports of leaked tokens per address and minute; nil for no limit.
    ///   - deviceCodes: Device codes per address and minute; nil for no limit.
    ///   - proxies: The addresses and networks of the proxies that are trusted to send the address of the client.
    ///   - requestTime: The seconds that a request may take to arrive.
    ///   - connectionsPerNetwork: The maximum number of connections from one network.
    ///   - now: Returns the time in seconds since 1970; nil for the system's clock.
    ///   - elapsed: Returns the nanoseconds of a monotonic clock; nil for the system's clock.
    ///   - log: Called with each line of the log.
    /// - Throws: If the service cannot be started.
    package convenience init(
        directory: String, database: String? = nil, maxActiveTokens: Int = 5, maxProjects: Int = 100,
        failedAuthentications: Int? = nil,
        requests: Int? = nil, reports: Int? = nil, deviceCodes: Int? = nil, proxies: [String] = [],
        requestTime: Int = 30, connectionsPerNetwork: Int = 256,
        now: (@Sendable () -> Int64)? = nil, elapsed: (@Sendable () -> Int64)? = nil,
        log: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) throws {
        try self.init(
            directory: directory, database: database,
            settings: ServiceSettings(
                maxActiveTokens: maxActiveTokens, maxProjects: maxProjects,
                failedAuthentications: failedAuthentications, requests: requests,
                reports: reports, deviceCodes: deviceCodes,
                proxies: TrustedProxies(try proxies.map { try AddressRange($0) })), engine: nil,
            requestTime: requestTime, connectionsPerNetwork: connectionsPerNetwork, now: now, elapsed: elapsed, log: log
        )
    }

    /// Starts a service on a free port of 127.0.0.1.
    ///
    /// - Parameters:
    ///   - directory: The data directory, which is created if it is missing.
    ///   - database: The URL of a PostgreSQL database; nil for SQLite in the data directory.
    ///   - settings: The operator's settings.
    ///   - engine: The engine of the pods; nil for none.
    ///   - requestTime: The seconds that a request may take to arrive.
    ///   - connectionsPerNetwork: The maximum number of connections from one network.
    ///   - now: Returns the time in seconds since 1970; nil for the system's clock.
    ///   - elapsed: Returns the nanoseconds of a monotonic clock; nil for the system's clock.
    ///   - log: Called with each line of the log.
    /// - Throws: If the service cannot be started.
    init(
        directory: String, database: String? = nil, settings: ServiceSettings, engine: (any PodEngine)?,
        requestTime: Int = 30, connectionsPerNetwork: Int = 256,
        now: (@Sendable () -> Int64)? = nil, elapsed: (@Sendable () -> Int64)? = nil,
        log: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) throws {
        let url = try database.map { text in
            guard let url = PostgresURL(text) else { throw SetupFailure("the URL of the database is invalid") }
            return url
        }
        service = try Service(
            directory: DataDirectory(directory), database: url, settings: settings, engine: engine, log: Log(sink: log),
            now: now ?? Service.systemClock, elapsed: elapsed ?? MonotonicClock.elapsed)
        try service.start()
        let handler = service.handler
        self.handler = handler
        let proxies = service.settings.proxies
        let listenerOptions = ListenerOptions(
            requestSeconds: requestTime, connectionsPerNetwork: connectionsPerNetwork, isExempt: proxies.contains,
            streamsBody: handler.streamsBody)
        listener = try Listener(ListenAddress("127.0.0.1:0"), listenerOptions) { handler.handle($0) }
        service.metrics.collect(listener)
    }

    /// Closes the connections that have passed their deadline.
    package func endOverdue() { listener.closeOverdue() }
    package var openConnections: Int { listener.openConnections }

    package var port: UInt16 { listener.port }
    package var url: String { "http://127.0.0.1:\(listener.port)" }

    /// Stops the service.
    ///
    /// - Parameter drainSeconds: The seconds within which requests in progress are completed.
    package func stop(drainSeconds: Int = 1) {
        listener.stop(timeoutMilliseconds: drainSeconds * 1000)
        service.stop()
    }

    /// Creates a user with an account and a default project, and returns the ID of the account.
    @discardableResult
    package func addUser(_ email: String) throws -> String {
        try service.changes.perform(by: .administrator, at: service.now()) {
            try AccountCreation.create(email: email, name: nil, in: $0).accountID
        }
    }

    /// Makes a user an operator, as the command does.
    package func setOperator(_ email: String) throws {
        try service.changes.perform(by: .administrator, at: service.now()) { change in
            guard let user = try UserStore.find(email: email, in: change.connection) else {
                throw SetupFailure("there is no user with the address \(email)")
            }
            try UserService.setOperator(true, user, in: change)
        }
    }

    /// Returns the path of the page where a user chooses a password, usable once.
    ///
    /// - Parameter email: The address of the user; nil for the page that creates the first account.
    /// - Returns: The path.
    /// - Throws: If there is no such user.
    package func signInLink(_ email: String?) throws -> String {
        let user = try email.flatMap { email in
            try service.database.read { try UserStore.find(email: email, in: $0) }
        }
        if let email, user == nil { throw SetupFailure("there is no user with the address \(email)") }
        let secret = try service.changes.perform(by: .administrator, at: service.now()) {
            try service.signIn.links.create(for: user?.id, in: $0)
        }
        return Link("/welcome", secret.text).text
    }

    /// Creates a token as the operator's command does, and returns it.
    ///
    /// - Parameters:
    ///   - email: The address of the token's user.
    ///   - name: The name of the token.
    ///   - expiresAt: The expiry in seconds since 1970; nil for the default.
    /// - Returns: The whole token.
    /// - Throws: If there is no such user, or the token cannot be created.
    package func createToken(_ email: String, name: String = "test", expiresAt: Int64? = nil) throws -> String {
        guard let user = try service.database.read({ try UserStore.find(email: email, in: $0) }) else {
            throw SetupFailure("there is no user with the address \(email)")
        }
        let request = TokenRequest(name: name, expiry: expiresAt.map { .at($0) } ?? .default)
        return try service.changes.perform(by: .administrator, at: service.now()) { change in
            let (_, secret) = try service.tokens.create(
                request, in: change.with(Authority(user.grant, in: change.connection)))
            return secret ?? ""
        }
    }
}
