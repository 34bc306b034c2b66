import PodstackAPI

/// The routes under `/v1/device`, for programs without a browser.
///
/// The error codes are those of RFC 8628, in the body that all errors have. ``OAuthRoutes`` serves the same flow to OAuth
/// clients.
struct DeviceRoutes: Sendable {
    /// The polls that an address may make for each code that it may ask for.
    private static let pollsPerCode = 20

    let devices: DeviceService
    let changes: Changes
    let publicURL: PublicURL
    let codeLimit: RateLimiter<ClientAddress>?
    let pollLimit: RateLimiter<ClientAddress>?
    let now: @Sendable () -> Int64

    init(_ service: Services) {
        devices = service.devices
        changes = service.changes
        now = service.now
        publicURL = service.settings.publicURL
        let elapsed = service.elapsed
        codeLimit = service.settings.deviceCodes.map {
            RateLimiter(RateLimit(name: "device-code", count: $0), elapsed: elapsed)
        }
        pollLimit = service.settings.deviceCodes.map {
            RateLimiter(RateLimit(name: "device-token", count: $0 * Self.pollsPerCode), elapsed: elapsed)
        }
    }

    @Sendable func begin(_ exchange: Exchange) throws -> Response {
        try .json(
            try begin(exchange) {
                try DeviceAuthorizationRequest(json: try JSONBody.object(of: exchange.request))
            })
    }

    /// Starts the flow with the request that `read` finds in the body, and returns the codes.
    func begin(_ exchange: Exchange, _ read: () throws -> DeviceAuthorizationRequest) throws -> DeviceCode {
        let time = now()
        try limit(codeLimit, exchange.request)
        let request = try read()
        let page = try publicURL.of(exchange.request) + "/device"
        let codes = try changes.perform(by: Actor(exchange.request, nil), at: time) {
            try devices.begin(request, from: Origin(exchange.request), in: $0)
        }
        return DeviceCode(
            deviceCode: codes.deviceCode, userCode: codes.userCode, verificationURI: page,
            verificationURIComplete: "\(page)?code=\(codes.userCode)",
            expiresIn: Int(DeviceRequest.lifetimeSeconds),
            interval: Int(DeviceRequest.firstInterval))
    }

    @Sendable func fetch(_ exchange: Exchange) throws -> Response {
        let fetched = try fetch(exchange) {
            Poll(code: try DevicePoll.deviceCode(json: try JSONBody.object(of: exchange.request)))
        }
        return try .json(
            CreatedToken(
                token: fetched.token.apiModel(at: fetched.time, lastUsedAt: fetched.token.lastUsedAt),
                secret: fetched.secret))
    }

    /// A program's request for the token of its device code.
    struct Poll {
        var code: String
        /// The name that the program started the flow with; nil if the request does not repeat it.
        var clientName: String?
    }

    /// The token of an approved request; the secret is nil if the program generated it.
    struct Fetched {
        var token: TokenRecord
        var secret: String?
        var time: Int64
    }

    /// Returns the token of the poll that `read` finds in the body.
    ///
    /// - Throws: ``ErrorResponse`` with a code of RFC 8628 if there is no token, or not yet.
    func fetch(_ exchange: Exchange, _ read: () throws -> Poll) throws -> Fetched {
        let time = now()
        try limit(pollLimit, exchange.request)
        let poll = try read()
        let outcome = try changes.perform(by: Actor(exchange.request, nil), at: time) {
            try devices.fetch(poll.code, clientName: poll.clientName, in: $0)
        }
        switch outcome {
        case .approved(let token, let secret): return Fetched(token: token, secret: secret, time: time)
        case .pending: throw refusal(.authorizationPending, "The user has not decided yet; ask again later")
        case .tooFast(let interval):
            throw refusal(
                .slowDown, "Ask at most once every \(counted(interval, "second"))",
                ["interval": .integer(Int(interval))])
        case .denied: throw refusal(.accessDenied, "The user denied the request")
        case .expired: throw refusal(.expiredToken, "The code has expired; start again")
        case .unknown: throw refusal(.invalidGrant, "The code is unknown, or the token was already fetched")
        }
    }

    private func limit(_ limiter: RateLimiter<ClientAddress>?, _ request: Request) throws {
        guard let verdict = limiter?.take(request.address.network), !verdict.isAllowed else {
            return
        }
        throw verdict.error
    }

    /// Source: RFC 8628, section 3.5, and RFC 6749, section 5.2.
    private func refusal(_ code: ErrorCode, _ message: String, _ details: [String: JSONValue] = [:]) -> ErrorResponse {
        ErrorResponse(status: 400, code: code, message: message, details: details)
    }
}
