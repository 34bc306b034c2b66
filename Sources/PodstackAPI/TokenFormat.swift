// MARK: - Tokens

/// The format of the tokens that podstack-server issues.
///
/// A token is 56 bytes of ASCII: `podstack_`, an ID of 8 lowercase Crockford base32 characters, `_`, a secret of 32 base62
/// characters, and a checksum of 6 base62 characters. The checksum is the CRC-32 of the 50 bytes before it.
package enum TokenFormat {
    /// The length of a token in bytes.
    package static let length = 56
    /// The length of an ID in bytes.
    package static let idLength = 8
    static let secretLength = 32
    static let checksumLength = 6
    package static let scheme = Array("podstack_".utf8)
    static let idDigits = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// The result of checking a credential's form.
    package enum Shape: Sendable, Equatable {
        /// A token with a correct checksum.
        case wellFormed(id: String)
        /// A token with a wrong checksum: mistyped, cut or invented.
        case wrongChecksum
        /// Any other text.
        case other
    }

    /// Returns the form of a credential.
    package static func shape(of token: some Collection<UInt8>) -> Shape {
        let bytes = Array(token)
        guard bytes.count == length, bytes.starts(with: scheme), bytes[17] == UInt8(ascii: "_") else { return .other }
        let id = bytes[9..<17]
        guard id.allSatisfy(isIDDigit), bytes[18...].allSatisfy(Base62.isDigit) else { return .other }
        let body = bytes[..<(length - checksumLength)]
        guard bytes[(length - checksumLength)...].elementsEqual(checksum(of: body)) else { return .wrongChecksum }
        return .wellFormed(id: String(decoding: id, as: UTF8.self))
    }

    /// Returns the form of a credential.
    package static func shape(of token: String) -> Shape { shape(of: token.utf8) }

    /// Returns the ID of a well-formed token; nil for any other text.
    package static func id(of token: String) -> String? {
        if case .wellFormed(let id) = shape(of: token) { id } else { nil }
    }

    /// Returns whether a text contains a token anywhere, with a correct or a wrong checksum.
    package static func isContained(in text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= length else { return false }
        return (0...(bytes.count - length)).contains { start in
            bytes[start] == scheme[0] && shape(of: bytes[start..<(start + length)]) != .other
        }
    }

    /// Returns the part of a token that may be displayed: `podstack_` and the ID.
    package static func prefix(id: String) -> String { "podstack_" + id }

    /// Returns whether a text has the form of an ID.
    package static func isID(_ text: String) -> Bool {
        text.utf8.count == idLength && text.utf8.allSatisfy(isIDDigit)
    }

    /// Returns the reason why a text is not an ID, as a sentence about the ID; nil when it is one.
    package static func problem(ofID text: String) -> String? {
        guard !isID(text) else { return nil }
        guard text.utf8.count == idLength else {
            return "it has \(idLength) characters, as in abc12345 or podstack_abc12345"
        }
        let letter = text.first { !$0.utf8.allSatisfy(isIDDigit) }.map { "\"\($0)\"" } ?? "another character"
        return "it contains \(letter), but an ID consists of digits and lower-case letters other than i, l, o and u"
    }

    /// Generates an ID, uniform over its alphabet.
    package static func generateID(using generator: inout some RandomNumberGenerator) -> String {
        String(decoding: generate(idLength, from: idDigits, using: &generator), as: UTF8.self)
    }

    /// Generates a token for an ID, with a secret that is uniform over base62.
    ///
    /// - Parameters:
    ///   - id: The token's ID.
    ///   - generator: The random numbers; outside of tests, those of ``SecureGenerator``.
    /// - Returns: The whole token.
    package static func generateToken(id: String, using generator: inout some RandomNumberGenerator) -> String {
        var bytes = scheme + Array(id.utf8) + [UInt8(ascii: "_")]
        bytes += generate(secretLength, from: Base62.digits, using: &generator)
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

    private static func generate(
        _ count: Int, from alphabet: [UInt8], using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        (0..<count).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] }
    }
}

// MARK: - Encoding and checksum

/// Base 62 with the digits `0-9A-Za-z`, most significant first.
package enum Base62 {
    package static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// Returns a number in exactly `width` digits: padded with `0`, or without the most significant digits.
    package static func encode(_ value: UInt64, width: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: width) { text, count in
            write(value, to: UnsafeMutableBufferPointer(rebasing: text[..<width]))
            count = width
        }
    }

    /// Writes the digits of a number, padded with zeros, into a buffer of their width.
    package static func write(_ value: UInt64, to text: UnsafeMutableBufferPointer<UInt8>) {
        var rest = value
        for index in text.indices.reversed() {
            text[index] = digits[Int(rest % 62)]
            rest /= 62
        }
    }

    /// Returns whether a byte is one of the digits.
    package static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}

/// The CRC-32 of IEEE 802.3, as zlib computes it.
package enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1
        }
    }

    /// Returns the checksum of some bytes.
    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let table = self.table
        return ~bytes.reduce(UInt32.max) { value, byte in
            table[Int((value ^ UInt32(byte)) & 0xFF)] ^ (value >> 8)
        }
    }
}

// MARK: - Random numbers

/// The system's cryptographically secure random number generator.
///
/// Unlike the standard library's, it is a value with a size. The thread sanitizer reads at the address of an `inout`
/// argument, and a value without a size has none.
package struct SecureGenerator: RandomNumberGenerator, Sendable {
    private var count: UInt64 = 0

    package init() {}

    /// Returns the next random number.
    package mutating func next() -> UInt64 {
        count &+= 1
        return UInt64.random(in: .min ... .max)
    }
}
