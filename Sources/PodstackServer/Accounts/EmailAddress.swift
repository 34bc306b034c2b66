/// The rule for a user's email address: text on both sides of one `@`, without white space and invisible characters.
///
/// An invisible character could control a terminal, or make two different addresses look alike.
enum EmailAddress {
    /// Control characters, and the characters of Unicode 15's category Format.
    ///
    /// They are listed because the OpenAPI document has to state the same rule.
    static let invisible: [ClosedRange<Unicode.Scalar>] = [
        "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{AD}"..."\u{AD}", "\u{600}"..."\u{605}", "\u{61C}"..."\u{61C}",
        "\u{6DD}"..."\u{6DD}", "\u{70F}"..."\u{70F}", "\u{890}"..."\u{891}", "\u{8E2}"..."\u{8E2}",
        "\u{180E}"..."\u{180E}", "\u{200B}"..."\u{200F}", "\u{202A}"..."\u{202E}", "\u{2060}"..."\u{206F}",
        "\u{FEFF}"..."\u{FEFF}", "\u{FFF9}"..."\u{FFFB}", "\u{110BD}"..."\u{110BD}", "\u{110CD}"..."\u{110CD}",
        "\u{13430}"..."\u{1343F}", "\u{1BCA0}"..."\u{1BCA3}", "\u{1D173}"..."\u{1D17A}", "\u{E0001}"..."\u{E007F}",
    ]

    static func isValid(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 254
            && text.unicodeScalars.allSatisfy { scalar in
                !scalar.properties.isWhitespace && !invisible.contains { $0.contains(scalar) }
            }
    }
}
