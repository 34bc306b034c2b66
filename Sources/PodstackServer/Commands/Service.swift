/// The service without its socket: an open database with everything that works on it.
///
/// The members of its ``Services`` can be read as its own.
@dynamicMemberLookup
struct Service: Sendable {
    let services: Services
    let dashboard: Dashboard
    /// Every route of the API.
    let routes: [Route]
    private let podControl: PodControl

    static let systemClock = SystemClock.seconds

    init(
        database: any Database, peppers: Peppers, auditCount: AuditCount? = nil,
        settings: ServiceSettings = ServiceSettings(), engine: (any PodEngine)? = nil, log: Log = .standardError,
        now: @escaping @Sendable () -> Int64 = Service.systemClock,
        elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed
    ) throws {
        let version = ServerTool.versionNumber
        let metrics = Metrics(startedAt: now(), version: version)
        let clock = SteadyClock(now, elapsed: elapsed) { step in
            metrics.clockStepped(step)
            log.write(
                "clock_stepped", level: "warning",
                fields: [LogField("direction", step.direction.rawValue), LogField("seconds", Int(step.seconds))])
        }
        let lastUsed = LastUsedTracker()
        let pools = WorkerPools()
        let digest = SecretDigest(peppers)
        let verifier = TokenVerifier(database: database, digest: digest)
        let changes = Changes(
            database: database, trail: AuditTrail(chain: AuditChain(peppers)), clock: { clock.now },
            forget: verifier.forget, count: metrics.event, auditCount: auditCount,
            readAuthority: TokenVerifier.authority)
        let tokens = TokenService(
            database: database, digest: digest, lastUsed: lastUsed, maxActive: settings.maxActiveTokens)
        let milliseconds = SystemClock.milliseconds { clock.now }
        let sealing = SealedValues(peppers)
        let billing = Billing()
        let link = EngineLink(engine)
        podControl = PodControl(
            link: link, changes: changes, billing: billing, sealing: sealing, settings: settings.pods, log: log,
            now: milliseconds, elapsed: elapsed)
        services = Services(
            database: database, verifier: verifier, changes: changes, idempotentChanges: IdempotentChanges(changes),
            reuse: ReuseWatch(changes: changes, digest: digest), leaks: LeakReport(changes: changes, digest: digest),
            tokens: tokens,
            projects: ProjectService(
                database: database, maxProjects: settings.maxProjects, countResources: PodService.countResources),
            members: MemberService(database: database, elapsed: elapsed),
            devices: DeviceService(tokens: tokens, digest: digest, systemTime: now),
            pods: PodService(
                database: database, billing: billing, tokens: tokens, sealing: sealing, link: link,
                maxPods: settings.maxPods, now: milliseconds),
            transfers: PodTransfers(),
            volumes: VolumeService(
                database: database, link: link, maxVolumes: settings.maxVolumes, now: milliseconds),
            signIn: SignInService(
                database: database, changes: changes, digest: digest, writes: pools.writes, systemTime: now,
                elapsed: elapsed
            ) { email, change in
                try AccountCreation.create(email: email, name: nil, in: change)
            }, lastUsed: lastUsed, pools: pools, limits: AccountLimits(),
            settings: settings, metrics: metrics, log: log, version: version, now: { clock.now }, elapsed: elapsed)
        dashboard = Dashboard(services)
        routes = try OpenAPIDocument.adding(to: Routes.all(services), version: version)
        metrics.add(routes.map(\.latency) + dashboard.routes.map(\.latency))
        metrics.collect([
            ("reads", pools.reads), ("writes", pools.writes), ("searches", pools.searches), ("checks", pools.checks),
            ("reports", pools.reports),
            ("passwords", services.signIn.passwords.queue),
        ])
        metrics.collect(database)
    }

    /// Opens the database and builds the service on it.
    ///
    /// - Parameters:
    ///   - directory: The data directory; it holds the pepper and, without `url`, the database.
    ///   - url: The PostgreSQL database to use, or nil for the SQLite database in the data directory.
    ///   - updatesSchema: Whether to bring an older schema up to date; if not, it is an error. A new database always gets the
    ///     schema.
    ///   - settings: The operator's settings.
    ///   - engine: The engine of the pods; nil for none.
    ///   - log: The log of the service.
    ///   - now: Returns the system's time in seconds since 1970.
    ///   - elapsed: Returns the nanoseconds of a monotonic clock.
    /// - Throws: ``SetupFailure`` if the operator has to correct something first.
    init(
        directory: DataDirectory, database url: PostgresURL? = nil, updatesSchema: Bool = true,
        settings: ServiceSettings = ServiceSettings(), engine: (any PodEngine)? = nil, log: Log = .standardError,
        now: @escaping @Sendable () -> Int64 = Service.systemClock,
        elapsed: @escaping @Sendable () -> Int64 = MonotonicClock.elapsed
    ) throws {
        let database = try Self.open(url, in: directory, updatesSchema: updatesSchema)
        try PepperMark.prepare(directory, for: database, isInDirectory: url == nil)
        let peppers = try directory.peppers()
        try PepperMark.check(peppers, in: database)
        let auditCount = url == nil ? AuditCount(path: directory.auditCountPath) : nil
        // A log that cannot be counted is damaged: verifying it says how.
        try? auditCount?.raise { try database.read { try AuditStore.countEver(in: $0) } }
        try self.init(
            database: database, peppers: peppers, auditCount: auditCount, settings: settings, engine: engine, log: log,
            now: now,
            elapsed: elapsed)
    }

    /// Opens the database.
    ///
    /// - Throws: ``SetupFailure`` if that is not possible, if the database has no schema although its pepper exists, or if its
    ///   schema is older than this program's and must not be updated.
    private static func open(
        _ url: PostgresURL?, in directory: DataDirectory, updatesSchema: Bool
    ) throws -> any Database {
        let name = url.map { _ in "the database" } ?? directory.databasePath
        do {
            guard let url else {
                let mayCreate = try directory.mayCreateDatabase()
                try directory.checkAccess()
                let database = try SQLiteDatabase(path: directory.databasePath, mayCreate: mayCreate)
                try directory.checkDatabase { try database.tables() }
                try Migrations.run(on: database, updatesSchema: updatesSchema)
                return database
            }
            let database = PostgresDatabase(url)
            try database.checkSessions()
            try Migrations.run(on: database, updatesSchema: updatesSchema)
            try PostgresSchema.prepare(database, updatesSchema: updatesSchema)
            return database
        } catch let failure as DatabaseFailure {
            throw SetupFailure("cannot open \(name): \(failure.reason)")
        }
    }

    subscript<Member>(dynamicMember member: KeyPath<Services, Member>) -> Member { services[keyPath: member] }

    /// Starts to follow the changes of other instances and the engine of the pods; required before the first request.
    ///
    /// When it returns, pods that have reached a limit are stopped.
    func start() throws {
        try services.verifier.follow(services.log)
        try podControl.start()
    }

    /// Stops following other instances and writes last-used times; required after the last request.
    func stop() {
        dashboard.stop()
        services.transfers.stop()
        podControl.stop()
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
                fields: [LogField("tokens", services.lastUsed.unwrittenCount), LogField("reason", reason)])
        }
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
            },
            pools: services.pools, limits: services.limits, lease: services.database.lease, log: services.log,
            metrics: services.metrics, logged: settings.loggedRequests, now: services.now)
    }
}
