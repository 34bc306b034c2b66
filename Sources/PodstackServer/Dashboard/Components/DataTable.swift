/// A table whose rows become cards on narrow screens.
///
/// Some browsers no longer expose a table to screen readers once its parts are laid out as blocks. Each part therefore
/// has an explicit role. HTML allows these roles only inside a `table` with the role `none`, so the enclosing `div` has
/// the role of the table. Source: ARIA in HTML, section 4, `tr`, `td` and `th`.
struct DataTable<Rows: HTML>: Component {
    private let name: String
    private let columns: [Column]
    private let id: String?
    private let style: String
    private let rows: Rows

    /// Creates a table.
    ///
    /// - Parameters:
    ///   - name: The name that screen readers announce.
    ///   - columns: The columns, in order.
    ///   - style: The CSS class of the table.
    ///   - id: The ID of the table's body.
    ///   - rows: The rows.
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

/// A column of a table, with its title.
struct Column: Component, ExpressibleByStringLiteral {
    private let title: String
    private let isVisible: Bool
    private let style: String?

    /// Creates a column.
    ///
    /// - Parameters:
    ///   - title: The title.
    ///   - isVisible: Whether the title is displayed; otherwise, only screen readers announce it.
    ///   - style: The CSS class of the title's cell.
    init(_ title: String, isVisible: Bool = true, style: String? = nil) {
        self.title = title
        self.isVisible = isVisible
        self.style = style
    }

    init(stringLiteral title: String) { self.init(title) }

    /// The column of buttons.
    static let actions = Column("Action", isVisible: false)

    var body: some HTML {
        Element("th", [.scope("col"), .role("columnheader")] + (style.map { [.class($0)] } ?? [])) {
            if isVisible { title } else { Element("span", .class("visually-hidden")) { title } }
        }
    }
}

/// A row of a table.
struct Row<Cells: HTML>: Component {
    private let cells: Cells

    init(@HTMLBuilder cells: () -> Cells) { self.cells = cells() }

    var body: some HTML { Element("tr", .role("row")) { cells } }
}

/// The cell that names its row.
struct RowTitle<Content: HTML>: Component {
    private let content: Content

    init(@HTMLBuilder content: () -> Content) { self.content = content() }

    var body: some HTML { Element("th", .scope("row"), .role("rowheader")) { content } }
}

/// A cell of a table.
struct Cell<Content: HTML>: Component {
    private let label: String
    private let style: String?
    private let content: Content

    /// Creates a cell.
    ///
    /// - Parameters:
    ///   - label: The title of the column, displayed beside the cell when the row is a card.
    ///   - style: The CSS class, such as `amount` for a number, or `wide` for what needs a wide screen.
    ///   - content: The content of the cell.
    init(_ label: String, style: String? = nil, @HTMLBuilder content: () -> Content) {
        self.label = label
        self.style = style
        self.content = content()
    }

    var body: some HTML {
        Element("td", [.role("cell"), .data("data-label", label)] + (style.map { [.class($0)] } ?? [])) { content }
    }
}

/// The cell of a row's buttons.
struct ActionCell<Content: HTML>: Component {
    private let content: Content

    init(@HTMLBuilder content: () -> Content) { self.content = content() }

    var body: some HTML { Element("td", .class("actions"), .role("cell")) { content } }
}
