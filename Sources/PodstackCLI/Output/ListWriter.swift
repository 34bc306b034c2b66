import Podstack

/// Writes a list page by page, as the pages arrive; all in all the same as if it were written at once.
struct ListWriter<Element: Listed> {
    private let invocation: Invocation
    private var form: any ListForm<Element>

    init(_ invocation: Invocation, as form: any ListForm<Element>) {
        self.invocation = invocation
        self.form = form
    }

    /// In the format that was asked for, as a table with these columns unless it is one for programs.
    init(_ invocation: Invocation, header: [String], row: @escaping (Element) -> [String]) {
        switch invocation.format {
        case .table, .wide: self.init(invocation, as: TableForm(header: header, row: row))
        case .json: self.init(invocation, as: JSONForm())
        case .yaml: self.init(invocation, as: YAMLForm())
        }
    }

    /// - Parameter limit: The most elements; nil for all.
    mutating func writeAll(of list: Paged<Element>, limit: Int?) async throws {
        let page = 200
        if let limit, limit <= page {
            // Asks for no more than that.
            try write(try await list.first(limit))
        } else {
            try await write(list, limit: limit ?? .max, page: page)
        }
        write(form.end)
    }

    private mutating func write(_ list: Paged<Element>, limit: Int, page: Int) async throws {
        var (elements, written, isFirst): ([Element], Int, Bool) = ([], 0, true)
        for try await element in list {
            elements.append(element)
            guard elements.count == page || written + elements.count == limit else { continue }
            try write(elements)
            (written, elements, isFirst) = (written + elements.count, [], false)
            // Nobody is there to read the rest.
            if written == limit || invocation.context.outputFailure() != nil { break }
        }
        if isFirst || !elements.isEmpty { try write(elements) }
    }

    private mutating func write(_ elements: [Element]) throws { write(try form.text(elements)) }
    private func write(_ text: String) { if !text.isEmpty { invocation.context.standardOutput(text) } }
}
