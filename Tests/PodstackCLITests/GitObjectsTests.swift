import PodstackTestSupport
import Testing

@testable import PodstackCLI

@Suite("The output of git cat-file --batch", .timeLimit(.perTest))
struct GitObjectsTests {
    /// Returns a source of bytes that arrive in pieces of random sizes.
    func source(_ bytes: [UInt8], _ generator: SeededGenerator) -> ByteSource {
        var (rest, generator) = (bytes[...], generator)
        return ByteSource { space in
            let count = min(rest.count, space.count, Int.random(in: 1...40, using: &generator))
            space.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
    }

    @Test("objects of all sizes are read, in memory or piece by piece, or skipped", arguments: TestSeed.selected)
    func objects(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let contents = (0..<300).map { _ in
            (0..<Int.random(in: 0...200, using: &generator)).map { _ in UInt8.random(in: 0...12, using: &generator) }
        }
        var bytes: [UInt8] = []
        for (index, content) in contents.enumerated() {
            bytes += Array("\(index) blob \(content.count)\n".utf8) + content + [UInt8(ascii: "\n")]
            if index % 7 == 0 { bytes += Array("x\(index) missing\n".utf8) }
        }
        let objects = GitObjects(source(bytes, generator), size: 100)
        var isSkipped = 0
        for (index, content) in contents.enumerated() {
            let header = try #require(try objects.next())
            #expect(header.id == "\(index)" && header.type == "blob" && header.size == content.count)
            let whole = try objects.withContent(of: header) { Array($0) }
            #expect((whole == nil) == (content.count > 100))
            #expect(whole == nil || whole == content)
            if index % 3 == 0 {
                let source = objects.content()
                var read: [UInt8] = []
                while case let more = try source.next(), !more.isEmpty { read += more }
                #expect(read == content)
            } else {
                isSkipped += 1
            }
            if index % 7 == 0 { #expect(try objects.next()?.type == "missing") }
        }
        #expect(try objects.next()?.id == nil)
        #expect(isSkipped == 200)
    }

    @Test("output that ends early is a failure", arguments: ["1 blob 5\nab", "1 blob", "1 blob x\n", "1 blob 2\nab"])
    func cut(text: String) throws {
        let objects = GitObjects(source(Array(text.utf8), SeededGenerator(seed: 1)))
        #expect(throws: ReadFailure.self) {
            while let header = try objects.next() { _ = try objects.withContent(of: header) { $0.count } }
        }
    }
}
