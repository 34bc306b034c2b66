/// The entries, with what leads to others.
struct AuditTable: Component {
    let query: AuditQuery
    let page: AuditPage

    var body: some HTML {
        Element("div", .class("bar")) {
            if query.place == .newest {
                Element("p", .id("live"), .class("hint"), .role("status"), .data("data-stream", stream.text)) {
                    Element("noscript") { "Load the page again to see what is new." }
                }
            } else {
                Element("p") { Element("a", .href(address())) { "Back to the newest entries" } }
            }
            Element("p", .class("hint")) {
                Element("a", .href(Link("/audit-log.csv", query: query.typed))) { "Export as CSV" }
                if page.isMoreThanFile {
                    " – the newest \(AuditLogPages.exported) of these entries; choose a span of days for the others"
                }
            }
        }
        DataTable(
            "Entries of the audit log, the newest first",
            [
                "Time", "Who", "Action", "What", Column("Project", style: "wide"), Column("Address", style: "wide"),
                "More",
            ], style: "log", id: "entries"
        ) {
            AuditRows(events: page.events, projects: page.projects)
        }
        if page.events.isEmpty { Element("p", .class("card empty"), .id("no-entries")) { nothing } }
        Element("div", .class("bar pager")) {
            if page.hasNewer, let first = page.events.first {
                Element("a", .class("button quiet"), .href(address(("after", String(first.number))))) {
                    "Newer entries"
                }
            }
            if page.hasOlder, let last = page.events.last {
                Element("a", .class("button quiet"), .href(address(("before", String(last.number))))) {
                    "Older entries"
                }
            }
        }
    }

    private var nothing: String {
        query.typed.isEmpty ? "Nothing has happened yet." : "No entry is like that."
    }

    private var stream: Link {
        Link("/audit-log/events", query: query.typed + [("after", String(page.newest))])
    }

    private func address(_ place: (name: String, value: String)? = nil) -> Link {
        Link("/audit-log", query: query.fields() + (place.map { [$0] } ?? []))
    }
}
