import PodstackAPI
import PodstackCryptography

/// The rules of the device flow: a program asks, a user decides elsewhere, the program fetches its token.
/// Source: RFC 8628.
struct DeviceService: Sendable {
    let tokens: TokenService
    let digest: SecretDigest

    /// The codes are told once; digests of them are kept.
    func begin(
        _ fields: DeviceRequestFields, from origin: Origin, in change: Change
    ) throws -> (deviceCode: String, userCode: String) {
        let deviceCode = OneTimeSecret.generate(prefix: "dvc_").text
        let userCode = UserCode.make()
        let request = DeviceRequest(
            id: Identifier.generate("dev_"), clientName: fields.clientName, scopes: fields.scopes, made: fields.made,
            createdAt: change.now, expiresAt: change.now + DeviceRequest.life, interval: DeviceRequest.firstInterval,
            address: origin.address?.description ?? "", userAgent: origin.userAgent)
        try DeviceStore.insert(
            request, deviceDigest: digest(deviceCode), userDigest: digest(userCode), in: change.connection)
        return (deviceCode, userCode)
    }

    /// What waits for a decision under the code that a user typed; nil when nothing does.
    func pending(_ userCode: String, now: Int64, in connection: any DatabaseConnection) throws -> DeviceRequest? {
        guard case .waiting(let request) = try find(userCode, now: now, in: connection) else { return nil }
        return request
    }

    enum Found {
        case waiting(DeviceRequest)
        /// Somebody has decided already.
        case decided
        case over
        /// Mistyped, never told to anybody, or forgotten.
        case unknown
    }

    /// What is behind the code that a user typed.
    func find(_ userCode: String, now: Int64, in connection: any DatabaseConnection) throws -> Found {
        guard let code = UserCode.read(userCode),
            let request = try DeviceStore.find(.user, digest(code), in: connection)
        else { return .unknown }
        guard request.state == .pending else { return .decided }
        return request.isOver(at: now) ? .over : .waiting(request)
    }

    /// The program may fetch a token of this user. Throws when there is no such request, or no room for a token.
    @discardableResult
    func approve(_ userCode: String, by user: UserRecord, in change: Change) throws -> DeviceRequest {
        let request = try waiting(userCode, change)
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
        let request = try waiting(userCode, change)
        try DeviceStore.setState(.denied, of: request.id, in: change.connection)
        try change.record(.deviceDenied, on: AuditResource(request, accountID: user.accountID), request.audited)
        return request
    }

    private func waiting(_ userCode: String, _ change: Change) throws -> DeviceRequest {
        guard let request = try pending(userCode, now: change.now, in: change.connection) else {
            throw DomainError.noMatch(.device, "No program waits for that code: it is mistyped, used or expired")
        }
        return request
    }

    /// What a program that asks is told.
    enum Outcome {
        case pending, denied, expired, unknown
        case tooFast(interval: Int64)
        case approved(TokenRecord, secret: String?)
    }

    /// Nothing is thrown of what the program is told: it must not undo what is noted of its question.
    func fetch(_ deviceCode: String, in change: Change) throws -> Outcome {
        let connection = change.connection
        guard let request = try DeviceStore.find(.device, digest(deviceCode), in: connection) else { return .unknown }
        guard !request.isOver(at: change.now) else { return .expired }
        // A second less than it was told: seconds are whole here, and a network is not even.
        let isTooFast = request.askedAt.map { change.now - $0 < request.interval - 1 } ?? false
        let interval = isTooFast ? request.interval + DeviceRequest.firstInterval : request.interval
        try DeviceStore.asked(request.id, at: change.now, interval: interval, in: connection)
        if isTooFast { return .tooFast(interval: interval) }
        switch request.state {
        case .pending: return .pending
        case .denied: return .denied
        // Whoever approved it was disabled since.
        case .approved(let userID) where try UserStore.isDisabled(userID, in: connection),
            .done(let userID) where try UserStore.isDisabled(userID, in: connection):
            return .denied
        case .approved(let userID):
            let (token, secret) = try create(request, userID, in: change)
            try DeviceStore.setState(.done(userID: userID), of: request.id, in: connection)
            return .approved(token, secret: secret)
        case .done(let userID):
            // Asked again after a lost answer. A secret that the service made was told then, and is not kept.
            guard request.made != nil else { return .unknown }
            return .approved(try create(request, userID, in: change).0, secret: nil)
        }
    }

    private func create(
        _ request: DeviceRequest, _ userID: String, in change: Change
    ) throws -> (TokenRecord, secret: String?) {
        guard let user = try UserStore.find(id: userID, in: change.connection) else {
            throw DomainError.inconsistent
        }
        var wish = TokenRequest(name: request.clientName, expiry: .standard, scopes: request.scopes, projectIDs: nil)
        (wish.id, wish.sha256) = (request.made?.id, request.made?.sha256)
        return try tokens.create(
            wish, by: Grant(accountID: user.accountID, userID: userID),
            in: change.acting(for: userID, user.email))
    }

    private func digest(_ code: String) -> [UInt8] { digest.digest(ofSHA256: Sodium.sha256(code.utf8)) }
}

extension DeviceRequest {
    /// What the audit log tells of it.
    fileprivate var audited: [String: JSONValue] {
        [
            "client_name": .string(clientName), "scopes": .array((scopes ?? [.all]).map { .string($0.description) }),
            "address": .string(address),
        ]
    }
}
