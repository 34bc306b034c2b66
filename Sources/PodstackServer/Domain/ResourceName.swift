import PodstackAPI

/// The rules for the names that users give to tokens, projects and programs.
enum ResourceName {
    /// Returns a name without the white space around it.
    ///
    /// A name has 1 to 100 characters and no control characters, which could write to a terminal or a log.
    static func validate(_ text: String) throws(InvalidValue) -> String {
        let scalars = text.unicodeScalars
        guard scalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw InvalidValue("must not contain control characters")
        }
        let trimmed = String(
            scalars.drop { $0.properties.isWhitespace }.reversed().drop { $0.properties.isWhitespace }
                .reversed().reduce(into: String.UnicodeScalarView()) { $0.append($1) })
        // Scalars are counted, because one visible character can have any number of them.
        guard (1...100).contains(trimmed.unicodeScalars.count) else {
            throw InvalidValue("must have 1 to 100 characters")
        }
        try rejectToken(trimmed)
        return trimmed
    }

    /// Rejects text that contains an API token, which was probably pasted by mistake: names are shown to many people.
    static func rejectToken(_ text: String) throws(InvalidValue) {
        guard !TokenFormat.isContained(in: text) else { throw InvalidValue("must not contain an API token") }
    }
}
