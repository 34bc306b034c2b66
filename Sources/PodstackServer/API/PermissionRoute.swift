import PodstackAPI

/// The route `GET /v1/auth/can`, which tells whether a request would be allowed without making it.
enum PermissionRoute {
    @Sendable static func get(_ exchange: Exchange) throws -> Response {
        var reader = QueryReader(exchange.request, known: ["scope", "project"])
        reader.require("scope")
        let scope = reader.take("scope") { text throws(InvalidValue) in
            guard let scope = Scope(text) else { throw InvalidValue("must be a scope, such as projects:read") }
            return scope
        }
        let project = reader.take("project") { $0 }
        try reader.finish()
        guard let scope else { throw ErrorResponse.internal }
        let missing = try exchange.caller().authority.missing(scope, in: project)
        return try .json(
            Permission(
                scope: scope, projectID: project,
                missing: missing.map(ErrorResponse.init).map { Permission.Missing(code: $0.code, message: $0.message) })
        )
    }
}
