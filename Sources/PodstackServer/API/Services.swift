/// The domain's services, as the routes of the API and the pages of the dashboard use them.
///
/// `Service` builds the value once. Everything in it is safe to use on several threads.
struct Services: Sendable {
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
    let pods: PodService
    let transfers: PodTransfers
    let volumes: VolumeService
    let signIn: SignInService
    let lastUsed: LastUsedTracker
    let pools: WorkerPools
    let limits: AccountLimits
    let settings: ServiceSettings
    let metrics: Metrics
    let log: Log
    /// The version of the service, such as `0.1.0`.
    let version: String
    /// Returns the time in seconds since 1970.
    let now: @Sendable () -> Int64
    /// Returns the nanoseconds of a monotonic clock, for durations.
    let elapsed: @Sendable () -> Int64
}

/// The settings of the service that its operator chooses.
struct ServiceSettings: Sendable {
    /// The number of active tokens that an account may have.
    var maxActiveTokens = 5
    /// The number of projects that an account may have.
    var maxProjects = 100
    /// The number of pods that an account may have, and of volumes.
    var maxPods = 100
    var maxVolumes = 100
    /// The settings of pods.
    var pods = PodWorker.Settings()
    /// Failed authentications per address and minute; nil for no limit.
    var failedAuthentications: Int?
    /// Requests per token and minute; nil for no limit.
    var requests: Int?
    /// Reports of leaked tokens per address and minute; nil for no limit.
    var reports: Int?
    /// Device codes per address and minute; nil for no limit.
    var deviceCodes: Int?
    /// The requests that the log contains.
    var loggedRequests = LoggedRequests.changes
    var publicURL = PublicURL()
    var proxies = TrustedProxies()
}
