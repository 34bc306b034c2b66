/// The service without its socket: an open database with everything that works on it.
///
/// The members of its ``Services`` can be read as its own.
@dynamicMemberLookup
struct Service: Sendable {
    let services: Services
    let dashboard: Dashboard
    /// Every route of the API.
    let routes: [Route]

    static let systemClock = SystemClock.seconds

    init(
        database: any Database, peppers: Peppers, settings: ServiceSettings = ServiceSettings(),
        log: Log = .standardError,
        now: @escaping @Sendable () -> Int64 = Service.systemClock,
        elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed
    ) throws {
        let version = ServerTool.versionNumber
        let metrics = Metrics(startedAt: now(), version: version)
        let clock = SteadyClock(now, elapsed: elapsed) { step in
            metrics.clockStepped(step)
            log.write(
                "clock_stepped", level: "warning",
                [("direction", step.direction.rawValue), ("seconds", String(step.seconds))])
        }
        let lastUsed = LastUsedTracker()
        let digest = SecretDigest(peppers)
        let verifier = TokenVerifier(database: database, digest: digest)
        let changes = Changes(
            database: database, trail: AuditTrail(chain: AuditChain(peppers)), forget: verifier.forget,
            recheck: TokenVerifier.recheck)
        let tokens = TokenService(
            database: database, digest: digest, lastUsed: lastUsed, maxActive: settings.maxActiveTokens)
        services = Services(
            database: database, verifier: verifier, changes: changes, idempotentChanges: IdempotentChanges(changes),
            reuse: ReuseWatch(changes: changes, digest: digest), leaks: LeakReport(changes: changes, digest: digest),
            tokens: tokens, projects: ProjectService(database: database),
            members: MemberService(database: database, elapsed: elapsed),
            devices: DeviceService(tokens: tokens, digest: digest, systemTime: now),
            signIn: SignInService(
                database: database, changes: changes, digest: digest, systemTime: now, elapsed: elapsed
            ) { email, change in
                try AccountCreation.create(email: email, name: nil, in: change)
            }, lastUsed: lastUsed,
            settings: settings, metrics: metrics, log: log, version: version, now: { clock.now }, elapsed: elapsed)
        dashboard = Dashboard(services)
        routes = try OpenAPIDocument.adding(to: Routes.all(services), version: version)
    }

    /// Opens the database, brings its schema up to date and builds the service on it.
    ///
    /// - Parameters:
    ///   - directory: The data directory; it holds the pepper and, without `url`, the database.
    ///   - url: The PostgreSQL database to use, or nil for the SQLite database in the data directory.
    ///   - settings: The operator's settings.
    ///   - log: The log of the service.
    ///   - now: Returns the system's time in seconds since 1970.
    ///   - elapsed: Returns the nanoseconds of a monotonic clock.
    /// - Throws: ``SetupFailure`` if the operator has to correct something first.
    init(
        directory: DataDirectory, database url: PostgresURL? = nil, settings: ServiceSettings = ServiceSettings(),
        log: Log = .standardError, now: @escaping @Sendable () -> Int64 = Service.systemClock,
        elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed
    ) throws {
        if url == nil { try directory.checkHoldsItsDatabase() }
        let name = url.map { _ in "the database" } ?? directory.databasePath
        let database: any Database
        do {
            database =
                if let url { PostgresDatabase(url) } else { try SQLiteDatabase(path: directory.databasePath) }
            try Migrations.run(on: database)
        } catch let failure as DatabaseFailure {
            throw SetupFailure("cannot open \(name): \(failure.reason)")
        }
        // A database without accounts holds nothing that depends on an existing pepper.
        let isNew = try database.read { try UserStore.isEmpty(in: $0) }
        let peppers = try directory.peppers(mayCreate: isNew)
        if let shared = database as? PostgresDatabase { try PostgresSchema.prepare(shared, for: peppers) }
        try self.init(
            database: database, peppers: peppers, settings: settings, log: log, now: now, elapsed: elapsed)
    }

    subscript<Member>(dynamicMember member: KeyPath<Services, Member>) -> Member { services[keyPath: member] }

    /// Starts to follow the changes of other instances; required before the first request.
    func start() throws { try services.verifier.follow(services.log) }

    /// Stops following other instances and writes last-used times; required after the last request.
    func stop() throws {
        dashboard.stop()
        services.database.unfollow()
        try services.lastUsed.flush(to: services.database)
    }

    var handler: RequestHandler {
        let settings = services.settings
        return RequestHandler(
            router: Router(routes), pages: dashboard, verifier: services.verifier, reuse: services.reuse,
            lastUsed: services.lastUsed, proxies: settings.proxies,
            failures: settings.failedAuthentications.map {
                RateLimiter(RateLimit(name: "authentication", count: $0), elapsed: services.elapsed)
            },
            requests: settings.requests.map {
                RateLimiter(RateLimit(name: "token", count: $0), elapsed: services.elapsed)
            }, log: services.log,
            metrics: services.metrics, now: services.now)
    }
}
