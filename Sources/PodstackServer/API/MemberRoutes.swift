import PodstackAPI

/// `/v1/projects/{project}/members`, and `/v1/invitations`.
struct MemberRoutes: Sendable {
    let members: MemberService
    let changes: IdempotentChanges
    let now: @Sendable () -> Int64

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let (page, next) = try members.list(
            exchange.parameters[0], try PageRequest(exchange.request), now: now())
        return try .json(Page(elements: page.map(\.apiModel), nextCursor: next?.text))
    }

    @Sendable func add(_ exchange: Exchange) throws -> Response {
        let request = try MemberRequest(try JSONBody.object(of: exchange.request), isNew: true)
        return try changes.response(to: exchange, at: now()) { change in
            try .json(try members.invite(request, to: exchange.parameters[0], in: change).apiModel, status: 201)
        }
    }

    @Sendable func update(_ exchange: Exchange) throws -> Response {
        let request = try MemberRequest(try JSONBody.object(of: exchange.request), isNew: false)
        return try changes.response(to: exchange, at: now()) { change in
            let member = try members.update(
                exchange.parameters[1], of: exchange.parameters[0], request, in: change)
            return try .json(member.apiModel)
        }
    }

    @Sendable func remove(_ exchange: Exchange) throws -> Response {
        try changes.response(to: exchange, at: now()) { change in
            try members.remove(exchange.parameters[1], from: exchange.parameters[0], in: change)
            return .noContent
        }
    }

    // MARK: - Invitations

    @Sendable func invitations(_ exchange: Exchange) throws -> Response {
        let (page, next) = try members.invitations(
            try exchange.caller().token.grant, try PageRequest(exchange.request), now: now())
        return try .json(Page(elements: page.map(\.apiModel), nextCursor: next?.text))
    }

    @Sendable func accept(_ exchange: Exchange) throws -> Response {
        try changes.response(to: exchange, at: now()) { change in
            try .json(try members.accept(exchange.parameters[1], exchange.parameters[0], in: change).apiModel)
        }
    }

    @Sendable func decline(_ exchange: Exchange) throws -> Response {
        try changes.response(to: exchange, at: now()) { change in
            try members.decline(exchange.parameters[1], exchange.parameters[0], in: change)
            return .noContent
        }
    }
}

// MARK: - The JSON body

extension MemberRequest {
    /// Reads the body of `POST …/members`, or of `PATCH …/members/{user}` if the request is not for a new member.
    ///
    /// - Throws: ``DomainError/invalid(_:)`` with the problems of all fields.
    init(_ fields: [String: JSONValue], isNew: Bool) throws {
        var reader = FieldReader(
            fields, of: isNew ? "a new member" : "a member",
            known: isNew ? ["email", "role", "permissions"] : ["role", "permissions", "status"])
        var values = Values()
        // A value that is not a string is as invalid as an empty one.
        if isNew { values.email = fields["email"].map { $0.stringValue ?? "" } }
        values.role = fields["role"].map { $0.stringValue ?? "" }
        if !isNew { values.status = fields["status"].map { $0.stringValue ?? "" } }
        values.permissions = reader.take("permissions") { value throws(InvalidValue) in
            guard case .array(let elements) = value else { throw InvalidValue("must be a list of strings") }
            return elements.map { $0.stringValue ?? "" }
        }
        if isNew {
            try self.init(adding: values, problems: reader.problems)
        } else {
            try self.init(changing: values, problems: reader.problems)
        }
    }
}
