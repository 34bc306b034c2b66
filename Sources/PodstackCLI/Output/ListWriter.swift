import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem

/// Writes a list page by page, as the pages arrive.
///
/// The text is identical to that of the whole list.
struct ListWriter<Element: Listed> {
    private let invocation: Invocation
    private var formatter: any ListFormatter<Element>

    init(_ invocation: Invocation, formatter: any ListFormatter<Element>) {
        self.invocation = invocation
        self.formatter = formatter
    }

    /// Creates a writer for the format of the invocation, which uses the header and rows if that is a table.
    ///
    /// A terminal shows the sentence `none` instead of an empty table.
    init(_ invocation: Invocation, ifEmpty none: String, header: [String], row: @escaping (Element) -> [String]) {
        switch invocation.format {
        case .table, .wide:
            let formatter = TableFormatter(
                header: header, isStyled: invocation.context.stylesOutput,
                none: invocation.context.isOutputTerminal ? none : nil, row: row)
            self.init(invocation, formatter: formatter)
        case .json: self.init(invocation, formatter: JSONFormatter(invocation))
        case .yaml: self.init(invocation, formatter: YAMLFormatter())
        }
    }

    /// Writes the first `limit` elements, or all when `limit` is nil.
    mutating func writeAll(of list: Paged<Element>, limit: Int?) async throws {
        let page = 200
        if let limit, limit <= page {
            // Requests no more elements than that.
            try write(try await list.first(limit))
        } else {
            try await write(list, limit: limit ?? .max, page: page)
        }
        write(formatter.end)
    }

    private mutating func write(_ list: Paged<Element>, limit: Int, page: Int) async throws {
        var (elements, written, isFirst): ([Element], Int, Bool) = ([], 0, true)
        for try await element in list {
            elements.append(element)
            guard elements.count == page || written + elements.count == limit else { continue }
            try write(elements)
            (written, elements, isFirst) = (written + elements.count, [], false)
            // Once writing fails, the reader is gone, and the other pages would be requested in vain.
            if written == limit || invocation.context.outputFailure() != nil { break }
        }
        if isFirst || !elements.isEmpty { try write(elements) }
    }

    private mutating func write(_ elements: [Element]) throws { write(try formatter.text(elements)) }
    private func write(_ text: String) { if !text.isEmpty { invocation.context.standardOutput(text) } }
}

// MARK: - Formats

/// Converts the pages of a list to text, one after the other.
protocol ListFormatter<Element> {
    associatedtype Element: Listed
    /// Returns the text of a page. The first page may be empty.
    mutating func text(_ page: [Element]) throws -> String
    /// The text after the last page.
    var end: String { get }
}

struct TableFormatter<Element: Listed>: ListFormatter {
    private var pages: Table.Pages
    /// The text in place of an empty table.
    private let none: String?
    private let row: (Element) -> [String]

    init(header: [String], isStyled: Bool, none: String? = nil, row: @escaping (Element) -> [String]) {
        pages = Table.Pages(header, isStyled: isStyled)
        self.none = none
        self.row = row
    }

    mutating func text(_ page: [Element]) -> String {
        // Only the first page of a list can be empty.
        if page.isEmpty, let none { return none + "\n" }
        return pages.text(page.map(row)) + "\n"
    }
    var end: String { "" }
}

/// Formats a list as JSON.
///
/// After a network failure the text lacks its end, so that it cannot pass for the whole list.
struct JSONFormatter<Element: Listed>: ListFormatter {
    private let invocation: Invocation
    private var isFirst = true
    private var hasElement = false

    init(_ invocation: Invocation) { self.invocation = invocation }

    mutating func text(_ page: [Element]) throws -> String {
        let elements = try page.map { invocation.jsonText(try APICoding.encode($0)) }
        let start =
            isFirst ? (invocation.prettyPrints ? "{\n  \"\(Element.listKey)\": [" : "{\"\(Element.listKey)\":[") : ""
        let comma = hasElement && !page.isEmpty ? "," : ""
        isFirst = false
        hasElement = hasElement || !page.isEmpty
        guard invocation.prettyPrints else { return start + comma + elements.joined(separator: ",") }
        let lines = elements.map { "\n    " + $0.replacing(bytes: "\n", with: "\n    ") }
        return start + comma + lines.joined(separator: ",")
    }

    var end: String {
        guard invocation.prettyPrints else { return "]}\n" }
        return (hasElement ? "\n  ]" : "]") + "\n}\n"
    }
}

struct YAMLFormatter<Element: Listed>: ListFormatter {
    private var isFirst = true

    mutating func text(_ page: [Element]) throws -> String {
        defer { isFirst = false }
        let elements = try APICoding.decode(JSONValue.self, from: try APICoding.encode(page))
        guard !page.isEmpty else { return isFirst ? "\(Element.listKey): []\n" : "" }
        let lines = "  " + YAML.text(of: elements).replacing(bytes: "\n", with: "\n  ") + "\n"
        return (isFirst ? "\(Element.listKey):\n" : "") + lines
    }

    var end: String { "" }
}

struct AuditCSVFormatter: ListFormatter {
    private var isFirst = true

    mutating func text(_ page: [AuditEvent]) -> String {
        defer { isFirst = false }
        return (isFirst ? AuditCSV.header : "") + AuditCSV.lines(page)
    }

    var end: String { "" }
}
