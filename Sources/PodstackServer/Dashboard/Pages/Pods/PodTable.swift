import PodstackAPI

/// The query of the list of pods: the filter and the position in the list.
struct PodListQuery {
    /// The most pods on a page.
    static let limit = 50

    enum Place { case page, live }

    let status: PodStatus?
    let projectID: String?
    let cursor: Cursor?

    var isFiltered: Bool { status != nil || projectID != nil }

    /// Reads the query of a request.
    ///
    /// - Throws: ``DomainError/invalid(_:)`` or ``ErrorResponse`` for values that no form or link of the page has.
    init(_ request: Request) throws {
        // Browsers also send the fields that are empty.
        var request = request
        request.query.removeAll { $0.value.isEmpty }
        var reader = QueryReader(request, known: ["status", "project", "cursor", "done"])
        status = reader.take("status") { text throws(InvalidValue) in
            guard let status = PodStatus(rawValue: text) else {
                throw InvalidValue("must be one of \(PodStatus.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return status
        }
        projectID = reader.take("project") { text throws(InvalidValue) in text }
        try reader.finish()
        cursor = try request.query("cursor").map(PageRequest.cursor)
    }

    /// Returns the link to a page of the list; without parameters, to the first page of the same filter.
    func link(_ place: Place = .page, status other: PodStatus? = nil, after cursor: Cursor? = nil) -> Link {
        var query: [(name: String, value: String)] = []
        if let status = other ?? status { query.append(("status", status.rawValue)) }
        if let projectID { query.append(("project", projectID)) }
        if let cursor = cursor ?? (place == .live ? self.cursor : nil) { query.append(("cursor", cursor.text)) }
        return place == .page ? Link("/pods", query: query) : Link("/pods/live", query: query)
    }
}

/// The form that filters the pods.
struct PodFilterForm: Component {
    let query: PodListQuery
    let projects: [ProjectRecord]

    var body: some HTML {
        Element("form", .class("card filters"), .method("get"), .action(Link("/pods")), .role("search")) {
            Element("div", .class("row")) {
                SelectField(
                    "Status", name: "status", value: query.status?.rawValue ?? "",
                    [("", "All but deleted")] + PodStatus.allCases.map { ($0.rawValue, $0.title) })
                SelectField(
                    "Project", name: "project", value: query.projectID ?? "",
                    [("", "All projects")] + projects.map { ($0.id, $0.name) } + unknownProject)
                Element("div", .class("filter-actions")) {
                    Button("Apply", .quiet)
                    if query.isFiltered { Element("a", .class("standalone"), .href(Link("/pods"))) { "Clear filters" } }
                }
            }
        }
    }

    /// The chosen project as an option of its own if it is not among the others.
    private var unknownProject: [SelectField.Option] {
        guard let id = query.projectID, !projects.contains(where: { $0.id == id }) else { return [] }
        return [(id, id)]
    }
}

/// Pods as a table.
struct PodTable: Component {
    let pods: [Pod]
    /// The names of the viewer's projects, by ID.
    let projectNames: [String: String]

    var body: some HTML {
        DataTable(
            "Pods, newest first",
            [
                "Pod", "Status", "GPUs", "Project", Column("Node", style: "wide"), .amount("Cost"),
                .amount("Per hour"),
            ], style: "pods", id: "pods"
        ) {
            for pod in pods { PodRow(pod: pod, projectName: projectNames[pod.projectID]) }
        }
    }
}

private struct PodRow: Component {
    let pod: Pod
    let projectName: String?

    var body: some HTML {
        Row {
            RowTitle {
                Element("a", .href(Link("/pods", pod.id))) { pod.name }
                Element("span", .class("secondary")) { pod.image }
            }
            Cell("Status") {
                if let status = PodStatus(rawValue: pod.status.rawValue) { PodBadge(status) }
                if let reason = pod.statusReason {
                    Element("span", .class("secondary")) { PodEventStore.limited(reason, bytes: 120) }
                }
            }
            Cell("GPUs") { pod.gpuType.map { "\(pod.gpuCount) × \($0)" } ?? "" }
            Cell("Project") {
                if let projectName {
                    Element("a", .href(Link("/projects", pod.projectID))) { projectName }
                } else {
                    Element("code") { pod.projectID }
                }
            }
            Element("td", .class("wide"), .role("cell"), .data("data-label", "Node")) { pod.node ?? "" }
            AmountCell("Cost") { pod.cost.displayText }
            AmountCell("Per hour") { pod.pricePerHour.description }
        }
    }
}

// MARK: - Status

/// The status of a pod.
struct PodBadge: Component {
    let status: PodStatus

    init(_ status: PodStatus) { self.status = status }

    var body: some HTML { Badge(status.title.lowercased(), kind) }

    private var kind: Badge.Kind {
        switch status {
        case .running: .good
        case .creating, .pending, .stopping: .warning
        case .failed: .bad
        case .stopped, .terminated: .neutral
        }
    }
}

extension PodStatus {
    /// The status as the dashboard displays it.
    var title: String {
        switch self {
        case .creating: "Creating"
        case .pending: "Pending"
        case .running: "Running"
        case .stopping: "Stopping"
        case .stopped: "Stopped"
        case .failed: "Failed"
        case .terminated: "Deleted"
        }
    }
}
