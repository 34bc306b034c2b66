import PodstackAPI

/// The routes under `/v1/pods`.
struct PodRoutes: Sendable {
    let pods: PodService
    let changes: IdempotentChanges
    let now: @Sendable () -> Int64

    // MARK: - Reading

    @Sendable func list(_ exchange: Exchange) throws -> Response {
        let caller = try exchange.caller()
        var reader = QueryReader(
            exchange.request, known: ["status", "label", "name", "limit", "cursor"], repeatable: ["label"])
        let named = try Access.project(of: exchange.request)
        var selection = PodStore.Selection(
            userID: caller.token.userID, projectIDs: named.map { [$0] } ?? caller.token.projectIDs)
        selection.status = reader.take("status") { text throws(InvalidValue) in
            guard let status = PodStatus(rawValue: text) else {
                throw InvalidValue("must be one of \(PodStatus.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return status
        }
        selection.name = reader.take("name") { text throws(InvalidValue) in text }
        for (name, value) in reader.takeAll("label", Self.label) { selection.labels[name] = value }
        try reader.finish()
        let (page, next) = try pods.list(selection, try PageRequest(exchange.request))
        return Response(status: 200, body: PodPage.encode(page, nextCursor: next?.text))
    }

    private static func label(_ text: String) throws(InvalidValue) -> (name: String, value: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { throw InvalidValue("must have the form name=value") }
        return (String(parts[0]), Normalization.nfc(String(parts[1])))
    }

    @Sendable func get(_ exchange: Exchange) throws -> Response {
        let pod = try pods.pod(exchange.parameters[0], for: .podsRead, try exchange.caller().authority)
        return try .json(try pods.apiModel(of: pod))
    }

    @Sendable func events(_ exchange: Exchange) throws -> Response {
        let pod = try pods.pod(exchange.parameters[0], for: .podsRead, try exchange.caller().authority)
        let (page, next) = try pods.events(of: pod.id, try PageRequest(exchange.request))
        return try .json(Page(elements: page, nextCursor: next?.text))
    }

    // MARK: - Changes

    @Sendable func create(_ exchange: Exchange) throws -> Response {
        let request = try PodRequest(json: try JSONBody.object(of: exchange.request))
        let named = try Access.project(of: exchange.request)
        let checkRepeat: (Change) throws -> Void = {
            _ = try ProjectChoice.project(request.projectID, named, for: .podsCreate, in: $0)
        }
        return try respond(to: exchange, status: 201, checkRepeat: checkRepeat) { change in
            try pods.create(request, inProject: named, in: change)
        }
    }

    @Sendable func update(_ exchange: Exchange) throws -> Response {
        let request = try PodUpdate(json: try JSONBody.object(of: exchange.request))
        return try respond(to: exchange, status: 200) { change in
            try pods.update(exchange.parameters[0], request, in: change)
        }
    }

    @Sendable func start(_ exchange: Exchange) throws -> Response {
        try Self.checkBody(of: exchange)
        return try respond(to: exchange, status: 202) { change in try pods.start(exchange.parameters[0], in: change) }
    }

    @Sendable func stop(_ exchange: Exchange) throws -> Response {
        try Self.checkBody(of: exchange)
        let isForced = try Self.isForced(exchange.request)
        return try respond(to: exchange, status: 202) { change in
            try pods.stop(exchange.parameters[0], isForced: isForced, in: change)
        }
    }

    @Sendable func restart(_ exchange: Exchange) throws -> Response {
        try Self.checkBody(of: exchange)
        return try respond(to: exchange, status: 202) { change in try pods.restart(exchange.parameters[0], in: change) }
    }

    @Sendable func delete(_ exchange: Exchange) throws -> Response {
        let isForced = try Self.isForced(exchange.request)
        return try respond(to: exchange, status: 202) { change in
            try pods.delete(exchange.parameters[0], isForced: isForced, in: change)
        }
    }

    /// Responds with the pod of the path, which a change returns.
    private func respond(
        to exchange: Exchange, status: Int, _ body: (Change) throws -> PodRecord?
    ) throws -> Response {
        try respond(
            to: exchange, status: status,
            checkRepeat: { _ = try pods.find(exchange.parameters[0], for: .podsUpdate, in: $0) }, body)
    }

    /// Responds with the pod that a change returns, or with 204 if there is none, and wakes the controller.
    private func respond(
        to exchange: Exchange, status: Int, checkRepeat: (Change) throws -> Void,
        _ body: (Change) throws -> PodRecord?
    ) throws -> Response {
        var podID: String?
        let response = try changes.response(to: exchange, at: now(), checkRepeat: checkRepeat) { change in
            guard let pod = try body(change) else { return .noContent }
            podID = pod.id
            return try .json(try pods.apiModel(of: pod, in: change.connection), status: status)
        }
        pods.link.wake(podID)
        return response
    }

    /// Rejects fields in the body of a command, which has none.
    private static func checkBody(of exchange: Exchange) throws {
        let fields = try JSONBody.optionalObject(of: exchange.request)
        try FieldReader(fields, of: "this request", known: []).finish()
    }

    private static func isForced(_ request: Request) throws -> Bool {
        var reader = QueryReader(request, known: ["force"])
        let isForced = reader.take("force") { text throws(InvalidValue) in
            switch text {
            case "true": true
            case "false": false
            default: throw InvalidValue("must be true or false")
            }
        }
        try reader.finish()
        return isForced ?? false
    }
}
