import PodstackAPI
import PodstackCryptography

/// The rules of the device flow: a program starts it, a user decides in a browser, the program fetches its token.
///
/// Source: RFC 8628.
struct DeviceService: Sendable {
    let tokens: TokenService
    let digest: SecretDigest
    /// Returns the time of the system's clock, with which the times of polls are compared.
    let systemTime: @Sendable () -> Int64

    init(
        tokens: TokenService, digest: SecretDigest, systemTime: @escaping @Sendable () -> Int64 = SystemClock.seconds
    ) {
        self.tokens = tokens
        self.digest = digest
        self.systemTime = systemTime
    }

    // MARK: - The program starts

    /// The most requests of one network that wait for a decision.
    var maximumPerNetwork = 100
    /// The most requests that are stored.
    ///
    /// One takes less than 2 KB, so all of them take less than 40 MB.
    var maximumCount = 20_000

    /// Removes requests that are no longer needed, and throws if there is no room for another one.
    private func makeRoom(from address: ClientAddress, in change: Change) throws {
        let (connection, now) = (change.connection, change.now)
        try DeviceStore.removeExpired(until: now - DeviceStore.retentionSeconds, now: now, in: connection)
        let network = address.network.description
        let pending = try DeviceStore.pending(of: network, now: now, in: connection)
        if pending.count >= maximumPerNetwork {
            let seconds = max(1, (pending.firstEnd ?? now) - now)
            throw DomainError.rateLimited(
                RateLimit.Verdict(
                    limit: RateLimit(
                        name: "pending-devices", count: maximumPerNetwork, window: DeviceRequest.lifetimeSeconds),
                    isAllowed: false, remaining: 0, resetsIn: seconds, retryAfter: seconds),
                "Too many programs at your network wait for an approval: try again in \(counted(seconds, "second"))")
        }
        if try DeviceStore.count(of: network, in: connection) >= 2 * maximumPerNetwork {
            try DeviceStore.removeExpired(until: now, now: now, of: network, in: connection)
        }
        guard try DeviceStore.count(in: connection) >= maximumCount else { return }
        try DeviceStore.removeExpired(until: now, now: now, in: connection)
        guard try DeviceStore.count(in: connection) < maximumCount else {
            throw DomainError.unavailable(
                "Too many programs wait for an approval; try again later", retryAfterSeconds: 30)
        }
    }

    /// Starts the flow for a program, and returns its codes.
    ///
    /// Only their digests are stored.
    func begin(
        _ authorization: DeviceAuthorizationRequest, from origin: Origin, in change: Change
    ) throws -> (deviceCode: String, userCode: String) {
        let address = origin.address ?? .unknown
        try makeRoom(from: address, in: change)
        let deviceCode = Identifier.generate("dvc_") + Identifier.generate("")
        let userCode = UserCode.generate()
        let request = DeviceRequest(
            id: Identifier.generate("dev_"), clientName: authorization.clientName, scopes: authorization.scopes,
            clientSecret: authorization.clientSecret, createdAt: change.now,
            expiresAt: change.now + DeviceRequest.lifetimeSeconds, interval: DeviceRequest.firstInterval,
            address: origin.address?.description ?? "", userAgent: origin.userAgent)
        try DeviceStore.insert(
            request, network: address.network.description, deviceDigest: digest(deviceCode),
            userDigest: digest(userCode), in: change.connection)
        return (deviceCode, userCode)
    }

    // MARK: - The user decides

    /// The result of looking up a code that a user typed.
    enum Lookup {
        case pending(DeviceRequest)
        /// A user has decided already.
        case decided
        case expired
        /// The code is mistyped, invented, or deleted.
        case unknown
    }

    /// Looks up the request with the code that a user typed.
    func find(_ userCode: String, now: Int64, in connection: any DatabaseConnection) throws -> Lookup {
        guard let code = UserCode.parse(userCode),
            let request = try DeviceStore.find(.user, digest(code), in: connection)
        else { return .unknown }
        guard request.state == .pending else { return .decided }
        return request.isExpired(at: now) ? .expired : .pending(request)
    }

    /// Returns the request that waits for a decision under a code, or nil if none does.
    func pending(_ userCode: String, now: Int64, in connection: any DatabaseConnection) throws -> DeviceRequest? {
        guard case .pending(let request) = try find(userCode, now: now, in: connection) else { return nil }
        return request
    }

