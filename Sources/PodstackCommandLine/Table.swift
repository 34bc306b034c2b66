/// Columns of text.
///
/// Control characters in a cell are shown as `?`.
package enum Table {
    package static func text(_ header: [String], _ rows: [[String]]) -> String {
        var pages = Pages(header)
        return pages.text(rows)
    }

    /// A table that is written page by page.
    ///
    /// A page starts with the column widths of the page before.
    package struct Pages {
        private var header: [String]?
        private var widths: [Int]

        package init(_ header: [String]) {
            self.header = header
            widths = header.map { _ in 0 }
        }

        /// Returns the lines of a page; those of the first page start with the header.
        package mutating func text(_ rows: [[String]]) -> String {
            let lines = (header.map { [$0] } ?? []) + rows.map { $0.map(TerminalText.printable) }
            header = nil
            widths = widths.indices.map { column in
                lines.map { TerminalText.width(of: $0[column]) }.reduce(widths[column], max)
            }
            return lines.map { line in
                var text = zip(line, widths).map { TerminalText.padded($0, to: $1) }.joined(separator: "  ")
                while text.hasSuffix(" ") { text.removeLast() }
                return text
            }.joined(separator: "\n")
        }
    }
}

/// Lines of a name and a value, with aligned values.
package enum Details {
    package static func text(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            "\(name):\(String(repeating: " ", count: width - name.count + 1))\(TerminalText.printable(value))"
        }.joined(separator: "\n")
    }
}
