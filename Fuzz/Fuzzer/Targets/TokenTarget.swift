import PodstackAPI

@testable import Podstack

/// The format of tokens, and redacting them in a text.
enum TokenTarget {
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    private static let idDigits = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    static func run(_ input: [UInt8]) {
        checkShape(input)
        checkMade(from: input)
        for secret in [FuzzInput.token, "hf_Zk8vQ2nRwT"] { checkRedaction(input, APIToken(secret), secret) }
        let printed = "\(APIToken(FuzzInput.text(input)))"
        require(printed.utf8.count <= 17 + 3, "only the prefix is printed")
    }

    private static func checkShape(_ bytes: [UInt8]) {
        switch TokenFormat.shape(of: bytes) {
        case .wellFormed(let id):
            require(isOurs(bytes) && checksum(bytes[..<50]) == Array(bytes[50...]), "well formed is our format")
            require(Array(id.utf8) == Array(bytes[9..<17]), "the id is the token's")
        case .wrongChecksum:
            require(isOurs(bytes) && checksum(bytes[..<50]) != Array(bytes[50...]), "only the checksum is wrong")
        case .other: require(!isOurs(bytes), "another shape is not ours")
        }
    }

    /// Checks that a token generated from the input's bytes is accepted, and rejected with any one digit changed.
    private static func checkMade(from input: [UInt8]) {
        guard input.count >= 41 else { return }
        var token = Array("podstack_".utf8) + input[..<8].map { idDigits[Int($0) % 32] } + [UInt8(ascii: "_")]
        token += input[8..<40].map { digits[Int($0) % 62] }
        token += checksum(token[...])
        require(TokenFormat.shape(of: token) == .wellFormed(id: FuzzInput.text(token[9..<17])), "a made token is taken")
        let place = Int(input[40]) % 56
        token[place] = token[place] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        if case .wellFormed = TokenFormat.shape(of: token) { require(false, "a changed token is not taken") }
    }

    private static func checkRedaction(_ input: [UInt8], _ token: APIToken, _ secret: String) {
        let text = FuzzInput.text(FuzzInput.inserting(secret, in: input))
        let redacted = TokenRedaction.redact(token, in: text)
        let bytes = Array(redacted.utf8)
        require(!FuzzInput.contains(secret.utf8, in: bytes), "the token is taken out")
        for start in bytes.indices.dropLast(55) where bytes[start] == UInt8(ascii: "p") {
            let isToken = TokenFormat.shape(of: bytes[start..<(start + 56)]) != .other
            require(!isToken, "no whole token of our format is left")
        }
        require(TokenRedaction.redact(token, in: redacted).utf8.elementsEqual(bytes), "once is enough")
        if text.utf8.elementsEqual(bytes) { return }
        // Parts of tokens, tokens whose characters are escaped, and damaged tokens that still begin with the name are taken
        // out too: all of them have one of these.
        let marks = Array("_%\\".utf8)
        let mayHaveOne =
            FuzzInput.contains(secret.utf8, in: text.utf8) || text.utf8.contains(where: marks.contains)
            || FuzzInput.contains("podstack".utf8, in: text.lowercased().utf8)
        require(mayHaveOne, "a text without a token stays as it is")
    }

    private static func isOurs(_ bytes: [UInt8]) -> Bool {
        bytes.count == 56 && FuzzInput.text(bytes[..<9]) == "podstack_" && bytes[9..<17].allSatisfy(idDigits.contains)
            && bytes[17] == UInt8(ascii: "_") && bytes[18...].allSatisfy(digits.contains)
    }

    /// Returns the CRC-32 in base 62, computed bit by bit.
    private static func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var sum = UInt32.max
        for byte in bytes {
            for bit in 0..<8 {
                let isSet = (sum ^ UInt32(byte >> bit)) & 1 == 1
                sum = isSet ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1
            }
        }
        var rest = ~sum
        var text: [UInt8] = []
        for _ in 0..<6 {
            text.insert(digits[Int(rest % 62)], at: 0)
            rest /= 62
        }
        return text
    }
}
