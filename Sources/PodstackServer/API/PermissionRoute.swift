import PodstackAPI

/// `GET /v1/auth/can`: what the checks of a request would say, without the request.
enum PermissionRoute {
    @Sendable static func get(_ exchange: Exchange) throws -> Response {
        let query = exchange.request.query
        var errors: [String: [String]] = [:]
        // A misspelt project must not turn into no project.
        for (name, _) in query where !["scope", "project"].contains(name) {
            errors[name.utf8.count > 40 ? "…" : name] = ["is not a parameter of this request"]
        }
        for name in ["scope", "project"] where query.count(where: { $0.name == name }) > 1 {
            errors[name] = ["is given twice"]
        }
        let text = exchange.request.query("scope")
        let scope = text.flatMap(Scope.init)
        if scope == nil { errors["scope"] = [text == nil ? "is missing" : "must be a scope, such as projects:read"] }
        guard errors.isEmpty, let scope else { throw APIError.validation(errors) }
        let project = exchange.request.query("project")
        let missing = try exchange.caller().authority.missing(scope, in: project)
        return try .json(
            Permission(
                scope: scope.description, projectID: project,
                missing: missing.map { Permission.Missing(code: $0.code, message: $0.message) }))
    }
}
