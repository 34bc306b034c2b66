import PodstackAPI

/// Every route, with what it asks of who calls it.
enum Routes {
    static func all(_ service: Service) -> [Route] {
        let tokens = TokenRoutes(tokens: service.tokens, changes: service.changes, now: service.now)
        let projects = ProjectRoutes(projects: service.projects, changes: service.changes, now: service.now)
        let members = MemberRoutes(members: service.members, changes: service.changes, now: service.now)
        let report = ReportRoute(
            report: service.leaks,
            limit: service.settings.reports.map { Allowances(RateLimit(name: "report", count: $0)) }, now: service.now)
        let operation = OperationRoutes(
            database: service.database, verifier: service.verifier, metrics: service.metrics)
        return [
            Route("GET", "/healthz", .anybody, handle: operation.alive),
            Route("GET", "/readyz", .anybody, handle: operation.ready),
            Route("GET", "/metrics", .anybody, handle: operation.count),
            Route("GET", "/v1/auth/whoami", .anyToken) { exchange in
                Response(status: 200, body: try exchange.caller().whoamiBody(at: service.now()))
            },
            Route("GET", "/v1/auth/can", .anyToken, handle: PermissionRoute.get),
            Route("GET", "/v1/tokens", .scope(.tokensRead), handle: tokens.list),
            Route("POST", "/v1/tokens", .scope(.tokensCreate), handle: tokens.create),
            Route("GET", "/v1/tokens/self", .anyToken, handle: tokens.getSelf),
            Route("DELETE", "/v1/tokens/self", .anyToken, handle: tokens.revokeSelf),
            Route("POST", "/v1/tokens/self/rotate", .anyToken, handle: tokens.rotateSelf),
            Route("POST", "/v1/tokens/report", .anybody, handle: report.receive),
            Route("GET", "/v1/tokens/{id}", .scope(.tokensRead), handle: tokens.get),
            Route("PATCH", "/v1/tokens/{id}", .scope(.tokensUpdate), handle: tokens.update),
            Route("DELETE", "/v1/tokens/{id}", .scope(.tokensDelete), handle: tokens.revoke),
            Route("POST", "/v1/tokens/{id}/rotate", .scope(.tokensUpdate), handle: tokens.rotate),
            Route("GET", "/v1/projects", .scope(.projectsRead), handle: projects.list),
            Route("POST", "/v1/projects", .scope(.projectsCreate), handle: projects.create),
            Route("GET", "/v1/projects/{project}", .project(.projectsRead), handle: projects.get),
            Route("PATCH", "/v1/projects/{project}", .project(.projectsUpdate), handle: projects.update),
            Route("DELETE", "/v1/projects/{project}", .project(.projectsDelete), handle: projects.delete),
            Route("GET", "/v1/projects/{project}/members", .project(.membersRead), handle: members.list),
            Route("POST", "/v1/projects/{project}/members", .project(.membersCreate), handle: members.add),
            Route("PATCH", "/v1/projects/{project}/members/{user}", .project(.membersUpdate), handle: members.update),
            Route("DELETE", "/v1/projects/{project}/members/{user}", .project(.membersDelete), handle: members.remove),
            Route(
                "GET", "/v1/audit-logs", .scope(.auditLogsRead),
                handle: AuditRoutes(database: service.database).list),
        ]
    }
}
