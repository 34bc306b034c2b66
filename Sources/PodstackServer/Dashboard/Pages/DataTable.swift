/// A table whose rows become cards where there is no room for columns.
///
/// Some browsers tell a screen reader of no table any more once its parts are laid out as blocks. So each part says what
/// it is; HTML allows that only in a `table` that is none by itself, and what is around that is the table.
/// Source: ARIA in HTML, section 4, `tr`, `td` and `th`.
struct DataTable<Rows: HTML>: Component {
    private let name: String
    private let columns: [Column]
    private let id: String?
    private let style: String
    private let rows: Rows

    /// - Parameters:
    ///   - name: What it is a table of, for a screen reader.
    ///   - style: Its class.
    ///   - id: Of the rows.
    init(
        _ name: String, _ columns: [Column], style: String = "", id: String? = nil, @HTMLBuilder rows: () -> Rows
    ) {
        self.name = name
        self.columns = columns
        self.id = id
        self.style = style
        self.rows = rows()
    }

    var body: some HTML {
        Element("div", .class("table"), .role("table"), .aria("aria-label", name)) {
            Element("table", [.role("none")] + (style.isEmpty ? [] : [.class(style)])) {
                Element("thead", .role("rowgroup")) {
                    Element("tr", .role("row")) { for column in columns { column } }
                }
                Element("tbody", [.role("rowgroup")] + (id.map { [.id($0)] } ?? [])) { rows }
            }
        }
    }
}

/// The title of a column.
struct Column: Component, ExpressibleByStringLiteral {
    private let title: String
    private let isSeen: Bool
    private let style: String?

    /// - Parameter isSeen: Or only a screen reader is told.
    init(_ title: String, isSeen: Bool = true, style: String? = nil) {
        self.title = title
        self.isSeen = isSeen
        self.style = style
    }

    init(stringLiteral title: String) { self.init(title) }

    /// Of what can be done with a row.
    static let actions = Column("Action", isSeen: false)

    var body: some HTML {
        Element("th", [.scope("col"), .role("columnheader")] + (style.map { [.class($0)] } ?? [])) {
            if isSeen { title } else { Element("span", .class("visually-hidden")) { title } }
        }
    }
}

struct Row<Cells: HTML>: Component {
    private let cells: Cells

    init(@HTMLBuilder cells: () -> Cells) { self.cells = cells() }

    var body: some HTML { Element("tr", .role("row")) { cells } }
}

/// What a row is about.
struct RowTitle<Content: HTML>: Component {
    private let content: Content

    init(@HTMLBuilder content: () -> Content) { self.content = content() }

    var body: some HTML { Element("th", .scope("row"), .role("rowheader")) { content } }
}

struct Cell<Content: HTML>: Component {
    private let label: String
    private let content: Content

    /// - Parameter label: The title of its column, which stands beside it in a card.
    init(_ label: String, @HTMLBuilder content: () -> Content) {
        self.label = label
        self.content = content()
    }

    var body: some HTML { Element("td", .role("cell"), .data("data-label", label)) { content } }
}

/// What can be done with a row.
struct ActionCell<Content: HTML>: Component {
    private let content: Content

    init(@HTMLBuilder content: () -> Content) { self.content = content() }

    var body: some HTML { Element("td", .class("actions"), .role("cell")) { content } }
}
