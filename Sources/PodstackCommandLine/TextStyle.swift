/// A style of text on a terminal that understands escape codes.
package enum TextStyle: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
    case cyan = "36"
    case boldRed = "1;31"

    /// Returns `text` between the codes of the style.
    package func applied(to text: String) -> String { text.isEmpty ? text : "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }

    /// Returns whether a terminal gets styles.
    ///
    /// - Parameter lookUp: Returns the value of an environment variable; nil if it is not set.
    /// - Returns: False with `NO_COLOR` (see no-color.org), `TERM=dumb` or an empty `TERM`.
    package static func isWanted(_ lookUp: (String) -> String?) -> Bool {
        lookUp("NO_COLOR")?.isEmpty != false && !["dumb", ""].contains(lookUp("TERM"))
    }

    /// The style of a state such as `active` or `revoked`; nil for other words.
    package static func ofState(_ word: String) -> TextStyle? {
        switch word {
        case "active", "ok", "running": .green
        case "expired", "revoked", "disabled", "deactivated", "critical", "failed": .red
        case "pending", "invited", "warning", "creating", "stopping": .yellow
        default: nil
        }
    }

    /// Returns a message with the style of its kind, such as `error:`.
    package static func styledMessage(_ text: String) -> String {
        let kinds: [(start: String, style: TextStyle)] = [
            ("error:", .boldRed), ("warning:", .yellow), ("hint:", .cyan),
        ]
        guard let kind = kinds.first(where: { text.hasPrefix($0.start) }) else { return text }
        return kind.style.applied(to: kind.start) + text.dropFirst(kind.start.count)
    }
}
