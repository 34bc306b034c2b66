import PodstackAPI
import PodstackCommandLine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Flag {
    static let output = Flag(
        "output", value: "FORMAT", summary: "table or json (default: table)", values: .choices(["table", "json"]))
}

extension Arguments {
    var isJSON: Bool { value("output") == "json" }
}

/// Prints a list page by page, as a table or as a JSON array.
struct ListOutput {
    private let isJSON: Bool
    private var pages: Table.Pages
    private var hasElement = false

    init(_ arguments: Arguments, header: [String]) {
        isJSON = arguments.isJSON
        pages = Table.Pages(header)
        if isJSON { StandardStream.output.write("[") }
    }

    /// Prints a page of elements with their cells in the table.
    mutating func write<Element: Encodable>(_ page: [(element: Element, cells: [String])]) throws {
        guard isJSON else {
            StandardStream.output.write(pages.text(page.map(\.cells)) + "\n")
            return
        }
        for (element, _) in page {
            let text = String(decoding: try APICoding.encode(element), as: UTF8.self)
            StandardStream.output.write((hasElement ? ",\n " : "\n ") + text)
            hasElement = true
        }
    }

    func end() {
        if isJSON { StandardStream.output.write(hasElement ? "\n]\n" : "]\n") }
    }
}

/// Ends a command whose output already says what is wrong.
struct ReportedProblems: Error {}

/// Returns a time in seconds since 1970 as the tables show it.
func displayedTime(_ time: Int64?) -> String { time.map { Timestamp.format(Date($0)) } ?? "-" }
