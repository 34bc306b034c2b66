import PodstackAPI

/// The pages below `/pods`.
///
/// This file has the list and the form for a new pod.
struct PodPages: Sendable {
    /// The most projects that the filter and the form list, newest first.
    private static let maximumProjects = 100
    /// The page above the pages of single pods.
    static let parent = ("Pods", Link("/pods"))

    let services: Services
    let watch: PodWatch

    var database: any Database { services.database }
    var pods: PodService { services.pods }
    var link: EngineLink { services.pods.link }

    init(_ services: Services) {
        self.services = services
        watch = PodWatch(services)
    }

    var routes: [PageRoute] {
        let one = "/pods/{id}"
        return [
            PageRoute("GET", "/pods", .signedIn, handle: list),
            PageRoute("POST", "/pods", .signedIn, handle: create),
            PageRoute("GET", "/pods/new", .signedIn, handle: new),
            PageRoute("GET", "/pods/live", .background, handle: refreshList),
            PageRoute("GET", one, .signedIn, handle: show),
            PageRoute("GET", one + "/live", .background, handle: refresh),
            PageRoute("GET", one + "/log", .background, handle: followLog),
            PageRoute("POST", one + "/start", .signedIn, handle: start),
            PageRoute("POST", one + "/stop", .signedIn, handle: stop),
            PageRoute("POST", one + "/restart", .signedIn, handle: restart),
            PageRoute("GET", one + "/delete", .signedIn, handle: confirmDeletion),
            PageRoute("POST", one + "/delete", .signedIn, handle: delete),
        ]
    }

    // MARK: List

    @Sendable private func list(_ exchange: PageExchange) throws -> Response {
        let query = try PodListQuery(exchange.request)
        let session = try exchange.signedIn()
        let (page, next) = try page(query, session)
        let projects = try services.projects.list(session.user.grant, PageRequest(limit: Self.maximumProjects)).page
        let names = try services.projects.names(userID: session.user.id)
        return Document("Pods", .pods, for: exchange) {
            if exchange.request.query("done") == "deleted" { Notice(.done, "The pod is being deleted.") }
            EngineNotice(link: link)
            if query.cursor != nil {
                Element("p") { Element("a", .class("standalone"), .href(query.link())) { "Back to newest" } }
            }
            if page.isEmpty, !query.isFiltered, query.cursor == nil {
                EmptyState(
                    "No pods yet", "A pod is a container on this service’s machines, with GPUs if you like.",
                    action: link.engine == nil ? nil : ("Create a pod", Link("/pods/new")),
                    snippet: "podstack pod create --name trainer --image ubuntu:24.04 --command 'nvidia-smi'")
                Element("p") {
                    Element("a", .class("standalone"), .href(query.link(status: .terminated))) { "Deleted pods" }
                }
            } else {
                Element("div", .class("bar")) {
                    RefreshNote(query.link(.live), parts: ["pods"])
                    if link.engine != nil { LinkButton("Create pod", to: Link("/pods/new")) }
                }
                PodFilterForm(query: query, projects: projects.map(\.project))
                if page.isEmpty {
                    Element("p", .class("card empty")) { "No pods match these filters." }
                } else {
                    PodTable(pods: page, projectNames: names)
                }
                MoreLink(link: next.map { query.link(after: $0) }, text: "Older pods")
            }
        }.response()
    }

    @Sendable private func refreshList(_ exchange: PageExchange) throws -> Response {
        let session = try exchange.signedIn()
        let (page, _) = try page(try PodListQuery(exchange.request), session)
        let names = try services.projects.names(userID: session.user.id)
        return RefreshDocument("Pods") { PodTable(pods: page, projectNames: names) }.response()
    }

    private func page(_ query: PodListQuery, _ session: WebSession) throws -> (page: [Pod], next: Cursor?) {
        var selection = PodStore.Selection(userID: session.user.id, projectIDs: query.projectID.map { [$0] })
        selection.status = query.status
        return try pods.list(selection, PageRequest(limit: PodListQuery.limit, after: query.cursor))
    }

    // MARK: Creation

    @Sendable private func new(_ exchange: PageExchange) throws -> Response {
        let user = try exchange.signedIn().user
        return try creationForm(
            PodForm(projectID: user.defaultProjectID, processors: link.capabilities?.processors), exchange, status: 200)
    }

    private func creationForm(
        _ form: PodForm, _ exchange: PageExchange, _ problems: FieldProblems = FieldProblems(), notice: String? = nil,
        status: Int
    ) throws -> Response {
        let session = try exchange.signedIn()
        let projects = try services.projects.list(session.user.grant, PageRequest(limit: Self.maximumProjects)).page
            .filter { $0.membership.role.allows(.podsCreate) }.map(\.project)
        let offer = try database.read { try PodOffer(in: $0) }
        return Document("Create a pod", .pods, under: Self.parent, for: exchange) {
            if let notice {
                Notice(.problem, notice)
            } else if !problems.isEmpty {
                Notice(.problem, "The pod was not created. Correct the fields below.")
            }
            EngineNotice(link: link)
            if link.engine == nil {
                Element("p") { LinkButton("All pods", .quiet, to: Link("/pods")) }
            } else if projects.isEmpty {
                Element("p", .class("card empty")) {
                    "You cannot create pods in any of your projects. Create a project, or ask an admin of one for access."
                }
            } else {
                PodFormView(form: form, problems: problems, projects: projects, offer: offer, exchange: exchange)
            }
        }.response(status: status)
    }

    @Sendable private func create(_ exchange: PageExchange) throws -> Response {
        var form = PodForm(exchange.form)
        var problems = FieldProblems()
        guard let id = form.podID(for: try exchange.signedIn().user.id) else {
            form.nonce = Identifier.generate("")
            return try creationForm(
                form, exchange,
                notice: "The pod was not created because the form was incomplete. Check it and submit it again.",
                status: 422)
        }
        do {
            let request = try form.request()
            let requirement = Requirement.scope(.podsCreate, in: request.projectID)
            let isNew = try exchange.change(with: services.changes, requiring: requirement) { change in
                if try PodStore.find(id, in: change.connection) != nil { return false }
                _ = try pods.create(request, id: id, in: change)
                return true
            }
            if isNew { link.wake(id) }
            return .redirect(Link("/pods", id, query: [("done", isNew ? "created" : "repeated")]))
        } catch let error as DomainError {
            let response = ErrorResponse(error)
            switch error {
            case .invalid(let errors): problems = FieldProblems(errors)
            case .conflict(let message) where message.hasPrefix("A pod named"):
                problems.add("a pod of the project has this name; choose another one", to: "name")
            case .gpuNotAvailable: problems.add(response.message, to: "gpu_type")
            case .notFound(.project, _): problems.add("does not exist any more", to: "project_id")
            case .conflict, .quotaExceeded, .insufficientBalance, .unavailable:
                return try creationForm(form, exchange, notice: response.message + ".", status: response.status)
            default: throw error
            }
            return try creationForm(form, exchange, problems, status: response.status)
        }
    }
}

// MARK: - Engine

/// Says that the service has no engine, or that the engine does not respond.
struct EngineNotice: Component {
    let link: EngineLink

    var body: some HTML {
        if link.engine == nil {
            Notice(
                .warning,
                "This service runs without a container engine, so it cannot create or start pods. Its operator connects "
                    + "one with podstack-server serve --engine.")
        } else if link.isStale {
            Notice(
                .warning,
                "The container engine does not respond. The states of the pods may be out of date, and pods cannot be "
                    + "changed until it responds again.")
        }
    }
}
