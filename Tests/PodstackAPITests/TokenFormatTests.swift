import PodstackAPI
import PodstackTestSupport
import Testing

@Suite("Token format", .blocking, .timeLimit(.minutes(10)))
struct TokenFormatTests {
    @Test("accepts every valid vector and returns its prefix")
    func validVectors() throws {
        for vector in try TokenVectors.load().valid {
            let id = try #require(TokenFormat.id(of: vector.token), "\(vector.prefix)")
            #expect(TokenFormat.prefix(id: id) == vector.prefix)
        }
    }

    @Test("rejects every invalid vector")
    func invalidVectors() throws {
        for vector in try TokenVectors.load().invalid {
            #expect(TokenFormat.id(of: vector.token) == nil, "\(vector.why)")
        }
    }

    @Test("distinguishes a wrong checksum from another form")
    func checksumAndShape() {
        #expect(TokenFormat.shape(of: "podstack_zab5rrb1_f46RfHk7hp3ILTgK2y3mH3UqtmaFCrvk0aQsAA") == .wrongChecksum)
        #expect(TokenFormat.shape(of: "hf_something") == .other)
    }

    @Test("generates 100,000 tokens without a duplicate, each position uniform over its alphabet")
    func generatedTokens() throws {
        var generator = SecureGenerator()
        let count = 100_000
        var seen: Set<String> = []
        var frequencies = [[Int]](repeating: [Int](repeating: 0, count: 128), count: TokenFormat.length)
        for _ in 0..<count {
            let token = TokenFormat.generateToken(id: TokenFormat.generateID(using: &generator), using: &generator)
            seen.insert(token)
            for (position, byte) in token.utf8.enumerated() { frequencies[position][Int(byte)] += 1 }
        }
        #expect(seen.count == count)
        for position in Array(9..<17) + Array(18..<50) {
            let size = position < 17 ? 32 : 62
            let expected = Double(count) / Double(size)
            let used = frequencies[position].filter { $0 > 0 }
            #expect(used.count == size)
            let chiSquared = used.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
            // Seven standard deviations: a fair generator fails once in more than ten million runs.
            let freedom = Double(size - 1)
            #expect(chiSquared < freedom + 7 * (2 * freedom).squareRoot(), "position \(position)")
        }
    }

    @Test("computes the CRC-32 that zlib computes")
    func crc() {
        #expect(CRC32.checksum("123456789".utf8) == 0xCBF4_3926)
        #expect(CRC32.checksum("".utf8) == 0)
    }

    @Test("a token that is too long, or whose ID has a character outside of its alphabet, has another shape")
    func otherShapes() {
        var generator = SecureGenerator()
        let token = TokenFormat.generateToken(id: "0123abcd", using: &generator)
        #expect(TokenFormat.id(of: token) == "0123abcd")
        #expect(TokenFormat.shape(of: token + "0") == .other)
        for id in ["0123abcu", "0123abci", "0123abcl", "0123abco", "0123abcD", "0123abc-"] {
            #expect(TokenFormat.shape(of: TokenFormat.generateToken(id: id, using: &generator)) == .other, "\(id)")
        }
    }
}
