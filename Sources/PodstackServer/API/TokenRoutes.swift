import PodstackAPI

/// `/v1/tokens`.
struct TokenRoutes: Sendable {
    let tokens: TokenService
    let now: @Sendable () -> Int64

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let time = now()
        let (page, next) = try tokens.list(
            accountID: caller.token.accountID, try PageRequest(exchange.request), now: time)
        return try .json(Page(elements: page.map { shown($0, time) }, nextCursor: next?.text))
    }

    @Sendable func create(_ exchange: Exchange) throws -> Response {
        let time = now()
        let request = try TokenRequest(try JSONBody.object(of: exchange.request), now: time)
        let (token, secret) = try tokens.create(request, by: .token(try exchange.caller().token), now: time)
        return try .json(CreatedToken(token: shown(token, time), secret: secret), status: 201)
    }

    @Sendable func get(_ exchange: Exchange) throws -> Response {
        let token = try tokens.token(exchange.parameters[0], accountID: try exchange.caller().token.accountID)
        return try .json(shown(token, now()))
    }

    @Sendable func update(_ exchange: Exchange) throws -> Response {
        let time = now()
        let request = try TokenUpdateRequest(try JSONBody.object(of: exchange.request))
        let caller = try exchange.caller().token
        return try .json(shown(try tokens.update(exchange.parameters[0], request, by: caller, now: time), time))
    }

    @Sendable func revoke(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller().token
        try tokens.revoke(exchange.parameters[0], accountID: caller.accountID, now: now())
        return .noContent
    }

    @Sendable func getSelf(_ exchange: Exchange) throws -> Response {
        try .json(shown(try exchange.caller().token, now()))
    }

    @Sendable func revokeSelf(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller().token
        try tokens.revoke(caller.id, accountID: caller.accountID, now: now())
        return .noContent
    }

    @Sendable func rotate(_ exchange: Exchange) throws -> Response {
        try rotate(exchange.parameters[0], exchange)
    }

    @Sendable func rotateSelf(_ exchange: Exchange) throws -> Response {
        try rotate(try exchange.caller().token.id, exchange)
    }

    private func rotate(_ id: String, _ exchange: Exchange) throws -> Response {
        let time = now()
        let request = try RotationRequest(try JSONBody.optionalObject(of: exchange.request), tokenID: id)
        let (token, secret) = try tokens.rotate(id, request, by: try exchange.caller(), now: time)
        return try .json(CreatedToken(token: shown(token, time), secret: secret))
    }

    private func shown(_ token: TokenRecord, _ time: Int64) -> Token {
        token.shown(at: time, lastUsedAt: tokens.lastUsed.latest(token.id) ?? token.lastUsedAt)
    }
}
