import PodstackAPI

/// The routes under `/v1/tokens`.
struct TokenRoutes: Sendable {
    let tokens: TokenService
    let changes: IdempotentChanges
    let now: @Sendable () -> Int64

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let time = now()
        let (page, next) = try tokens.list(
            accountID: caller.token.accountID, .all, try PageRequest(exchange.request), now: time)
        return try .json(Page(elements: page.map { model($0, time) }, nextCursor: next?.text))
    }

    @Sendable func create(_ exchange: Exchange) throws -> Response {
        let time = now()
        let request = try TokenRequest(json: try JSONBody.object(of: exchange.request), at: time)
        return try changes.response(to: exchange, at: time) { change in
            let (token, secret) = try tokens.create(request, in: change)
            return try created(token, secret, change.now, status: 201)
        }
    }

    @Sendable func get(_ exchange: Exchange) throws -> Response {
        let token = try tokens.token(exchange.parameters[0], accountID: try exchange.caller().token.accountID)
        return try .json(model(token, now()))
    }

    @Sendable func update(_ exchange: Exchange) throws -> Response {
        let request = try TokenUpdate(json: try JSONBody.object(of: exchange.request))
        return try changes.response(to: exchange, at: now()) { change in
            let token = try tokens.update(exchange.parameters[0], request, in: change)
            return try .json(model(token, change.now))
        }
    }

    @Sendable func revoke(_ exchange: Exchange) throws -> Response {
        try revoke(exchange.parameters[0], exchange)
    }

    @Sendable func getSelf(_ exchange: Exchange) throws -> Response {
        try .json(model(try exchange.caller().token, now()))
    }

    @Sendable func revokeSelf(_ exchange: Exchange) throws -> Response {
        try revoke(try exchange.caller().token.publicID, exchange)
    }

    private func revoke(_ id: String, _ exchange: Exchange) throws -> Response {
        try changes.response(to: exchange, at: now()) { change in
            try tokens.revoke(id, in: change)
            return .noContent
        }
    }

    @Sendable func rotate(_ exchange: Exchange) throws -> Response {
        try rotate(exchange.parameters[0], exchange)
    }

    @Sendable func rotateSelf(_ exchange: Exchange) throws -> Response {
        try rotate(try exchange.caller().token.publicID, exchange)
    }

    private func rotate(_ id: String, _ exchange: Exchange) throws -> Response {
        let request = try RotationRequest(json: try JSONBody.optionalObject(of: exchange.request), tokenID: id)
        return try changes.response(to: exchange, at: now()) { change in
            let (token, secret) = try tokens.rotate(id, request, in: change)
            return try created(token, secret, change.now, status: 200)
        }
    }

    /// Returns the response with a new secret, and the one without it that a repeated request gets.
    private func created(
        _ token: TokenRecord, _ secret: String?, _ time: Int64, status: Int
    ) throws -> Response {
        var body = CreatedToken(token: model(token, time), secret: secret)
        var response = try Response.json(body, status: status)
        if secret != nil {
            body.secret = nil
            body.notice =
                "The first response to this request contained the token, which is not stored; if you lost it, rotate it"
            response.repeatable = try APICoding.encode(body)
        }
        return response
    }

    private func model(_ token: TokenRecord, _ time: Int64) -> Token {
        token.apiModel(at: time, lastUsedAt: tokens.upToDate(token).lastUsedAt)
    }
}
