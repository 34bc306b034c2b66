import PodstackAPI

/// `/v1/projects/{project}/members`.
struct MemberRoutes: Sendable {
    let members: MemberService
    let changes: IdempotentChanges
    let now: @Sendable () -> Int64

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let (page, next) = try members.list(exchange.parameters[0], try PageRequest(exchange.request))
        return try .json(Page(elements: page.map(\.shown), nextCursor: next?.text))
    }

    @Sendable func add(_ exchange: Exchange) throws -> Response {
        let request = try MemberRequest(try JSONBody.object(of: exchange.request), isNew: true)
        return try changes.response(to: exchange, at: now()) { change in
            try .json(try members.add(request, to: exchange.parameters[0], in: change).shown, status: 201)
        }
    }

    @Sendable func update(_ exchange: Exchange) throws -> Response {
        let request = try MemberRequest(try JSONBody.object(of: exchange.request), isNew: false)
        return try changes.response(to: exchange, at: now()) { change in
            let member = try members.update(
                exchange.parameters[1], of: exchange.parameters[0], request, in: change)
            return try .json(member.shown)
        }
    }

    @Sendable func remove(_ exchange: Exchange) throws -> Response {
        try changes.response(to: exchange, at: now()) { change in
            try members.remove(exchange.parameters[1], from: exchange.parameters[0], in: change)
            return .noContent
        }
    }
}
