/// What whoever operates the service asks it: is it alive, can it work, how much did it do.
struct OperationRoutes: Sendable {
    let database: any Database
    let verifier: TokenVerifier
    let metrics: Metrics

    @Sendable func alive(_ exchange: Exchange) throws -> Response { try .json(["status": "ok"]) }

    @Sendable func ready(_ exchange: Exchange) throws -> Response {
        _ = try database.read { try $0.run("SELECT version FROM schema_version") }
        return try .json(["status": "ok"])
    }

    @Sendable func count(_ exchange: Exchange) throws -> Response {
        var response = Response(status: 200, body: Array(metrics.text(verifiedTokens: verifier.knownCount).utf8))
        response.contentType = "text/plain; version=0.0.4; charset=utf-8"
        return response
    }
}
