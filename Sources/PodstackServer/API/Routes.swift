import PodstackAPI

/// The table of all routes with the access that each requires.
enum Routes {
    static func all(_ services: Services) -> [Route] {
        operation(services) + tokens(services) + devices(services) + projects(services) + auditLogs(services)
            + pods(services) + volumes(services) + billing(services)
    }

    private static func operation(_ services: Services) -> [Route] {
        let routes = OperationRoutes(
            writes: WriteCheck(services.database), verifier: services.verifier, counters: services.metrics)
        return [
            Route("GET", "/healthz", .noToken, .getHealth, on: .memory(), handle: routes.health),
            Route("GET", "/readyz", .noToken, .getReadiness, on: .pool(.checks), handle: routes.readiness),
            Route("GET", "/metrics", .noToken, .getMetrics, on: .memory(), handle: routes.metrics),
            Route("GET", "/v1/auth/whoami", .anyToken, .whoami, on: .memory()) { exchange in
                var response = Response(status: 200, body: try exchange.caller().whoamiBody(at: services.now()))
                response.isRepeatable = true
                return response
            },
            Route(
                "GET", "/v1/auth/can", .anyToken, .checkPermission, on: .memory(exceptWith: ["project"]),
                handle: PermissionRoute.get),
        ]
    }

    private static func tokens(_ services: Services) -> [Route] {
        let routes = TokenRoutes(tokens: services.tokens, changes: services.idempotentChanges, now: services.now)
        let report = ReportRoute(
            report: services.leaks,
            limits: services.settings.reports.map { ReportLimits(reports: $0, elapsed: services.elapsed) },
            writes: services.pools.writes, now: services.now)
        return [
            Route("GET", "/v1/tokens", .scope(.tokensRead), .listTokens, handle: routes.list),
            Route("POST", "/v1/tokens", .scope(.tokensCreate), .createToken, handle: routes.create),
            Route("GET", "/v1/tokens/self", .anyToken, .getOwnToken, handle: routes.getSelf),
            Route("DELETE", "/v1/tokens/self", .anyToken, .revokeOwnToken, handle: routes.revokeSelf),
            Route("POST", "/v1/tokens/self/rotate", .anyToken, .rotateOwnToken, handle: routes.rotateSelf),
            Route("POST", "/v1/tokens/report", .noToken, .reportTokens, on: .pool(.reports), handle: report.receive),
            Route("GET", "/v1/tokens/{id}", .scope(.tokensRead), .getToken, handle: routes.get),
            Route("PATCH", "/v1/tokens/{id}", .scope(.tokensUpdate), .updateToken, handle: routes.update),
            Route("DELETE", "/v1/tokens/{id}", .scope(.tokensDelete), .revokeToken, handle: routes.revoke),
            Route("POST", "/v1/tokens/{id}/rotate", .scope(.tokensUpdate), .rotateToken, handle: routes.rotate),
        ]
    }

    private static func devices(_ services: Services) -> [Route] {
        let routes = DeviceRoutes(services)
        let oauth = OAuthRoutes(devices: routes)
        return [
            Route("POST", "/v1/device/code", .noToken, .beginDevice, handle: routes.begin),
            Route("POST", "/v1/device/token", .noToken, .fetchDeviceToken, handle: routes.fetch),
            Route("GET", OAuthRoutes.metadataPath, .noToken, .getOAuthMetadata, handle: oauth.metadata),
            Route("POST", OAuthRoutes.authorizationPath, .noToken, .beginOAuthDevice, handle: oauth.begin),
            Route("POST", OAuthRoutes.tokenPath, .noToken, .fetchOAuthToken, handle: oauth.fetch),
        ]
    }

    private static func projects(_ services: Services) -> [Route] {
        let routes = ProjectRoutes(projects: services.projects, changes: services.idempotentChanges, now: services.now)
        let members = MemberRoutes(members: services.members, changes: services.idempotentChanges, now: services.now)
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
            Route(
                "DELETE", one + "/members/{user}", .projectOrOwnMembership(.membersDelete), .removeMember,
                handle: members.remove),
            Route(
                "POST", one + "/members/{user}/accept", .ownMembership, .acceptInvitation, handle: members.accept),
            Route(
                "POST", one + "/members/{user}/decline", .ownMembership, .declineInvitation, handle: members.decline),
            Route("GET", "/v1/invitations", .anyToken, .listInvitations, handle: members.invitations),
        ]
    }

    private static func pods(_ services: Services) -> [Route] {
        let routes = PodRoutes(pods: services.pods, changes: services.idempotentChanges, now: services.now)
        let data = PodDataRoutes(services)
        let one = "/v1/pods/{id}"
        return [
            Route("GET", "/v1/pods", .scope(.podsRead), .listPods, handle: routes.list),
            Route("POST", "/v1/pods", .scope(.podsCreate), .createPod, handle: routes.create),
            Route("GET", one, .object(.podsRead), .getPod, handle: routes.get),
            Route("PATCH", one, .object(.podsUpdate), .updatePod, handle: routes.update),
            Route("DELETE", one, .object(.podsDelete), .deletePod, handle: routes.delete),
            Route("POST", one + "/start", .object(.podsUpdate), .startPod, handle: routes.start),
            Route("POST", one + "/stop", .object(.podsUpdate), .stopPod, handle: routes.stop),
            Route("POST", one + "/restart", .object(.podsUpdate), .restartPod, handle: routes.restart),
            Route("GET", one + "/logs", .object(.podsRead), .getPodLogs, handle: data.logs),
            Route("POST", one + "/exec", .object(.podsUpdate), .execInPod, handle: data.exec),
            Route("GET", one + "/files", .object(.podsUpdate), .downloadPodFiles, handle: data.download),
            Route("PUT", one + "/files", .object(.podsUpdate), .uploadPodFiles, handle: data.upload),
            Route("GET", one + "/metrics", .object(.podsRead), .getPodMetrics, handle: data.metrics),
            Route("GET", one + "/events", .object(.podsRead), .listPodEvents, handle: routes.events),
        ]
    }

    private static func volumes(_ services: Services) -> [Route] {
        let routes = VolumeRoutes(volumes: services.volumes, changes: services.idempotentChanges, now: services.now)
        let one = "/v1/volumes/{id}"
        return [
            Route("GET", "/v1/volumes", .scope(.volumesRead), .listVolumes, handle: routes.list),
            Route("POST", "/v1/volumes", .scope(.volumesCreate), .createVolume, handle: routes.create),
            Route("GET", one, .object(.volumesRead), .getVolume, handle: routes.get),
            Route("DELETE", one, .object(.volumesDelete), .deleteVolume, handle: routes.delete),
        ]
    }

    private static func billing(_ services: Services) -> [Route] {
        let routes = BillingRoutes(
            database: services.database, billing: Billing(), link: services.pods.link, now: services.now)
        return [
            Route("GET", "/v1/gpus", .anyToken, .listGPUs, handle: routes.gpus),
            Route("GET", "/v1/billing/wallet", .scope(.billingRead), .getWallet, handle: routes.wallet),
            Route(
                "GET", "/v1/billing/usage", .scope(.billingRead), .getUsage, on: .pool(.searches),
                handle: routes.usage),
        ]
    }

    private static func auditLogs(_ services: Services) -> [Route] {
        let routes = AuditRoutes(services: services)
        return [
            Route(
                "GET", "/v1/audit-logs", .scope(.auditLogsRead), .listAuditLogs, on: .pool(.searches),
                handle: routes.list)
        ]
    }
}
