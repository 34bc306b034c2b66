/// What the operator of the service decides.
struct ServiceSettings: Sendable {
    /// Of each account.
    var maxActiveTokens = 5
    /// From each address in a minute; nil for no limit.
    var failedAuthentications: Int?
    /// With each token in a minute; nil for no limit.
    var requests: Int?
    /// Reports of leaked tokens from each address in a minute; nil for no limit.
    var reports: Int?
    /// Codes for devices from each address in a minute; nil for no limit.
    var deviceCodes: Int?
    var publicURL = PublicURL()
    var proxies = TrustedProxies()
}
