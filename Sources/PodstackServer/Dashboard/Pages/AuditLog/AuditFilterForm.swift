/// Asks which entries are to be seen.
struct AuditFilterForm: Component {
    let query: AuditQuery

    var body: some HTML {
        Element("form", .class("card filters"), .method("get"), .action(Link("/audit-log")), .role("search")) {
            Field("Search", name: "q", value: query.typed("q"), .type("search"), .placeholder("name, id, IP"))
            Selection(
                label: "Action", name: "action", all: "Any action", options: actions, chosen: query.typed("action"))
            Selection(
                label: "Kind of thing", name: "resource_type", all: "Anything", options: AuditWords.resources,
                chosen: query.typed("resource_type"))
            Field("Who", name: "user", value: query.typed("user"), .placeholder("e-mail or usr_…"))
            DayField(label: "From day", name: "since", query: query)
            DayField(label: "To day", name: "until", query: query)
            if let id = query.projectID { VoidElement("input", .type("hidden"), .name("project"), .value(id)) }
            if query.limit != AuditQuery.standardLimit {
                VoidElement("input", .type("hidden"), .name("limit"), .value(String(query.limit)))
            }
            Element("div", .class("filter-actions")) {
                Element("button", .type("submit")) { "Show" }
                if !query.typed.isEmpty { Element("a", .href(Link("/audit-log"))) { "Show all" } }
                if let id = query.projectID {
                    Element("span", .class("hint")) {
                        "Only of the project "
                        Element("code") { id }
                    }
                }
                Element("span", .class("hint")) { "Days and times are in UTC." }
            }
        }
    }

    private var actions: [(String, String)] { AuditAction.allCases.map { ($0.rawValue, AuditWords.said($0)) } }
}

private struct DayField: Component {
    let label: String
    let name: String
    let query: AuditQuery

    var body: some HTML {
        // What is no day cannot stand in such a field: it was not typed there, but into the address.
        Field(
            label, name: name, value: query.problems[name] == nil ? query.typed(name) : "",
            problem: query.problems[name], .type("date"))
    }
}

/// A choice of one among several, or of none in particular.
private struct Selection: Component {
    let label: String
    let name: String
    let all: String
    let options: [(value: String, text: String)]
    let chosen: String

    var body: some HTML {
        Element("div", .class("field")) {
            Element("label", .for(name)) { label }
            Element("select", .id(name), .name(name)) {
                Element("option", .value("")) { all }
                for option in options + unknown {
                    Element("option", .value(option.value), .flag("selected", if: option.value == chosen)) {
                        option.text
                    }
                }
            }
        }
    }

    /// What was asked for is shown, whether there is such a thing or not.
    private var unknown: [(value: String, text: String)] {
        chosen.isEmpty || options.contains { $0.value == chosen } ? [] : [(chosen, chosen)]
    }
}
