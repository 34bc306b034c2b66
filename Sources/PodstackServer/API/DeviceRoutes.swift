import PodstackAPI

/// `/v1/device`, for programs without a browser. Errors have the names of RFC 8628 in the body that all errors have.
struct DeviceRoutes: Sendable {
    /// Questions, for each code that an address may ask for.
    private static let questions = 20

    let devices: DeviceService
    let changes: Changes
    let publicURL: PublicURL
    let codeLimit: Allowances<ClientAddress>?
    let questionLimit: Allowances<ClientAddress>?
    let now: @Sendable () -> Int64

    init(_ services: Services) {
        devices = services.devices
        changes = services.changes
        now = services.now
        publicURL = services.settings.publicURL
        codeLimit = services.settings.deviceCodes.map { Allowances(RateLimit(name: "device-code", count: $0)) }
        questionLimit = services.settings.deviceCodes.map {
            Allowances(RateLimit(name: "device-token", count: $0 * Self.questions))
        }
    }

    @Sendable func begin(_ exchange: Exchange) throws -> Response {
        let time = now()
        try limit(codeLimit, exchange.request)
        let fields = try DeviceRequestFields(try JSONBody.object(of: exchange.request))
        let page = try publicURL.of(exchange.request) + "/device"
        let codes = try changes.perform(by: Actor(exchange.request, nil), at: time) {
            try devices.begin(fields, from: Origin(exchange.request), in: $0)
        }
        return try .json(
            DeviceCode(
                deviceCode: codes.deviceCode, userCode: codes.userCode, verificationURI: page,
                verificationURIComplete: "\(page)?code=\(codes.userCode)", expiresIn: Int(DeviceRequest.life),
                interval: Int(DeviceRequest.firstInterval)))
    }

    @Sendable func fetch(_ exchange: Exchange) throws -> Response {
        let time = now()
        try limit(questionLimit, exchange.request)
        var reader = FieldReader(
            try JSONBody.object(of: exchange.request), of: "a question for a token", known: ["device_code"])
        reader.require("device_code")
        let code = reader.take("device_code") { value throws(InvalidValue) in
            guard let text = value.stringValue, text.utf8.count <= 100 else {
                throw InvalidValue("must be the device_code that was answered")
            }
            return text
        }
        try reader.finish()
        let outcome = try changes.perform(by: Actor(exchange.request, nil), at: time) {
            try devices.fetch(code ?? "", in: $0)
        }
        switch outcome {
        case .approved(let token, let secret):
            return try .json(CreatedToken(token: token.shown(at: time, lastUsedAt: token.lastUsedAt), secret: secret))
        case .pending: throw refusal(.authorizationPending, "The user has not decided yet: ask again")
        case .tooFast(let interval):
            throw refusal(
                .slowDown, "Ask every \(interval) seconds, not more often", ["interval": .integer(Int(interval))])
        case .denied: throw refusal(.accessDenied, "The user has refused")
        case .expired: throw refusal(.expiredToken, "The code is too old: begin again")
        case .unknown: throw refusal(.invalidGrant, "The code is unknown, or the token was fetched already")
        }
    }

    private func limit(_ allowances: Allowances<ClientAddress>?, _ request: Request) throws {
        guard let verdict = allowances?.take(request.address.network, now: now()), !verdict.isAllowed else {
            return
        }
        throw verdict.error
    }

    /// Source: RFC 8628, section 3.5, and RFC 6749, section 5.2.
    private func refusal(_ code: ErrorCode, _ message: String, _ details: [String: JSONValue] = [:]) -> ErrorResponse {
        ErrorResponse(status: 400, code: code, message: message, details: details)
    }
}
