/// The entries of a page. Written one by one: a list of all would copy each a few times.
struct AuditRows: HTML {
    let events: [AuditRecord]
    let projects: [String: String]

    func write(to output: inout HTMLOutput) {
        for event in events { AuditRow(event: event, projects: projects).write(to: &output) }
    }
}

/// One entry of the audit log, in the table and in the stream of new ones alike.
struct AuditRow: Component {
    let event: AuditRecord
    /// Of those that who looks belongs to, by id.
    let projects: [String: String]

    var body: some HTML {
        FixedElement("<tr role=\"row\">", "</tr>") {
            FixedElement("<td role=\"cell\" data-label=\"Time\">", "</td>") { Time(event.createdAt) }
            FixedElement("<td role=\"cell\" data-label=\"Who\">", "</td>") {
                who
                if let id = event.tokenID {
                    FixedElement("<span class=\"under\">", "</span>") {
                        "with "
                        FixedElement("<code>", "</code>") { "podstack_" + id }
                    }
                }
            }
            FixedElement("<td role=\"cell\" data-label=\"Action\">", "</td>") {
                AuditBadge(action: event.action, resource: event.resourceType)
            }
            FixedElement("<td role=\"cell\" data-label=\"What\">", "</td>") {
                if let name = event.resourceName { FixedElement("<span class=\"what\">", "</span>") { name } }
                if let resourceID {
                    FixedElement("<span class=\"under\">", "</span>") {
                        FixedElement("<code>", "</code>") { resourceID }
                    }
                }
            }
            FixedElement("<td role=\"cell\" data-label=\"Project\" class=\"wide\">", "</td>") {
                if let id = event.projectID { AuditProject(id: id, name: projects[id]) }
            }
            FixedElement("<td role=\"cell\" data-label=\"Address\" class=\"wide\">", "</td>") { event.address ?? "" }
            FixedElement("<td role=\"cell\">", "</td>") {
                FixedElement("<details><summary>Details</summary><dl>", "</dl></details>") {
                    for detail in DetailsReader.read(event.details) { AuditChange(detail: detail) }
                    AuditFact(name: "Project", value: event.projectID)
                    AuditFact(name: "Address", value: event.address)
                    AuditFact(name: "Program", value: event.userAgent)
                    AuditFact(name: "Entry", value: event.id)
                }
            }
        }
    }

    private var resourceID: String? {
        event.resourceType == "token" ? event.resourceID.map { "podstack_" + $0 } : event.resourceID
    }

    private var who: String {
        if let email = event.userEmail { return email }
        if event.address == nil { return "The operator" }
        return event.tokenID == nil ? "Somebody not signed in" : "A token"
    }
}

private struct AuditBadge: Component {
    let action: String
    let resource: String

    var body: some HTML {
        let said = AuditWords.said(action, of: resource)
        Element("span", .class(said.badge)) { said.text }
    }
}

private struct AuditProject: Component {
    let id: String
    let name: String?

    var body: some HTML {
        if let name {
            Element("a", .href(Link("/projects", id))) { name }
        } else {
            FixedElement("<code>", "</code>") { id }
        }
    }
}

private struct AuditChange: Component {
    let detail: DetailsReader.Detail

    var body: some HTML {
        FixedElement("<dt>", "</dt>") { AuditWords.label(detail.name) }
        FixedElement("<dd>", "</dd>") {
            if let old = detail.old {
                FixedElement("<del>", "</del>") { old }
                " → "
                FixedElement("<ins>", "</ins>") { detail.new }
            } else {
                detail.new
            }
        }
    }
}

private struct AuditFact: Component {
    let name: String
    let value: String?

    var body: some HTML {
        if let value {
            FixedElement("<dt>", "</dt>") { name }
            FixedElement("<dd>", "</dd>") { value }
        }
    }
}
