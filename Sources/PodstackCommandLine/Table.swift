/// Columns of text.
///
/// Control characters in a cell are shown as `?`.
package enum Table {
    package static func text(_ header: [String], _ rows: [[String]], isStyled: Bool = false) -> String {
        var pages = Pages(header, isStyled: isStyled)
        return pages.text(rows)
    }

    /// A table that is written page by page.
    ///
    /// A page starts with the column widths of the page before.
    package struct Pages {
        private var header: [String]?
        private var widths: [Int]
        /// The column whose words have the style of a state; nil without styles.
        private let stateColumn: Int?
        private let isStyled: Bool

        /// Creates a table.
        ///
        /// - Parameters:
        ///   - header: The names of the columns.
        ///   - isStyled: Whether the header and the column `STATUS` are styled, for a terminal.
        package init(_ header: [String], isStyled: Bool = false) {
            self.header = header
            self.isStyled = isStyled
            stateColumn = isStyled ? header.firstIndex(of: "STATUS") : nil
            widths = header.map { _ in 0 }
        }

        /// Returns the lines of a page; those of the first page start with the header.
        package mutating func text(_ rows: [[String]]) -> String {
            let lines = (header.map { [$0] } ?? []) + rows.map { $0.map(TerminalText.printable) }
            let isFirst = header != nil
            header = nil
            widths = widths.indices.map { column in
                lines.map { TerminalText.width(of: $0[column]) }.reduce(widths[column], max)
            }
            return lines.enumerated().map { index, line in
                var cells = zip(line, widths).map { TerminalText.padded($0, to: $1) }
                if let stateColumn, let style = TextStyle.ofState(line[stateColumn]) {
                    let space = cells[stateColumn].dropFirst(line[stateColumn].count)
                    cells[stateColumn] = style.applied(to: line[stateColumn]) + space
                }
                var text = cells.joined(separator: "  ")
                while text.hasSuffix(" ") { text.removeLast() }
                return isStyled && isFirst && index == 0 ? TextStyle.bold.applied(to: text) : text
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
