import PodstackSystem

/// Text as a terminal shows it.
package enum TerminalText {
    /// Replaces control characters by `?`, so that a name cannot write to the terminal, and bytes that are not UTF-8 by
    /// escapes.
    package static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(SystemText.displayed(text).unicodeScalars.map { isControl($0) ? "?" : $0 }))
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        // Emoji, Persian and Indic text need these two joiners, which are invisible and do not change its direction.
        guard scalar != "\u{200C}", scalar != "\u{200D}" else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }

    /// Replaces control characters in JSON or YAML by escapes, which have the same meaning in its strings.
    ///
    /// - Parameters:
    ///   - text: The text, in which such characters occur only in strings.
    ///   - keepsLines: Whether newlines stay, which separate the values.
    ///   - isYAML: Whether characters beyond U+FFFF become one escape, and not two as in JSON.
    /// - Returns: The text.
    package static func escaped(_ text: String, keepsLines: Bool = true, isYAML: Bool = false) -> String {
        // No byte below 0x20 or above 0x7E: the common case.
        guard text.utf8.contains(where: { $0 < 0x20 && $0 != 0x0A || $0 > 0x7E }) else { return text }
        var output = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard isControl(scalar) || scalar.properties.isNoncharacterCodePoint && !isByteHalf(scalar),
                !(keepsLines && scalar == "\n")
            else {
                output.append(scalar)
                continue
            }
            if isYAML, scalar.value > 0xFFFF {
                output += "\\U\(hexadecimal(scalar.value, width: 8))".unicodeScalars
            } else {
                for unit in String(scalar).utf16 {
                    output += "\\u\(hexadecimal(UInt32(unit), width: 4))".unicodeScalars
                }
            }
        }
        return String(output)
    }

    /// Whether the scalar is a part of a byte that is not UTF-8, for which `SystemText` writes its own escape.
    private static func isByteHalf(_ scalar: Unicode.Scalar) -> Bool { (0xFDD0...0xFDEF).contains(scalar.value) }

    private static func hexadecimal(_ value: UInt32, width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    // MARK: - Width

    /// Returns the number of columns that a terminal needs for `text`.
    ///
    /// East Asian characters and emoji take two columns, combining marks none. A terminal that does not join emoji, or
    /// that regards ambiguous characters as wide, needs more.
    package static func width(of text: String) -> Int { text.reduce(0) { $0 + width(of: $1) } }

    /// Returns `text`, followed by the spaces that fill `width` columns.
    package static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - self.width(of: text)))
    }

    private static func width(of character: Character) -> Int {
        let scalars = character.unicodeScalars
        // A family, a flag or a keycap is one picture of several scalars.
        if scalars.contains(where: { $0.properties.isEmojiPresentation || $0 == "\u{FE0F}" }) { return 2 }
        return scalars.reduce(0) { $0 + width(of: $1) }
    }

    private static func width(of scalar: Unicode.Scalar) -> Int {
        // Hangul vowels and final consonants, which are drawn in the square of the first consonant.
        if (0x1160...0x11FF).contains(scalar.value) { return 0 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: return wide.contains { $0.contains(scalar.value) } ? 2 : 1
        }
    }

    /// The wide and full-width ranges of Unicode's East Asian Width, with neighboring ranges joined.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
        0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF,
        0x1AFF0...0x1B2FF, 0x1F200...0x1F265, 0x20000...0x3FFFD,
    ]
}
