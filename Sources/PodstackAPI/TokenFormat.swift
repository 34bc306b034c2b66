/// The shape of the tokens that podstack-server issues:
/// `podstack_` + id (8 Crockford base32) + `_` + secret (32 base62) + checksum (6 base62), 56 bytes of ASCII.
public enum TokenFormat {
    public static let length = 56
    public static let idLength = 8
    static let secretLength = 32
    static let checksumLength = 6
    package static let scheme = Array("podstack_".utf8)
    static let idDigits = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// What the bytes of a credential look like, before anybody is asked about it.
    public enum Shape: Sendable, Equatable {
        /// Ours, with a right checksum.
        case wellFormed(id: String)
        /// Ours but for the checksum: mistyped, cut or made up.
        case wrongChecksum
        case other
    }

    public static func shape(of token: some Collection<UInt8>) -> Shape {
        let bytes = Array(token)
        guard bytes.count == length, bytes.starts(with: scheme), bytes[17] == UInt8(ascii: "_") else { return .other }
        let id = bytes[9..<17]
        guard id.allSatisfy(isIDDigit), bytes[18...].allSatisfy(Base62.isDigit) else { return .other }
        let body = bytes[..<(length - checksumLength)]
        guard bytes[(length - checksumLength)...].elementsEqual(checksum(of: body)) else { return .wrongChecksum }
        return .wellFormed(id: String(decoding: id, as: UTF8.self))
    }

    public static func shape(of token: String) -> Shape { shape(of: token.utf8) }

    /// The id of a well-formed token, else nil.
    public static func id(of token: String) -> String? {
        if case .wellFormed(let id) = shape(of: token) { id } else { nil }
    }

    /// Whether something of the shape of a token stands anywhere in a text, be it mistyped.
    public static func isHeld(by text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= length else { return false }
        return (0...(bytes.count - length)).contains { start in
            bytes[start] == scheme[0] && shape(of: bytes[start..<(start + length)]) != .other
        }
    }

    /// The part of a token that may be shown: `podstack_` and the id.
    public static func prefix(id: String) -> String { "podstack_" + id }

    public static func isID(_ text: String) -> Bool {
        text.utf8.count == idLength && text.utf8.allSatisfy(isIDDigit)
    }

    /// A new id, uniform over its alphabet.
    public static func makeID(using generator: inout some RandomNumberGenerator) -> String {
        String(decoding: draw(idLength, from: idDigits, using: &generator), as: UTF8.self)
    }

    /// A new token for `id`, its secret uniform over base 62. The generator must be the system's outside of tests.
    public static func makeToken(id: String, using generator: inout some RandomNumberGenerator) -> String {
        var bytes = scheme + Array(id.utf8) + [UInt8(ascii: "_")]
        bytes += draw(secretLength, from: Base62.digits, using: &generator)
        bytes += checksum(of: bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func checksum(of body: some Sequence<UInt8>) -> [UInt8] {
        Base62.encode(UInt64(CRC32.checksum(body)), width: checksumLength)
    }

    private static func isIDDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "i"), UInt8(ascii: "l"), UInt8(ascii: "o"), UInt8(ascii: "u"): false
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: false
        }
    }

    private static func draw(
        _ count: Int, from alphabet: [UInt8], using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        (0..<count).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] }
    }
}
