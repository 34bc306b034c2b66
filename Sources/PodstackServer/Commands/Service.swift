#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The service without its socket: an open database with everything that works on it.
///
/// The members of its ``Services`` can be read as its own.
@dynamicMemberLookup
struct Service: Sendable {
    let services: Services
    let dashboard: Dashboard
    /// Every route of the API.
    let routes: [Route]

    static let systemClock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }

    init(
        database: any Database, peppers: Peppers, settings: ServiceSettings = ServiceSettings(),
        log: Log = .standardError,
        now: @escaping @Sendable () -> Int64 = Service.systemClock
    ) throws {
        let clock = SteadyClock(now)
        let version = ServerTool.versionNumber
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
            tokens: tokens, projects: ProjectService(database: database), members: MemberService(database: database),
            devices: DeviceService(tokens: tokens, digest: digest),
            signIn: SignInService(database: database, changes: changes, digest: digest) { email, change in
                try AccountCreation.create(email: email, name: nil, in: change)
            }, lastUsed: lastUsed,
            settings: settings, metrics: Metrics(startedAt: clock.now, version: version), log: log, version: version,
            now: { clock.now })
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
    ///   - now: Returns the time in seconds since 1970.
    /// - Throws: ``SetupFailure`` if the operator has to correct something first.
    init(
        directory: DataDirectory, database url: PostgresURL? = nil, settings: ServiceSettings = ServiceSettings(),
        log: Log = .standardError, now: @escaping @Sendable () -> Int64 = Service.systemClock
    ) throws {
        let database = try Self.open(url, in: directory)
        // A database without accounts and mark holds nothing that depends on an existing pepper.
        let isNew = try database.read { try UserStore.isEmpty(in: $0) && PepperMark.isMissing(in: $0) }
        let peppers = try directory.peppers(mayCreate: isNew)
        try PepperMark.check(peppers, in: database)
        try self.init(database: database, peppers: peppers, settings: settings, log: log, now: now)
    }

    /// Opens the database and brings its schema up to date.
    ///
    /// - Throws: ``SetupFailure`` if that is not possible, or if the database has no schema although its pepper exists.
    private static func open(_ url: PostgresURL?, in directory: DataDirectory) throws -> any Database {
        let name = url.map { _ in "the database" } ?? directory.databasePath
        do {
            guard let url else {
                let mayCreate = try directory.mayCreateDatabase()
                let database = try SQLiteDatabase(path: directory.databasePath, mayCreate: mayCreate)
                try directory.checkIsNew { try database.isEmpty() }
                try Migrations.run(on: database)
                return database
            }
            let database = PostgresDatabase(url)
            try database.checkSessions()
            try Migrations.run(on: database)
            try PostgresSchema.prepare(database)
            return database
        } catch let failure as DatabaseFailure {
            throw SetupFailure("cannot open \(name): \(failure.reason)")
        }
    }

    subscript<Member>(dynamicMember member: KeyPath<Services, Member>) -> Member { services[keyPath: member] }

    /// Starts to follow the changes of other instances; required before the first request.
    func start() throws { try services.verifier.follow(services.log) }

    /// Stops following other instances and writes last-used times; required after the last request.
    func stop() {
        dashboard.stop()
        services.database.unfollow()
        flushLastUsed()
    }

    /// Writes last-used times.
    ///
    /// A failure is logged and no more: no client was told that they are stored.
    func flushLastUsed() {
        do { try services.lastUsed.flush(to: services.database) } catch {
            let reason = (error as? DatabaseFailure)?.reason ?? ""
            services.log.write(
                "last_used_not_written", level: "warning",
                [("tokens", String(services.lastUsed.unwrittenCount)), ("reason", reason)])
        }
    }

    var handler: RequestHandler {
        let settings = services.settings
        return RequestHandler(
            router: Router(routes), pages: dashboard, verifier: services.verifier, reuse: services.reuse,
            lastUsed: services.lastUsed, proxies: settings.proxies,
            failures: settings.failedAuthentications.map { RateLimiter(RateLimit(name: "authentication", count: $0)) },
            requests: settings.requests.map { RateLimiter(RateLimit(name: "token", count: $0)) }, log: services.log,
            metrics: services.metrics, now: services.now)
    }
}
