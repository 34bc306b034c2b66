import PodstackAPI

/// Every route, with what it asks of who calls it.
enum Routes {
    static func all(_ service: Service) -> [Route] {
        let described = operation(service) + tokens(service) + devices(service) + projects(service) + auditLogs(service)
        // The document describes itself too.
        let document = Route("GET", "/openapi.json", .anybody, .getDocument) { _ in Response(status: 200) }
        let body = (try? APICoding.encode(OpenAPIDocument.make(described + [document]))) ?? []
        return described + [
            Route("GET", "/openapi.json", .anybody, .getDocument) { _ in Response(status: 200, body: body) }
        ]
    }

    private static func operation(_ service: Service) -> [Route] {
        let routes = OperationRoutes(
            database: service.database, verifier: service.verifier, metrics: service.metrics)
        return [
            Route("GET", "/healthz", .anybody, .getHealth, handle: routes.alive),
            Route("GET", "/readyz", .anybody, .getReadiness, handle: routes.ready),
            Route("GET", "/metrics", .anybody, .getMetrics, handle: routes.count),
            Route("GET", "/v1/auth/whoami", .anyToken, .whoami) { exchange in
                Response(status: 200, body: try exchange.caller().whoamiBody(at: service.now()))
            },
            Route("GET", "/v1/auth/can", .anyToken, .checkPermission, handle: PermissionRoute.get),
        ]
    }

    private static func tokens(_ service: Service) -> [Route] {
        let routes = TokenRoutes(tokens: service.tokens, changes: service.idempotentChanges, now: service.now)
        let report = ReportRoute(
            report: service.leaks,
            limit: service.settings.reports.map { RateLimiter(RateLimit(name: "report", count: $0)) }, now: service.now)
        return [
            Route("GET", "/v1/tokens", .scope(.tokensRead), .listTokens, handle: routes.list),
            Route("POST", "/v1/tokens", .scope(.tokensCreate), .createToken, handle: routes.create),
            Route("GET", "/v1/tokens/self", .anyToken, .getOwnToken, handle: routes.getSelf),
            Route("DELETE", "/v1/tokens/self", .anyToken, .revokeOwnToken, handle: routes.revokeSelf),
            Route("POST", "/v1/tokens/self/rotate", .anyToken, .rotateOwnToken, handle: routes.rotateSelf),
            Route("POST", "/v1/tokens/report", .anybody, .reportTokens, handle: report.receive),
            Route("GET", "/v1/tokens/{id}", .scope(.tokensRead), .getToken, handle: routes.get),
            Route("PATCH", "/v1/tokens/{id}", .scope(.tokensUpdate), .updateToken, handle: routes.update),
            Route("DELETE", "/v1/tokens/{id}", .scope(.tokensDelete), .revokeToken, handle: routes.revoke),
            Route("POST", "/v1/tokens/{id}/rotate", .scope(.tokensUpdate), .rotateToken, handle: routes.rotate),
        ]
    }

    private static func devices(_ service: Service) -> [Route] {
        let routes = DeviceRoutes(service)
        return [
            Route("POST", "/v1/device/code", .anybody, .beginDevice, handle: routes.begin),
            Route("POST", "/v1/device/token", .anybody, .fetchDeviceToken, handle: routes.fetch),
        ]
    }

    private static func projects(_ service: Service) -> [Route] {
        let routes = ProjectRoutes(projects: service.projects, changes: service.idempotentChanges, now: service.now)
        let members = MemberRoutes(members: service.members, changes: service.idempotentChanges, now: service.now)
        let one = "/v1/projects/{project}"
        return [
            Route("GET", "/v1/projects", .scope(.projectsRead), .listProjects, handle: routes.list),
            Route("POST", "/v1/projects", .scope(.projectsCreate), .createProject, handle: routes.create),
            Route("GET", one, .project(.projectsRead), .getProject, handle: routes.get),
            Route("PATCH", one, .project(.projectsUpdate), .updateProject, handle: routes.update),
            Route("DELETE", one, .project(.projectsDelete), .deleteProject, handle: routes.delete),
            Route("GET", one + "/members", .project(.membersRead), .listMembers, handle: members.list),
            Route("POST", one + "/members", .project(.membersCreate), .addMember, handle: members.add),
            Route("PATCH", one + "/members/{user}", .project(.membersUpdate), .updateMember, handle: members.update),
            Route("DELETE", one + "/members/{user}", .project(.membersDelete), .removeMember, handle: members.remove),
        ]
    }

    private static func auditLogs(_ service: Service) -> [Route] {
        let routes = AuditRoutes(database: service.database)
        return [Route("GET", "/v1/audit-logs", .scope(.auditLogsRead), .listAuditLogs, handle: routes.list)]
    }
}
