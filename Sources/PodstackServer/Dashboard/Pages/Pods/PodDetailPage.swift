import PodstackAPI

/// The page of one pod, the parts of it that the script refreshes, and the stream of its output.
extension PodPages {
    /// The most events on a page.
    private static let eventsPerPage = 20

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        let done: String? =
            switch exchange.request.query("done") {
            case "created": "The pod is created and starts now."
            case "repeated": "This form has already created this pod. No other pod was created."
            case "started": "The pod starts now."
            case "stopped": "The pod stops now. Its program has ten seconds to end."
            case "restarted": "The pod restarts now."
            default: nil
            }
        return try details(exchange, notice: done.map { Notice(.done, $0) })
    }

    /// Returns the page of a pod.
    ///
    /// If the engine has to be asked, another worker does that and produces the page.
    ///
    /// - Parameters:
    ///   - exchange: The request, whose first parameter is the ID of the pod.
    ///   - notice: The notice at the top of the page, if any.
    ///   - status: The status of the response.
    /// - Returns: The page.
    /// - Throws: ``DomainError/notFound(_:id:)`` if the viewer cannot see the pod.
    func details(_ exchange: PageExchange, notice: Notice? = nil, status: Int = 200) throws -> Response {
        let cursor = try exchange.request.query("events").map(PageRequest.cursor)
        let details = try read(exchange, events: cursor)
        return try asking(about: details, exchange, hasLog: true) { snapshot in
            page(details, snapshot, exchange, notice, isFirst: cursor == nil).response(status: status)
        }
    }

    /// Responds with the parts of the page that change by themselves.
    @Sendable func refresh(_ exchange: PageExchange) throws -> Response {
        let details = try read(exchange, events: nil)
        return try asking(about: details, exchange, hasLog: false) { snapshot in
            RefreshDocument(details.pod.name) {
                PodStateView(details: details, now: pods.now())
                PodActions(details: details, exchange: exchange)
                PodPorts(pod: details.pod)
                PodMetricsCard(pod: details.pod, measurements: snapshot.measurements)
                PodEventTable(details: details, link: nil)
            }.response()
        }
    }

    @Sendable func followLog(_ exchange: PageExchange) throws -> Response {
        let session = try exchange.signedIn()
        let pod = try read(exchange, events: nil).pod
        guard !pod.isTerminated else { return .noContent }
        // A browser that reconnects sends the time of the last line that it received.
        let after = exchange.request.header("last-event-id") ?? exchange.request.query("after") ?? ""
        guard after.isEmpty || PodLogReader.isTime(after.utf8) else {
            throw ErrorResponse.badRequest("The time of the last line is invalid")
        }
        return try watch.follow(pod, after: after, session)
    }

    private func read(_ exchange: PageExchange, events: Cursor?) throws -> PodDetails {
        let session = try exchange.signedIn()
        let time = pods.now()
        var details = try database.read { connection in
            let authority = Authority(session.user.grant, in: connection)
            let pod = try pods.find(exchange.parameters[0], for: .podsRead, authority, in: connection)
            return PodDetails(
                pod: pod, projectName: try ProjectStore.find(pod.projectID, in: connection)?.name,
                creator: try UserStore.find(id: pod.userID, in: connection)?.email,
                cost: try pods.billing.costs(of: [pod.id], now: time, in: connection)[pod.id] ?? 0,
                mayUpdate: (try? authority.require(.podsUpdate, in: pod.projectID)) != nil,
                mayDelete: (try? authority.require(.podsDelete, in: pod.projectID)) != nil)
        }
        (details.events, details.nextEvents) = try pods.events(
            of: details.pod.id, PageRequest(limit: Self.eventsPerPage, after: events))
        return details
    }

    /// Produces a response with what the engine says about a pod.
    private func asking(
        about details: PodDetails, _ exchange: PageExchange, hasLog: Bool,
        _ respond: @escaping @Sendable (PodSnapshot) -> Response
    ) throws -> Response {
        let accountID = try exchange.signedIn().user.accountID
        let pod = details.pod
        guard watch.asks(about: pod), hasLog || pod.state.status == .running else { return respond(PodSnapshot()) }
        return .deferred(on: services.transfers.starts) { [watch] isTurn in
            respond(isTurn ? watch.snapshot(of: pod, for: accountID, hasLog: hasLog) : PodSnapshot())
        }
    }

    private func page(
        _ details: PodDetails, _ snapshot: PodSnapshot, _ exchange: PageExchange, _ notice: Notice?, isFirst: Bool
    ) -> Document<some HTML> {
        let pod = details.pod
        return Document(pod.name, .pods, under: Self.parent, for: exchange) {
            if let notice { notice }
            EngineNotice(link: link)
            PodStateView(details: details, now: pods.now())
            PodActions(details: details, exchange: exchange)
            if !pod.isTerminated {
                RefreshNote(
                    Link("/pods", pod.id, "live"),
                    parts: ["pod-state", "pod-actions", "pod-ports", "pod-metrics"] + (isFirst ? ["pod-events"] : []))
            }
            PodPorts(pod: pod)
            PodMetricsCard(pod: pod, measurements: snapshot.measurements)
            PodLogCard(pod: pod, lines: snapshot.lines, canFollow: watch.asks(about: pod) || pod.state.awaitsRun)
            PodFacts(details: details)
            PodEventTable(
                details: details,
                link: details.nextEvents.map { Link("/pods", pod.id, query: [("events", $0.text)]) })
        }
    }
}

/// A pod as its page displays it.
struct PodDetails: Sendable {
    var pod: PodRecord
    /// Nil if the project no longer exists.
    var projectName: String?
    /// The email address of the user who created it; nil if that user no longer exists.
    var creator: String?
    /// Millionths.
    var cost: Int64
    var mayUpdate: Bool
    var mayDelete: Bool
    /// Newest first.
    var events: [PodEvent] = []
    var nextEvents: Cursor?
}
