import PodstackAPI

/// `/v1/projects`.
struct ProjectRoutes: Sendable {
    let projects: ProjectService
    let changes: IdempotentChanges
    let now: @Sendable () -> Int64

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let (page, next) = try projects.list(caller.token.grant, try PageRequest(exchange.request))
        return try .json(Page(elements: try page.map { try shown($0, caller) }, nextCursor: next?.text))
    }

    @Sendable func create(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let request = try ProjectRequest(try JSONBody.object(of: exchange.request), isNew: true)
        return try changes.response(to: exchange, at: now()) { change in
            let (project, membership) = try projects.create(request, by: caller.token.grant, in: change)
            return try .json(project.shown(to: membership, defaultProjectID: caller.defaultProjectID), status: 201)
        }
    }

    @Sendable func get(_ exchange: Exchange) throws -> Response {
        try .json(try shown(try projects.project(exchange.parameters[0]), try exchange.caller()))
    }

    @Sendable func update(_ exchange: Exchange) throws -> Response {
        let request = try ProjectRequest(try JSONBody.object(of: exchange.request), isNew: false)
        let caller = try exchange.caller()
        return try changes.response(to: exchange, at: now()) { change in
            try .json(try shown(try projects.update(exchange.parameters[0], request, in: change), caller))
        }
    }

    @Sendable func delete(_ exchange: Exchange) throws -> Response {
        try changes.response(to: exchange, at: now()) { change in
            try projects.delete(exchange.parameters[0], in: change)
            return .noContent
        }
    }

    private func shown(_ project: ProjectRecord, _ caller: Identity) throws -> Project {
        guard let membership = caller.authority.memberships[project.id] else {
            throw DomainError.notFound(.project, id: project.id)
        }
        return project.shown(to: membership, defaultProjectID: caller.defaultProjectID)
    }
}
