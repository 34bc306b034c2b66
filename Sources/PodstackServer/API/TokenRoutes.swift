import PodstackAPI

/// `/v1/tokens`.
struct TokenRoutes: Sendable {
    let tokens: TokenService
    let changes: IdempotentChanges
    let now: @Sendable () -> Int64

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let time = now()
        let (page, next) = try tokens.list(
            accountID: caller.token.accountID, .all, try PageRequest(exchange.request), now: time)
        return try .json(Page(elements: page.map { shown($0, time) }, nextCursor: next?.text))
    }

    @Sendable func create(_ exchange: Exchange) throws -> Response {
        let time = now()
        let request = try TokenRequest(try JSONBody.object(of: exchange.request), now: time)
        let maker = try exchange.caller().token.grant
        return try changes.response(to: exchange, at: time) { change in
            let (token, secret) = try tokens.create(request, by: maker, in: change)
            return try created(token, secret, time, status: 201)
        }
    }

    @Sendable func get(_ exchange: Exchange) throws -> Response {
        let token = try tokens.token(exchange.parameters[0], accountID: try exchange.caller().token.accountID)
        return try .json(shown(token, now()))
    }

    @Sendable func update(_ exchange: Exchange) throws -> Response {
        let time = now()
        let request = try TokenUpdateRequest(try JSONBody.object(of: exchange.request))
        let caller = try exchange.caller().token.grant
        return try changes.response(to: exchange, at: time) { change in
            let token = try tokens.update(exchange.parameters[0], request, by: caller, in: change)
            return try .json(shown(token, time))
        }
    }

    @Sendable func revoke(_ exchange: Exchange) throws -> Response {
        try revoke(exchange.parameters[0], exchange)
    }

    @Sendable func getSelf(_ exchange: Exchange) throws -> Response {
        try .json(shown(try exchange.caller().token, now()))
    }

    @Sendable func revokeSelf(_ exchange: Exchange) throws -> Response {
        try revoke(try exchange.caller().token.id, exchange)
    }

    private func revoke(_ id: String, _ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller().token
        return try changes.response(to: exchange, at: now()) { change in
            try tokens.revoke(id, accountID: caller.accountID, in: change)
            return .noContent
        }
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
        let caller = try exchange.caller()
        return try changes.response(to: exchange, at: time) { change in
            let (token, secret) = try tokens.rotate(
                id, request, by: caller.token.grant, showing: caller.standing, in: change)
            return try created(token, secret, time, status: 200)
        }
    }

    /// The one answer that holds a secret, and what its repeats are answered without it.
    private func created(
        _ token: TokenRecord, _ secret: String?, _ time: Int64, status: Int
    ) throws -> Response {
        var answer = CreatedToken(token: shown(token, time), secret: secret)
        var response = try Response.json(answer, status: status)
        if secret != nil {
            answer.secret = nil
            answer.notice = "The first answer to this request held the token, which is not kept: if it was lost, rotate"
            response.repeatable = try APICoding.encode(answer)
        }
        return response
    }

    private func shown(_ token: TokenRecord, _ time: Int64) -> Token {
        token.shown(at: time, lastUsedAt: tokens.upToDate(token).lastUsedAt)
    }
}
