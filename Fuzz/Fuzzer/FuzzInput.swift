/// Splits the bytes of one run into the parts that a target needs.
enum FuzzInput {
    /// The placeholder in an input for a token that must not be displayed.
    static let placeholder = Array("TOKEN".utf8)
    /// The placeholder for the same token, with every character as a JSON escape.
    static let escapedPlaceholder = Array("ESCAPED".utf8)

    /// A well-formed token that no service issued.
    static let token = "podstack_zab5rrb1_f46RfHk7hp3ILTgK2y3mH3UqtmaFCrvk0aQsAM"

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes), as: UTF8.self)
    }

    /// Replaces the placeholders by a token.
    static func inserting(_ token: String, in bytes: some Collection<UInt8>) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        let escaped = token.utf8.flatMap { byte in
            Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
        }
        return replacing(
            escapedPlaceholder, by: escaped, in: replacing(placeholder, by: Array(token.utf8), in: Array(bytes)))
    }

    static func hasPlaceholder(_ bytes: [UInt8]) -> Bool {
        contains(placeholder, in: bytes) || contains(escapedPlaceholder, in: bytes)
    }

    /// Returns the first lines, and the rest.
    static func lines(_ count: Int, of bytes: [UInt8]) -> (lines: [ArraySlice<UInt8>], rest: ArraySlice<UInt8>) {
        var rest = bytes[...]
        var lines: [ArraySlice<UInt8>] = []
        while lines.count < count {
            let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
            lines.append(rest[rest.startIndex..<end])
            rest = rest[min(end + 1, rest.endIndex)...]
        }
        return (lines, rest)
    }

    static func contains(_ piece: some Collection<UInt8>, in bytes: some Collection<UInt8>) -> Bool {
        !places(of: Array(piece), in: Array(bytes)).isEmpty
    }

    private static func replacing(_ piece: [UInt8], by other: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        var copied = 0
        for place in places(of: piece, in: bytes) {
            output += bytes[copied..<place] + other
            copied = place + piece.count
        }
        return output + bytes[copied...]
    }

    /// Returns the positions of a pattern, without overlap.
    private static func places(of piece: [UInt8], in bytes: [UInt8]) -> [Int] {
        var places: [Int] = []
        var index = 0
        while index + piece.count <= bytes.count {
            if bytes[index] == piece.first, bytes[index..<(index + piece.count)].elementsEqual(piece) {
                places.append(index)
                index += piece.count
            } else {
                index += 1
            }
        }
        return places
    }
}
