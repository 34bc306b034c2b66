import PodstackAPI

/// `/v1/projects`.
struct ProjectRoutes: Sendable {
    let projects: ProjectService
    let changes: IdempotentChanges
    let now: @Sendable () -> Int64

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let (page, next) = try projects.list(caller.token.grant, try PageRequest(exchange.request))
        let elements = page.map {
            $0.project.apiModel(for: $0.membership, defaultProjectID: caller.defaultProjectID)
        }
        return try .json(Page(elements: elements, nextCursor: next?.text))
    }

    @Sendable func create(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let request = try ProjectRequest(try JSONBody.object(of: exchange.request), isNew: true)
        return try changes.response(to: exchange, at: now()) { change in
            let (project, membership) = try projects.create(request, in: change)
            return try .json(project.apiModel(for: membership, defaultProjectID: caller.defaultProjectID), status: 201)
        }
    }

    @Sendable func get(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        let project = try projects.project(exchange.parameters[0])
        return try .json(
            project.apiModel(
                for: try caller.authority.membership(of: project.id), defaultProjectID: caller.defaultProjectID))
    }

    @Sendable func update(_ exchange: Exchange) throws -> Response {
        let request = try ProjectRequest(try JSONBody.object(of: exchange.request), isNew: false)
        let caller = try exchange.caller()
        return try changes.response(to: exchange, at: now()) { change in
            let project = try projects.update(exchange.parameters[0], request, in: change)
            return try .json(
                project.apiModel(
                    for: try change.authority.membership(of: project.id), defaultProjectID: caller.defaultProjectID))
        }
    }

    @Sendable func delete(_ exchange: Exchange) throws -> Response {
        try changes.response(to: exchange, at: now()) { change in
            try projects.delete(exchange.parameters[0], in: change)
            return .noContent
        }
    }
}

// MARK: - The JSON body

extension ProjectRequest {
    /// Reads the body of `POST /v1/projects`, or of `PATCH /v1/projects/{project}` if the project is not new.
    ///
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(_ fields: [String: JSONValue], isNew: Bool) throws {
        var reader = FieldReader(fields, of: "a project", known: ["name", "description", "spend_limit"])
        var values = Values()
        values.name = reader.take("name") { value throws(InvalidValue) in
            guard let text = value.stringValue else { throw InvalidValue("must be a string") }
            return text
        }
        values.description = reader.take("description") { value throws(InvalidValue) -> String? in
            guard value != .null else { return nil }
            guard let text = value.stringValue else { throw InvalidValue("must be a string or null") }
            return text
        }
        values.spendLimit = reader.takeSpendLimit()
        if isNew {
            try self.init(creating: values, problems: reader.problems)
        } else {
            try self.init(changing: values, problems: reader.problems)
        }
    }
}
