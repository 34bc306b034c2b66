/// Columns of text. Control characters in a cell are shown as `?`: a name must not write to the terminal.
enum Table {
    static func text(_ header: [String], _ rows: [[String]]) -> String {
        var pages = Pages(header)
        return pages.text(rows)
    }

    /// A table that is written page by page: below the columns of one page stand those of the next.
    struct Pages {
        private var header: [String]?
        private var widths: [Int]

        init(_ header: [String]) {
            self.header = header
            widths = header.map { _ in 0 }
        }

        /// The lines of a page, before those of the first one the header.
        mutating func text(_ rows: [[String]]) -> String {
            let lines = (header.map { [$0] } ?? []) + rows.map { $0.map(printable) }
            header = nil
            widths = widths.indices.map { column in
                lines.map { DisplayWidth.of($0[column]) }.reduce(widths[column], max)
            }
            return lines.map { line in
                zip(line, widths).map(DisplayWidth.padded).joined(separator: "  ").trimmingEnd()
            }.joined(separator: "\n")
        }
    }

    static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "?" : $0 }))
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        // What joins emoji to one shows nothing, and turns no text round.
        guard scalar != "\u{200D}" else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}

extension String {
    fileprivate func trimmingEnd() -> String {
        var text = self
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }
}