    /// Lets the program fetch a token of the user.
    ///
    /// - Throws: ``DomainError`` if no request waits under the code, if the user is disabled, or if the account has
    ///   reached its limit of active tokens.
    @discardableResult
    func approve(_ userCode: String, by user: UserRecord, in change: Change) throws -> DeviceRequest {
        let request = try requirePending(userCode, change)
        guard try !UserStore.isDisabled(user.id, in: change.connection) else {
            throw DomainError.conflict("The account of \(user.email) is disabled")
        }
        try tokens.checkRoom(accountID: user.accountID, in: change)
        try DeviceStore.setState(.approved(userID: user.id), of: request.id, in: change.connection)
        try change.record(.deviceApproved, on: AuditResource(request, accountID: user.accountID), request.audited)
        return request
    }

    @discardableResult
    func deny(_ userCode: String, by user: UserRecord, in change: Change) throws -> DeviceRequest {
        let request = try requirePending(userCode, change)
        try DeviceStore.setState(.denied, of: request.id, in: change.connection)
        try change.record(.deviceDenied, on: AuditResource(request, accountID: user.accountID), request.audited)
        return request
    }

    private func requirePending(_ userCode: String, _ change: Change) throws -> DeviceRequest {
        guard let request = try pending(userCode, now: change.now, in: change.connection) else {
            throw DomainError.noMatch(
                .device, "No program is waiting for that code; it is mistyped, already used or expired")
        }
        return request
    }

    // MARK: - The program fetches its token

    /// The result of a poll.
    enum Outcome {
        case pending, denied, expired, unknown
        case tooFast(interval: Int64)
        case approved(TokenRecord, secret: String?)
    }

    /// Returns the outcome of a program's poll.
    ///
    /// Does not throw for a request without a token: throwing would roll back the recorded time of the poll.
    ///
    /// A poll with a client name is that of an OAuth client: the code must be its own, and the service must generate the
    /// secret, because the response is the only way to the token.
    func fetch(_ deviceCode: String, clientName: String? = nil, in change: Change) throws -> Outcome {
        let connection = change.connection
        guard let request = try DeviceStore.find(.device, digest(deviceCode), in: connection),
            clientName == nil || clientName == request.clientName && request.clientSecret == nil
        else { return .unknown }
        guard !request.isExpired(at: change.now) else { return .expired }
        // One second less than announced: times are whole seconds here, and the network's delay varies.
        let now = systemTime()
        let isTooFast =
            request.lastPolledAt.map {
                StoredTime.remaining(of: request.interval - 1, since: $0, now: now) > 0
            } ?? false
        let interval = isTooFast ? request.interval + DeviceRequest.firstInterval : request.interval
        try DeviceStore.recordPoll(request.id, at: now, interval: interval, in: connection)
        if isTooFast { return .tooFast(interval: interval) }
        switch request.state {
        case .pending: return .pending
        case .denied: return .denied
        // The user was disabled after the approval.
        case .approved(let userID) where try UserStore.isDisabled(userID, in: connection),
            .done(let userID) where try UserStore.isDisabled(userID, in: connection):
            return .denied
        case .approved(let userID):
            let (token, secret) = try create(request, userID, in: change)
            try DeviceStore.setState(.done(userID: userID), of: request.id, in: connection)
            return .approved(token, secret: secret)
        case .done(let userID):
            // The program asks again after a lost response. A secret that the service generated is not stored.
            guard request.clientSecret != nil else { return .unknown }
            return .approved(try create(request, userID, in: change).0, secret: nil)
        }
    }

    private func create(
        _ request: DeviceRequest, _ userID: String, in change: Change
    ) throws -> (TokenRecord, secret: String?) {
        guard let user = try UserStore.find(id: userID, in: change.connection) else {
            throw DomainError.inconsistent
        }
        var tokenRequest = TokenRequest(name: request.clientName, scopes: request.scopes)
        (tokenRequest.id, tokenRequest.sha256) = (request.clientSecret?.id, request.clientSecret?.sha256)
        return try tokens.create(
            tokenRequest,
            in: change.acting(for: userID, user.email).with(Authority(user.grant, in: change.connection)))
    }

    private func digest(_ code: String) -> [UInt8] { digest.digest(ofSHA256: Sodium.sha256(code.utf8)) }
}
