/// Makes a text that comes from elsewhere fit to be shown: one line, nothing that writes to a terminal, no token.
enum OneLine {
    /// - Parameters:
    ///   - token: Taken out whatever its shape is; tokens of the service's format always are.
    ///   - most: Characters of Unicode; what is longer is cut.
    static func of(_ text: String, without token: APIToken? = nil, most: Int = 1000) -> String {
        // Replaced and not dropped: pieces must not grow together to a token.
        let visible = String(String.UnicodeScalarView(text.unicodeScalars.map { isVisible($0) ? $0 : " " }))
        // Redacted before it is cut, so that no half of a token is left.
        let redacted = token.map { TokenRedaction.redact($0, in: visible) } ?? TokenRedaction.redact(visible)
        let scalars = redacted.unicodeScalars
        let cut = String(scalars.prefix(most)).split { $0.isWhitespace }.joined(separator: " ")
        return scalars.count > most ? cut + "…" : cut
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
