import Podstack

/// How a list becomes text, one page after the other.
protocol ListForm<Element> {
    associatedtype Element: Listed
    /// Of the first page, which may be empty, and then of each after it.
    mutating func text(_ page: [Element]) throws -> String
    /// What comes behind the last page.
    var end: String { get }
}

struct TableForm<Element: Listed>: ListForm {
    private var pages: Table.Pages
    private let row: (Element) -> [String]

    init(header: [String], row: @escaping (Element) -> [String]) {
        pages = Table.Pages(header)
        self.row = row
    }

    mutating func text(_ page: [Element]) -> String { pages.text(page.map(row)) + "\n" }
    var end: String { "" }
}

/// What is cut off, because the network failed, is no JSON: nobody takes it for the whole.
struct JSONForm<Element: Listed>: ListForm {
    private var isFirst = true

    mutating func text(_ page: [Element]) throws -> String {
        defer { isFirst = false }
        let elements = try page.map { element in
            let lines = String(decoding: try APICoding.encode(element, pretty: true), as: UTF8.self)
            return "    " + lines.replacing("\n", with: "\n    ")
        }
        return (isFirst ? "{\n  \"\(Element.listKey)\" : [\n" : ",\n") + elements.joined(separator: ",\n")
    }

    var end: String { "\n  ]\n}\n" }
}

struct YAMLForm<Element: Listed>: ListForm {
    private var isFirst = true

    mutating func text(_ page: [Element]) throws -> String {
        defer { isFirst = false }
        let elements = try APICoding.decode(JSONValue.self, from: try APICoding.encode(page))
        guard !page.isEmpty else { return isFirst ? "\(Element.listKey): []\n" : "" }
        let lines = "  " + YAML.text(of: elements).replacing("\n", with: "\n  ") + "\n"
        return (isFirst ? "\(Element.listKey):\n" : "") + lines
    }

    var end: String { "" }
}

struct AuditCSVForm: ListForm {
    private var isFirst = true

    mutating func text(_ page: [AuditEvent]) -> String {
        defer { isFirst = false }
        return (isFirst ? AuditCSV.header : "") + AuditCSV.lines(page)
    }

    var end: String { "" }
}
