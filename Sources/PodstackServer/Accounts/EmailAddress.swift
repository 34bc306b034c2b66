/// The rule for a user's email address: text on both sides of one `@`, without white space and invisible characters.
///
/// An invisible character could control a terminal, or make two different addresses look alike.
enum EmailAddress {
    /// Control characters, the characters of Unicode 15's category Format, those that are invisible by default or have no
    /// shape, private ones, and code points that are not characters.
    ///
    /// They are listed because the OpenAPI document has to state the same rule.
    static let invisible: [ClosedRange<Unicode.Scalar>] = [
        "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{AD}"..."\u{AD}", "\u{34F}"..."\u{34F}", "\u{600}"..."\u{605}",
        "\u{61C}"..."\u{61C}",
        "\u{6DD}"..."\u{6DD}", "\u{70F}"..."\u{70F}", "\u{890}"..."\u{891}", "\u{8E2}"..."\u{8E2}",
        "\u{115F}"..."\u{1160}", "\u{17B4}"..."\u{17B5}", "\u{180B}"..."\u{180F}", "\u{200B}"..."\u{200F}",
        "\u{202A}"..."\u{202E}", "\u{2060}"..."\u{206F}", "\u{2800}"..."\u{2800}",
        "\u{3164}"..."\u{3164}", "\u{E000}"..."\u{F8FF}", "\u{FE00}"..."\u{FE0F}",
        "\u{FEFF}"..."\u{FEFF}", "\u{FFA0}"..."\u{FFA0}", "\u{FFF0}"..."\u{FFFC}", "\u{FFFE}"..."\u{FFFF}",
        "\u{110BD}"..."\u{110BD}", "\u{110CD}"..."\u{110CD}",
        "\u{13430}"..."\u{1343F}", "\u{13441}"..."\u{13442}", "\u{16FE4}"..."\u{16FE4}", "\u{1BCA0}"..."\u{1BCA3}",
        "\u{1D159}"..."\u{1D159}", "\u{1D173}"..."\u{1D17A}", "\u{E0000}"..."\u{10FFFF}",
    ]

    /// Returns the form in which addresses are compared: lower case, in NFC.
    ///
    /// Programs encode an accented letter in one of two ways, and both must find the same user.
    static func key(_ text: String) -> String { Normalization.nfc(Normalization.nfc(text).lowercased()) }

    static func isValid(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 254
            && text.unicodeScalars.allSatisfy { scalar in
                !scalar.properties.isWhitespace && !scalar.properties.isNoncharacterCodePoint
                    && !invisible.contains { $0.contains(scalar) }
            }
    }
}
