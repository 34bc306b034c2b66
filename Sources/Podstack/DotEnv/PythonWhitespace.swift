/// White space as Python's `str.isspace` and its regular expressions see it, in UTF-8.
enum PythonWhitespace {
    /// How many bytes the white space at `index` has; 0 when there is none.
    static func length(in bytes: [UInt8], at index: Int) -> Int {
        let first = bytes[index]
        if first < 0x80 { return isASCII(first) ? 1 : 0 }
        switch first {
        case 0xC2:
            // U+0085, U+00A0
            return matches(bytes, index, 2) { $0.0 == 0x85 || $0.0 == 0xA0 }
        case 0xE1:
            // U+1680
            return matches(bytes, index, 3) { $0.0 == 0x9A && $0.1 == 0x80 }
        case 0xE2:
            // U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F
            return matches(bytes, index, 3) {
                $0.0 == 0x80 && ((0x80...0x8A).contains($0.1) || [0xA8, 0xA9, 0xAF].contains($0.1))
                    || $0.0 == 0x81 && $0.1 == 0x9F
            }
        case 0xE3:
            // U+3000
            return matches(bytes, index, 3) { $0.0 == 0x80 && $0.1 == 0x80 }
        default: return 0
        }
    }

    /// Unicode's, and the four separators U+001C to U+001F.
    static func isASCII(_ byte: UInt8) -> Bool {
        byte == 0x20 || (0x09...0x0D).contains(byte) || (0x1C...0x1F).contains(byte)
    }

    private static func matches(
        _ bytes: [UInt8], _ index: Int, _ length: Int, _ isSpace: ((UInt8, UInt8)) -> Bool
    ) -> Int {
        guard index + length <= bytes.count else { return 0 }
        return isSpace((bytes[index + 1], length > 2 ? bytes[index + 2] : 0)) ? length : 0
    }
}
