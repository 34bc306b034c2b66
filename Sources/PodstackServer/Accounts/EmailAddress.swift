/// What is accepted as the address of a user: something on both sides of one `@`, without white space, and without what
/// cannot be seen: that could tell a terminal what to do, or make two addresses look alike.
enum EmailAddress {
    static func isValid(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 254
            && text.unicodeScalars.allSatisfy { scalar in
                !scalar.properties.isWhitespace
                    && ![.control, .format].contains(scalar.properties.generalCategory)
            }
    }
}
