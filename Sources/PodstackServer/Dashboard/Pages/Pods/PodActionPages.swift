import PodstackAPI

/// Starting, stopping, restarting and deleting a pod.
extension PodPages {
    @Sendable func start(_ exchange: PageExchange) throws -> Response {
        try perform(exchange, .podsUpdate, done: "started") { try pods.start($0, in: $1) }
    }

    @Sendable func stop(_ exchange: PageExchange) throws -> Response {
        try perform(exchange, .podsUpdate, done: "stopped") { try pods.stop($0, in: $1) }
    }

    @Sendable func restart(_ exchange: PageExchange) throws -> Response {
        try perform(exchange, .podsUpdate, done: "restarted") { try pods.restart($0, in: $1) }
    }

    private func perform(
        _ exchange: PageExchange, _ scope: Scope, done: String, _ body: (_ id: String, Change) throws -> PodRecord
    ) throws -> Response {
        let id = exchange.parameters[0]
        do {
            // The pod's project, and the viewer's role in it, are checked by the service inside the transaction.
            _ = try exchange.change(with: services.changes, requiring: .scope(scope)) { try body(id, $0) }
        } catch let error as DomainError {
            switch error {
            case .conflict, .wrongState, .gpuNotAvailable, .insufficientBalance, .unavailable:
                let response = ErrorResponse(error)
                return try details(
                    exchange, notice: Notice(.problem, response.message + "."), status: response.status)
            default: throw error
            }
        }
        link.wake(id)
        return .redirect(Link("/pods", id, query: [("done", done)]))
    }

    // MARK: Deletion

    @Sendable func confirmDeletion(_ exchange: PageExchange) throws -> Response { try deletionPage(exchange) }

    private func deletionPage(_ exchange: PageExchange, notice: String? = nil, status: Int = 200) throws -> Response {
        let session = try exchange.signedIn()
        let pod = try database.read { connection in
            try pods.find(
                exchange.parameters[0], for: .podsDelete, Authority(session.user.grant, in: connection), in: connection)
        }
        let details = Link("/pods", pod.id)
        guard pod.state.desired != .terminated else { return .redirect(details) }
        let runs = pod.state.isRunOpen
        return Document("Delete “\(Isolated.text(pod.name))”?", .pods, under: (pod.name, details), for: exchange) {
            if let notice { Notice(.problem, notice) }
            EngineNotice(link: link)
            Card {
                Element("p") {
                    runs
                        ? "The pod runs. Deleting it kills its program and removes everything in it, except for volumes. "
                        : "Everything in the pod is removed, except for volumes. "
                    "This cannot be undone."
                }
                Element("form", .class("confirmation"), .method("post"), .action(Link("/pods", pod.id, "delete"))) {
                    FormKeyField(exchange)
                    // A pod that has been started since is not killed unasked.
                    if runs { VoidElement("input", .type("hidden"), .name("runs"), .value("true")) }
                    Button(runs ? "Kill and delete pod" : "Delete pod", .danger)
                    LinkButton("Cancel", .quiet, to: details)
                }
            }
        }.response(status: status)
    }

    @Sendable func delete(_ exchange: PageExchange) throws -> Response {
        let id = exchange.parameters[0]
        let isForced = exchange.form["runs"] == "true"
        do {
            _ = try exchange.change(with: services.changes, requiring: .scope(.podsDelete)) { change in
                try pods.delete(id, isForced: isForced, in: change)
            }
        } catch let error as DomainError {
            switch error {
            case .wrongState:
                return try deletionPage(
                    exchange, notice: "The pod was started in the meantime and was not deleted.", status: 409)
            case .unavailable:
                let response = ErrorResponse(error)
                return try deletionPage(exchange, notice: response.message + ".", status: response.status)
            default: throw error
            }
        }
        link.wake(id)
        return .redirect(Link("/pods", query: [("done", "deleted")]))
    }
}
