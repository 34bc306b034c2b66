import PodstackAPI

/// A code that waits for somebody's decision.
public struct DeviceLoginRequest: Sendable {
    private let pipeline: Pipeline
    private let deviceCode: String
    private let made: GeneratedToken
    private let end: ContinuousClock.Instant
    private let interval: Duration

    /// What the page must show, such as `WDJB-MJHT`.
    public let userCode: String
    /// The page that asks for the code.
    public let verificationURI: String
    /// The same, with the code filled in.
    public let verificationURIComplete: String
    /// For how long the code was good when it was given.
    public let life: Duration

    init(pipeline: Pipeline, code: DeviceCode, made: GeneratedToken, start: ContinuousClock.Instant) {
        self.pipeline = pipeline
        self.made = made
        deviceCode = code.deviceCode
        // Within what can be counted, whatever the service says.
        interval = .seconds(min(max(code.interval, 1), 300))
        life = .seconds(min(max(code.expiresIn, 0), 86_400))
        end = start + life
        userCode = OneLine.of(code.userCode, most: 40)
        verificationURI = OneLine.of(code.verificationURI)
        verificationURIComplete = OneLine.of(code.verificationURIComplete)
    }

    /// Returns when somebody has approved: then the token works.
    ///
    /// Asks as often as the service wants to be asked, and goes on when an answer does not come.
    ///
    /// - Parameter onWait: Told before each wait how much time is left.
    /// - Throws: ``PermissionError`` when it was denied, ``AuthenticationError`` when nobody decided in time,
    ///   ``QuotaExceededError`` when whoever approved has no room for another token.
    public func token(
        onWait: @Sendable (_ left: Duration) -> Void = { _ in }
    ) async throws -> (token: Token, secret: APIToken) {
        var interval = interval
        var trouble: (any PodstackError)?
        while true {
            let left = end - pipeline.time.now()
            guard left > .zero else { throw trouble ?? ErrorMapping.notApproved(within: life) }
            onWait(left)
            try await pipeline.time.sleep(min(interval, left))
            do {
                let call = try Call.post("/v1/device/token", ["device_code": deviceCode])
                let created: CreatedToken = try await pipeline.call(call.anonymous)
                return (created.token, made.secret)
            } catch let error as any PodstackError {
                trouble = nil
                switch error {
                case _ where error.code == .authorizationPending: break
                case _ where error.code == .slowDown: interval = Self.slower(interval, error)
                case is NetworkError, is ServerError, is RateLimitError:
                    trouble = error
                    interval = Self.slower(interval, error)
                default: throw ErrorMapping.device(error, lifetime: life)
                }
            }
        }
    }

    /// Source: RFC 8628, section 3.5: five seconds more, from then on.
    private static func slower(_ interval: Duration, _ error: any PodstackError) -> Duration {
        let asked = error.details["interval"]?.integerValue ?? 0
        return min(max(interval + .seconds(5), .seconds(min(asked, 300))), .seconds(300))
    }
}
