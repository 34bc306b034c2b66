// The rule for text that one person writes and another one reads: names, descriptions and the names of programs.
//
// The text is stored in NFC. Then:
//
//  1. It has a visible character: a letter, a digit, a punctuation mark or a symbol that is not blank.
//  2. It has no control characters, no characters that control the direction of text, no other characters of the category
//     Format, no line or paragraph separators, and none that are private, unassigned or not characters at all.
//  3. It has no characters that are invisible by default (Default_Ignorable_Code_Point), with three exceptions:
//     a. a variation selector directly after a character that it changes: an emoji, an ideograph, a letter of a script with
//        standard variations, or the digit or sign of a keycap;
//     b. a zero-width joiner between two pictures, or after a virama;
//     c. a zero-width joiner or non-joiner between two letters of a script whose letters join, such as Arabic or
//        Devanagari.
//  4. A combining mark follows a character that it can combine with, and at most eight marks follow each other.
//
// Source: Unicode Technical Reports 31 and 36; RFC 5892, appendix A, for the joiners; RFC 8264, section 4.3.

/// Checks text that people read.
enum VisibleText {
    /// The most combining marks that may follow each other; written languages need at most five.
    private static let maximumMarks = 8

    /// Returns a text in NFC, or throws if it breaks the rule.
    ///
    /// - Parameters:
    ///   - text: The text as it was entered.
    ///   - hasLines: Whether line feeds and tabs are allowed.
    /// - Returns: The text in NFC.
    /// - Throws: ``InvalidValue`` with the first problem.
    static func validate(_ text: String, hasLines: Bool = false) throws(InvalidValue) -> String {
        let text = Normalization.nfc(text)
        if isPlain(text) { return text }
        var previous: Unicode.Scalar?
        // The last character that is not a variation selector.
        var base: Unicode.Scalar?
        var marks = 0
        var isVisible = false
        let scalars = text.unicodeScalars
        for index in scalars.indices {
            let scalar = scalars[index]
            let next = scalars[scalars.index(after: index)...].first
            if hasLines, scalar == "\n" || scalar == "\t" {
                (previous, base, marks) = (nil, nil, 0)
                continue
            }
            if scalar.properties.generalCategory == .control {
                throw InvalidValue("must not contain control characters")
            }
            if isMark(scalar) {
                guard let previous, canCombine(previous) else {
                    throw InvalidValue("must not have a combining mark without the character that it belongs to")
                }
                marks += 1
                guard marks <= maximumMarks else {
                    throw InvalidValue("must not have more than \(maximumMarks) combining marks in a row")
                }
            } else {
                marks = 0
            }
            guard isAllowed(scalar) || isException(scalar, after: previous, base, before: next) else {
                throw InvalidValue("must not contain invisible or directional characters, such as \(name(scalar))")
            }
            isVisible = isVisible || VisibleText.isVisible(scalar)
            previous = scalar
            if scalar != "\u{FE0F}" { base = scalar }
        }
        guard isVisible else { throw InvalidValue("must have a visible character") }
        return text
    }

    /// Returns whether a text is printable ASCII with a visible character, as most texts are.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && text.utf8.contains { $0 > 0x20 }
    }

    /// Returns the name of an invisible character, such as `U+200B`.
    private static func name(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// Returns whether a character is allowed wherever it is.
    static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned, .surrogate: false
        // The placeholder of an object that is not there, and characters that look like a space and are none.
        default:
            !scalar.properties.isDefaultIgnorableCodePoint && scalar != "\u{FFFC}"
                && (!blank.contains(scalar) || scalar.properties.isWhitespace)
        }
    }

    /// Returns whether readers see a character.
    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        isAllowed(scalar) && !isMark(scalar) && !scalar.properties.isWhitespace
    }

    /// Letters and symbols without a shape.
    private static let blank: Set<Unicode.Scalar> = [
        "\u{1680}", "\u{2800}", "\u{13441}", "\u{13442}", "\u{1D159}", "\u{16FE4}",
    ]

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: !scalar.properties.isDefaultIgnorableCodePoint
        default: false
        }
    }

    private static func canCombine(_ base: Unicode.Scalar) -> Bool { !base.properties.isWhitespace }

    // MARK: - Exceptions

    private static func isException(
        _ scalar: Unicode.Scalar, after previous: Unicode.Scalar?, _ base: Unicode.Scalar?, before next: Unicode.Scalar?
    ) -> Bool {
        guard let previous else { return false }
        switch scalar.value {
        case 0xFE0E, 0xFE0F:
            // A digit, # or * is an emoji only as part of a keycap.
            return previous.properties.isEmoji && (previous.value > 0x7F || scalar == "\u{FE0F}" && next == keycap)
        case 0xFE00...0xFE02: return previous.properties.isIdeographic || hasVariations(previous)
        case 0x180B...0x180D, 0x180F: return (0x1820...0x18AA).contains(previous.value)
        case 0xE0100...0xE01EF: return previous.properties.isIdeographic
        case 0x200C: return isJoinable(previous) && next.map(isJoinable) ?? false
        case 0x200D:
            if previous.properties.canonicalCombiningClass == .virama { return true }
            if let base, isPicture(base), let next, isPicture(next) { return true }
            return isJoinable(previous) && next.map(isJoinable) ?? false
        default: return false
        }
    }

    /// The combining mark that makes a keycap of a digit.
    private static let keycap: Unicode.Scalar = "\u{20E3}"

    /// Returns whether a character can be an element of a sequence that is displayed as one picture.
    ///
    /// The emoji before the arrows, such as the signs for copyright and trademark, are not: a joiner between them is
    /// invisible.
    private static func isPicture(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isEmoji && scalar.value >= 0x2190
    }

    /// Returns whether a character is a Myanmar or Phags-pa letter, or a sign of East Asian typography: those have standard
    /// variations.
    private static func hasVariations(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1000...0x109F, 0xAA60...0xAA7F, 0xA840...0xA877, 0x3001...0x3002, 0xFF01...0xFF1F: true
        default: false
        }
    }

    /// Returns whether a character is a letter or a mark of a script in which a joiner changes the shape of letters.
    private static func isJoinable(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.properties.isAlphabetic || isMark(scalar) else { return false }
        return joiningScripts.contains { $0.contains(scalar.value) }
    }

    /// Arabic, Syriac, N'Ko, Mandaic, the scripts of India and South East Asia, Mongolian, and others like them.
    private static let joiningScripts: [ClosedRange<UInt32>] = [
        0x0600...0x077F, 0x07C0...0x07FF, 0x0840...0x0DFF, 0x0F00...0x109F, 0x1700...0x18AF, 0x1A20...0x1AAF,
        0x1B00...0x1C4F, 0xA800...0xA8FF, 0xA930...0xA9DF, 0xAA00...0xAADF, 0xABC0...0xABFF, 0xFB50...0xFDFF,
        0xFE70...0xFEFC, 0x10A00...0x10A5F, 0x10AC0...0x10AFF, 0x10B80...0x10BAF, 0x10D00...0x10D3F, 0x10F30...0x10FDF,
        0x11000...0x11FFF, 0x1E900...0x1E95F,
    ]
}
