/// Base 62 with the digits `0-9A-Za-z`, most significant first.
public enum Base62 {
    public static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// `value` in exactly `width` digits, padded with `0`; digits that do not fit are dropped.
    public static func encode(_ value: UInt64, width: Int) -> [UInt8] {
        var rest = value
        var text = [UInt8](repeating: digits[0], count: width)
        for index in text.indices.reversed() where rest > 0 {
            text[index] = digits[Int(rest % 62)]
            rest /= 62
        }
        return text
    }

    public static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}
