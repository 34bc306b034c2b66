import Testing

@testable import PodstackAPI

@Suite("Frames of interactive commands", .timeLimit(.minutes(1)))
struct ExecFrameTests {
    @Test("a frame has a type, a length in big endian, and a payload")
    func format() {
        #expect(ExecFrame(.output, text: "hi").bytes == [1, 0, 0, 0, 2, 104, 105])
        #expect(ExecFrame(.endOfInput).bytes == [5, 0, 0, 0, 0])
        #expect(ExecFrame(.output, [UInt8](repeating: 0, count: 65536)).bytes.prefix(5) == [1, 0, 1, 0, 0])
        #expect(ExecFrame(.exitCode, text: "137").exitCode == 137 && ExecFrame(.output, text: "1").exitCode == nil)
        #expect(ExecFrame(.resize, text: "24x80").size.map { [$0.rows, $0.columns] } == [24, 80])
        for text in ["", "24", "24x", "0x80", "24x80x1", "24x99999", "axb"] {
            #expect(ExecFrame(.resize, text: text).size == nil, "\(text)")
        }
    }

    @Test("frames arrive in any pieces")
    func pieces() throws {
        let frames = [
            ExecFrame(.output, text: "one"), ExecFrame(.endOfInput), ExecFrame(.errorOutput, [UInt8](0...255)),
            ExecFrame(.exitCode, text: "0"),
        ]
        let bytes = frames.flatMap(\.bytes)
        for size in 1...bytes.count {
            var reader = ExecFrame.Reader()
            var found: [ExecFrame] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                reader.receive(bytes[start..<min(start + size, bytes.count)])
                while let frame = try reader.next() { found.append(frame) }
            }
            #expect(found == frames && !reader.isWithinFrame, "\(size)")
        }
    }

    @Test("an unknown type or a length beyond the limit is an error", arguments: [[7, 0, 0, 0, 0], [1, 0, 1, 0, 1]])
    func malformed(bytes: [UInt8]) {
        var reader = ExecFrame.Reader()
        reader.receive(bytes)
        #expect(throws: ExecFrame.Malformed.self) { try reader.next() }
    }
}
