/// Text of the system, such as arguments, variables and paths: bytes that need not be UTF-8.
///
/// A `String` cannot contain bytes that are not UTF-8, and decoding them as U+FFFD would make different paths equal. So
/// each such byte becomes two noncharacters, which Unicode reserves for the internal use of a program: U+FDD0 plus the
/// high half of the byte, and U+FDE0 plus the low half. Noncharacters in the bytes themselves are treated as bytes that
/// are not UTF-8.
///
/// 1. `bytes(of: text(of: bytes))` equals `bytes`, for any bytes.
/// 2. Text without noncharacters has its UTF-8 as its bytes.
package enum SystemText {
    /// The noncharacters that stand for halves of bytes from 0x80 to 0xFF.
    private static let high: ClosedRange<UInt32> = 0xFDD8...0xFDDF
    private static let low: ClosedRange<UInt32> = 0xFDE0...0xFDEF

    // MARK: - Bytes to text

    /// Returns the text for bytes; different bytes have different text.
    package static func text(of bytes: some Collection<UInt8>) -> String {
        let bytes = Array(bytes)
        // The UTF-8 of every noncharacter in use begins with 0xEF.
        if !bytes.contains(0xEF), let text = String(validating: bytes, as: UTF8.self) { return text }
        var scalars = String.UnicodeScalarView()
        var parser = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var offset = 0
        while true {
            switch parser.parseScalar(from: &rest) {
            case .valid(let encoded):
                let scalar = Unicode.UTF8.decode(encoded)
                if high.contains(scalar.value) || low.contains(scalar.value) {
                    append(bytes[offset..<offset + encoded.count], to: &scalars)
                } else {
                    scalars.append(scalar)
                }
                offset += encoded.count
            case .error(let length):
                append(bytes[offset..<offset + length], to: &scalars)
                offset += length
            case .emptyInput: return String(scalars)
            }
        }
    }

    /// Returns the text of a string of the C library.
    package static func text(of string: UnsafePointer<CChar>) -> String {
        var end = string
        while end.pointee != 0 { end += 1 }
        return text(of: UnsafeRawBufferPointer(start: string, count: end - string))
    }

    private static func append(_ bytes: ArraySlice<UInt8>, to scalars: inout String.UnicodeScalarView) {
        for byte in bytes {
            for value in [0xFDD0 + UInt32(byte >> 4), 0xFDE0 + UInt32(byte & 0xF)] {
                if let scalar = Unicode.Scalar(value) { scalars.append(scalar) }
            }
        }
    }

    // MARK: - Text to bytes

    /// Returns the bytes of text.
    package static func bytes(of text: String) -> [UInt8] {
        guard text.utf8.contains(0xEF) else { return Array(text.utf8) }
        var bytes: [UInt8] = []
        scan(text) { scalar in
            bytes += Array(String(scalar).utf8)
        } byte: {
            bytes.append($0)
        }
        return bytes
    }

    /// Calls a closure with the bytes of text as a string of the C library.
    package static func withCString<Result>(_ text: String, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (bytes(of: text) + [0]).withUnsafeBytes { bytes in
            // Never nil: the buffer contains at least the terminating zero.
            bytes.withMemoryRebound(to: CChar.self) { body($0.baseAddress.unsafelyUnwrapped) }
        }
    }

    /// Whether the bytes of the text are UTF-8.
    package static func isUTF8(_ text: String) -> Bool {
        guard text.utf8.contains(0xEF) else { return true }
        var isUTF8 = true
        scan(text) { _ in
        } byte: { _ in
            isUTF8 = false
        }
        return isUTF8
    }

    // MARK: - Text for people

    /// Returns the text with an escape, such as `\xff`, for each byte that is not UTF-8.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - start: The start of an escape, before its two digits.
    /// - Returns: The text, which may have several lines.
    package static func displayed(_ text: String, escape start: String = #"\x"#) -> String {
        guard text.utf8.contains(0xEF) else { return text }
        var displayed = String.UnicodeScalarView()
        scan(text) {
            displayed.append($0)
        } byte: {
            displayed += (start + hexadecimal($0)).unicodeScalars
        }
        return String(displayed)
    }

    /// Returns the text on one line, with an escape for each byte that is not UTF-8, and for each character that would
    /// change the terminal or the order of the text.
    package static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in displayed(text).unicodeScalars {
            switch scalar {
            case "\n": escaped += #"\n"#
            case "\t": escaped += #"\t"#
            case "\r": escaped += #"\r"#
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                escaped += #"\x"# + hexadecimal(UInt8(scalar.value))
            // Emoji, Persian and Indic text need these two joiners.
            case "\u{200C}", "\u{200D}": escaped.unicodeScalars.append(scalar)
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator:
                    escaped += #"\u{"# + String(scalar.value, radix: 16) + "}"
                default: escaped.unicodeScalars.append(scalar)
                }
            }
        }
        return escaped
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    /// Calls one closure for each scalar of the text, and another for each byte that two noncharacters stand for.
    private static func scan(_ text: String, scalar: (Unicode.Scalar) -> Void, byte: (UInt8) -> Void) {
        var rest = text.unicodeScalars[...]
        while let first = rest.popFirst() {
            if high.contains(first.value), let second = rest.first, low.contains(second.value) {
                rest.removeFirst()
                byte(UInt8((first.value - 0xFDD0) << 4 | (second.value - 0xFDE0)))
            } else {
                scalar(first)
            }
        }
    }
}
