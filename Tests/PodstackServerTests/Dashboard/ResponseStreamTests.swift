import Synchronization
import Testing

@testable import PodstackServer

@Suite("Response bodies that are written while they are sent", .timeLimit(.perTest))
struct ResponseStreamTests {
    private final class Counter: Sendable {
        private let value = Atomic<Int>(0)
        var count: Int { value.load(ordering: .relaxed) }
        func add() { value.add(1, ordering: .relaxed) }
    }

    func read(_ stream: ResponseStream, _ size: Int = 1 << 20) -> (text: String?, isSuspended: Bool) {
        var bytes = [UInt8](repeating: 0, count: size)
        var isSuspended = false
        let piece = bytes.withUnsafeMutableBytes { stream.read(into: $0) { isSuspended = true } }
        switch piece {
        case .bytes(let count): return (String(decoding: bytes[..<count], as: UTF8.self), isSuspended)
        case .nothing: return ("", isSuspended)
        case .end: return (nil, isSuspended)
        }
    }

    @Test("written bytes are read in pieces, followed by the end")
    func pieces() {
        let stream = ResponseStream(maxSeconds: 1, beginning: Array("abc".utf8))
        #expect(read(stream, 2).text == "ab")
        #expect(stream.write(Array("d".utf8)))
        #expect(read(stream).text == "cd")
        #expect(!stream.isDrained)
        #expect(read(stream) == ("", true))
        #expect(stream.isDrained)
        #expect(stream.write(Array("e".utf8)))
        #expect(!stream.isDrained)
        stream.end()
        #expect(!stream.write([1]))
        #expect(read(stream) == ("e", false))
        #expect(read(stream) == (nil, false))
    }

    @Test("writing to a slow client is limited, and its connection can be closed")
    func slow() {
        let stream = ResponseStream(maxSeconds: 1, beginning: [])
        var written = 0
        while written < 1000, stream.write([UInt8](repeating: 0, count: 1000)) { written += 1 }
        #expect((64..<70).contains(written))
        stream.cut()
        #expect(read(stream).text == nil)
    }

    @Test("a suspended connection is resumed once, and not after it is closed")
    func resuming() {
        let stream = ResponseStream(maxSeconds: 1, beginning: [])
        let resumed = Counter()
        stream.begin(on: .init(resume: { resumed.add() }, close: {}, isClientGone: { true }))
        stream.write([1])
        #expect(resumed.count == 0)
        _ = read(stream)
        #expect(!stream.isClientGone)
        _ = read(stream)
        #expect(stream.isClientGone)
        stream.write([1])
        stream.write([1])
        #expect(resumed.count == 1)
        _ = read(stream)
        _ = read(stream)
        stream.released()
        stream.end()
        stream.cut()
        #expect(resumed.count == 1)
        #expect(stream.isOver)
    }

    @Test("a stream that is written on demand asks for the next part when everything is read, and ends with the last")
    func onDemand() {
        let requests = Counter()
        let stream = ResponseStream(maxSeconds: 1, beginning: Array("ab".utf8)) { _ in requests.add() }
        #expect(!stream.isLive)
        #expect(read(stream, 1).text == "a" && read(stream).text == "b")
        #expect(requests.count == 0)
        #expect(read(stream) == ("", true))
        #expect(requests.count == 1)
        #expect(stream.write(Array("c".utf8)))
        #expect(read(stream).text == "c" && read(stream) == ("", true))
        #expect(requests.count == 2)
        stream.end(with: Array("d".utf8))
        #expect(read(stream).text == "d" && read(stream) == (nil, false))
        #expect(requests.count == 2)
    }

    @Test("while the listener stops, live streams end at once, and the others when they are cut")
    func stopping() {
        let streams = OpenStreams()
        let early = ResponseStream(maxSeconds: 1, beginning: [])
        let late = ResponseStream(maxSeconds: 1, beginning: [])
        let file = ResponseStream(maxSeconds: 1, beginning: []) { _ in }
        streams.add(early)
        streams.add(file)
        streams.endLive()
        streams.add(late)
        #expect(early.isOver && late.isOver && !file.isOver)
        streams.cutAll()
        #expect(file.isOver)
        streams.remove(early)
        #expect(streams.count == 2)
    }
}
