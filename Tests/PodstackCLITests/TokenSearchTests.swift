import Podstack
import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackCLI

#if canImport(Glibc)
    import Glibc
#endif

@Suite("The search for tokens in bytes", .blocking, .timeLimit(.minutes(10)))
struct TokenSearchTests {
    struct Found: Hashable {
        var line: Int
        var column: Int
        var token: APIToken
    }

    /// Searches at every offset, one byte after the other.
    func naive(_ bytes: [UInt8]) -> [Found] {
        var found: [Found] = []
        var (line, column) = (1, 1)
        for index in bytes.indices {
            for stride in 1...2 where index + (TokenFormat.length - 1) * stride < bytes.count {
                let text = (0..<TokenFormat.length).map { bytes[index + $0 * stride] }
                let gaps = stride == 1 ? [] : (1..<TokenFormat.length).map { bytes[index + $0 * 2 - 1] }
                if gaps.allSatisfy({ $0 == 0 }), case .wellFormed = TokenFormat.shape(of: text) {
                    let token = APIToken(String(decoding: text, as: UTF8.self))
                    found.append(Found(line: line, column: column, token: token))
                }
            }
            (line, column) = bytes[index] == UInt8(ascii: "\n") ? (line + 1, 1) : (line, column + 1)
        }
        return found
    }

    /// Returns the findings of a scan in pieces of `size` bytes.
    func scan(_ bytes: [UInt8], size: Int) throws -> [Found] {
        let folder = try TemporaryDirectory()
        let path = folder.file("bytes")
        let written = open(path, O_CREAT | O_RDWR, 0o600)
        defer { close(written) }
        #expect(write(written, bytes, bytes.count) == bytes.count)
        #expect(lseek(written, 0, SEEK_SET) == 0)
        var found: [Found] = []
        var scan = StreamScan(size: size)
        var passed = 0
        try scan.run(
            ByteSource(descriptor: written), passed: { passed += $0 },
            found: { found.append(Found(line: $0, column: $1, token: $2)) })
        #expect(passed == bytes.count)
        return found
    }

    /// Generates tokens, near misses and parts of tokens, with one or two bytes per character.
    func generate(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...30, using: &generator) {
            var token = Array(
                TokenFormat.generateToken(id: TokenFormat.generateID(using: &generator), using: &generator).utf8)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: token[Int.random(in: token.indices, using: &generator)] &+= 1
            case 1: token.removeLast(Int.random(in: 1..<token.count, using: &generator))
            case 2: token.removeFirst(Int.random(in: 1..<token.count, using: &generator))
            case 3: token = (0..<80).map { _ in Array("podstack_\n\0".utf8).randomElement(using: &generator) ?? 0 }
            case 4: token = (0..<40).map { _ in UInt8.random(in: 0...255, using: &generator) }
            default: break
            }
            if Int.random(in: 0..<3, using: &generator) == 0 { token = token.flatMap { [$0, 0] } }
            if Int.random(in: 0..<20, using: &generator) == 0 { token[token.count / 2] &+= 1 }
            bytes += token
            bytes += (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                Array("\n\0 _px".utf8).randomElement(using: &generator) ?? 0
            }
        }
        return bytes
    }

    @Test(
        "it finds the same tokens as a search at every offset, whatever the size of the pieces",
        arguments: TestSeed.selected)
    func differential(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var total = 0
        for round in 0..<150 {
            let bytes = generate(&generator)
            let expected = naive(bytes)
            total += expected.count
            for size in [Int.random(in: 1...400, using: &generator), 256 << 10] {
                let found = try scan(bytes, size: size)
                #expect(found == expected, "round \(round) of seed \(seed), in pieces of \(size)")
            }
        }
        #expect(total > 500)
    }

    @Test("a token at any offset around the border of two pieces is found once")
    func borders() throws {
        let token = TestToken.generate(id: "00000000")
        for wide in [false, true] {
            let text = Array(token.utf8).flatMap { byte -> [UInt8] in wide ? [byte, 0] : [byte] }
            for before in 0...300 {
                let bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: before) + text + [0, 0]
                let found = try scan(bytes, size: 128)
                #expect(found == [Found(line: before + 1, column: 1, token: APIToken(token))], "\(before)")
            }
        }
    }

    @Test("every valid test vector is found, alone and in a row, and no invalid one")
    func vectors() throws {
        let vectors = try TokenVectors.load()
        let row = vectors.valid.map(\.token).joined()
        #expect(try scan(Array(row.utf8), size: 64).map(\.token) == vectors.valid.map { APIToken($0.token) })
        for vector in vectors.valid { #expect(try scan(Array(vector.token.utf8), size: 64).count == 1) }
        for vector in vectors.invalid {
            let alone = try scan(Array(vector.token.utf8), size: 64)
            // A valid token with other text before or after it is a leak too.
            let isHeld = vectors.valid.contains { vector.token.contains($0.token) }
            #expect(alone.isEmpty || isHeld || TokenFormat.isContained(in: vector.token), "\(vector.why)")
        }
    }

    @Test("lines and columns are counted correctly in pieces of any length")
    func counter() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<100 {
            let choice: [UInt8] = [UInt8(ascii: "\n"), 0, 0x0B, 0x8A, 0xFF]
            let bytes = (0..<Int.random(in: 0...5000, using: &generator)).map { _ -> UInt8 in
                choice.randomElement(using: &generator) ?? 0
            }
            var counter = LineCounter()
            bytes.withUnsafeBytes { raw in
                var start = 0
                while start < raw.count {
                    let end = min(raw.count, start + Int.random(in: 0...3000, using: &generator))
                    counter.pass(raw[start..<end])
                    start = end
                }
            }
            let lines: [ArraySlice<UInt8>] = bytes.split(
                separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            #expect(counter.line == lines.count)
            #expect(counter.column == (lines.last?.count ?? 0) + 1)
        }
    }
}
