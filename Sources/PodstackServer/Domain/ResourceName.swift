import PodstackAPI

/// The rules for the names that users give to tokens, projects and programs, and for descriptions.
///
/// ``VisibleText`` has the rule for their characters.
enum ResourceName {
    /// The most characters of a name, counted as scalars: one visible character can have any number of them.
    static let maximumLength = 100
    /// The most bytes of a name.
    static let maximumBytes = 400
    /// The most characters of a description.
    static let maximumDescriptionLength = 1000
    /// The most bytes of a description.
    static let maximumDescriptionBytes = 4000

    /// Returns a name in NFC, without the white space around it.
    static func validate(_ text: String) throws(InvalidValue) -> String {
        guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw InvalidValue("must not contain control characters")
        }
        let trimmed = trimmed(text)
        guard !trimmed.isEmpty, isShort(trimmed, 4 * maximumBytes, maximumBytes) else {
            throw InvalidValue("must have 1 to \(maximumLength) characters")
        }
        let name = try VisibleText.validate(trimmed)
        guard isShort(name, maximumBytes, maximumLength) else {
            throw InvalidValue("must have 1 to \(maximumLength) characters")
        }
        try rejectToken(name)
        return name
    }

    /// Returns a description in NFC, which may have several lines, or nil if it is empty.
    static func validateDescription(_ text: String?) throws(InvalidValue) -> String? {
        guard let text, !text.isEmpty else { return nil }
        let tooLong = InvalidValue("must have at most \(maximumDescriptionLength) characters")
        guard isShort(text, 4 * maximumDescriptionBytes, maximumDescriptionBytes) else { throw tooLong }
        let description = try VisibleText.validate(text, hasLines: true)
        guard isShort(description, maximumDescriptionBytes, maximumDescriptionLength) else { throw tooLong }
        try rejectToken(description)
        return description
    }

    private static func isShort(_ text: String, _ bytes: Int, _ length: Int) -> Bool {
        text.utf8.count <= bytes && text.unicodeScalars.count <= length
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }

    /// Rejects text that contains an API token, which was probably pasted by mistake: names are shown to many people.
    static func rejectToken(_ text: String) throws(InvalidValue) {
        guard !TokenFormat.isContained(in: text) else { throw InvalidValue("must not contain an API token") }
    }
}
