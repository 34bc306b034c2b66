import PodstackAPI

/// The routes under `/v1/volumes`.
struct VolumeRoutes: Sendable {
    let volumes: VolumeService
    let changes: IdempotentChanges
    let now: @Sendable () -> Int64

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        var reader = QueryReader(exchange.request, known: ["name", "limit", "cursor"])
        let name = reader.take("name") { text throws(InvalidValue) in text }
        try reader.finish()
        let named = try Access.project(of: exchange.request)
        let (page, next) = try volumes.list(
            userID: caller.token.userID, projectIDs: named.map { [$0] } ?? caller.token.projectIDs, name: name,
            try PageRequest(exchange.request))
        return try .json(Page(elements: page, nextCursor: next?.text))
    }

    @Sendable func get(_ exchange: Exchange) throws -> Response {
        let volume = try volumes.volume(exchange.parameters[0], for: .volumesRead, try exchange.caller().authority)
        return try .json(try volumes.apiModel(of: volume))
    }

    @Sendable func create(_ exchange: Exchange) throws -> Response {
        let request = try VolumeRequest(json: try JSONBody.object(of: exchange.request))
        let named = try Access.project(of: exchange.request)
        let checkRepeat: (Change) throws -> Void = {
            _ = try ProjectChoice.project(request.projectID, named, for: .volumesCreate, in: $0)
        }
        return try changes.response(to: exchange, at: now(), checkRepeat: checkRepeat) { change in
            let volume = try volumes.create(request, inProject: named, in: change)
            return try .json(try volumes.apiModel(of: volume, in: change.connection), status: 201)
        }
    }

    @Sendable func delete(_ exchange: Exchange) throws -> Response {
        let response = try changes.response(to: exchange, at: now()) { change in
            try volumes.delete(exchange.parameters[0], in: change)
            return .noContent
        }
        volumes.link.wake()
        return response
    }
}
