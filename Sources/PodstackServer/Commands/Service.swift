import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The service without its socket: a data directory, opened.
struct Service: Sendable {
    let database: any Database
    let verifier: TokenVerifier
    let changes: Changes
    let idempotentChanges: IdempotentChanges
    let reuse: ReuseWatch
    let leaks: LeakReport
    let tokens: TokenService
    let projects: ProjectService
    let members: MemberService
    let devices: DeviceService
    let signIn: SignInService
    let auditWatch: AuditWatch
    let lastUsed: LastUsedTracker
    let settings: ServiceSettings
    let metrics: Metrics
    let log: Log
    /// Seconds since 1970.
    let now: @Sendable () -> Int64

    static let systemClock: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }

    init(
        database: any Database, peppers: Peppers, settings: ServiceSettings = ServiceSettings(),
        log: Log = .standardError,
        now: @escaping @Sendable () -> Int64 = Service.systemClock
    ) throws {
        self.database = database
        self.settings = settings
        self.log = log
        let clock = SteadyClock(now)
        self.now = { clock.now }
        metrics = Metrics(startedAt: clock.now)
        lastUsed = LastUsedTracker()
        let digest = SecretDigest(peppers)
        verifier = TokenVerifier(database: database, digest: digest)
        changes = Changes(
            database: database, trail: AuditTrail(chain: AuditChain(peppers)), forget: verifier.forget,
            recheck: TokenVerifier.recheck)
        idempotentChanges = IdempotentChanges(changes)
        reuse = ReuseWatch(changes: changes, digest: digest)
        leaks = LeakReport(changes: changes, digest: digest)
        tokens = TokenService(
            database: database, digest: digest, lastUsed: lastUsed, maxActive: settings.maxActiveTokens)
        devices = DeviceService(tokens: tokens, digest: digest)
        signIn = SignInService(database: database, changes: changes, digest: digest)
        auditWatch = AuditWatch(database: database, sessions: signIn.sessions) { clock.now }
        projects = ProjectService(database: database)
        members = MemberService(database: database)
    }

    /// - Parameter url: Of the database; nil for the one in the data directory.
    init(
        directory: DataDirectory, database url: PostgresURL? = nil, settings: ServiceSettings = ServiceSettings(),
        log: Log = .standardError, now: @escaping @Sendable () -> Int64 = Service.systemClock
    ) throws {
        if url == nil { try directory.checkHoldsItsDatabase() }
        let place = url.map { _ in "the database" } ?? directory.databasePath
        let database: any Database
        do {
            database =
                if let url { PostgresDatabase(url) } else { try SQLiteDatabase(path: directory.databasePath) }
            try Migrations.run(on: database)
        } catch let failure as DatabaseFailure {
            throw SetupFailure("cannot open \(place): \(failure.reason)")
        }
        // Where there is nobody yet, nothing needs the pepper that was.
        let isNew = try database.read { try AccountStore.isEmpty(in: $0) }
        let peppers = try directory.peppers(mayMake: isNew)
        if let shared = database as? PostgresDatabase { try PostgresSchema.prepare(shared, for: peppers) }
        try self.init(
            database: database, peppers: peppers, settings: settings, log: log, now: now)
    }

    /// From now on it serves, beside other instances if there are any.
    func start() throws { try verifier.follow(log) }

    /// After the last request.
    func stop() throws {
        auditWatch.stop()
        database.unfollow()
        try lastUsed.flush(to: database)
    }

    var handler: RequestHandler {
        RequestHandler(
            router: Router(Routes.all(self)), dashboard: Dashboard(self), verifier: verifier, reuse: reuse,
            lastUsed: lastUsed,
            proxies: settings.proxies,
            failures: settings.failedAuthentications.map { RateLimiter(RateLimit(name: "authentication", count: $0)) },
            requests: settings.requests.map { RateLimiter(RateLimit(name: "token", count: $0)) }, log: log,
            metrics: metrics,
            now: now)
    }
}
