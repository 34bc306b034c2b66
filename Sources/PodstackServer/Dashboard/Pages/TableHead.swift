/// The titles of a table's columns.
struct TableHead: Component {
    private let titles: [String]
    private let hasActions: Bool

    /// - Parameter hasActions: Whether a last column holds what can be done, which only a screen reader is told.
    init(_ titles: [String], hasActions: Bool = false) {
        self.titles = titles
        self.hasActions = hasActions
    }

    var body: some HTML {
        Element("thead") {
            Element("tr") {
                for title in titles { Element("th", .scope("col")) { title } }
                if hasActions {
                    Element("th", .scope("col")) { Element("span", .class("visually-hidden")) { "Action" } }
                }
            }
        }
    }
}
