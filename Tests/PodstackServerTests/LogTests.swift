import Foundation
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("The lines of the log", .timeLimit(.perTest))
struct LogTests {
    private func object(_ line: [UInt8]) throws -> [String: Any] {
        #expect(line.last == UInt8(ascii: "\n") && !line.dropLast().contains(UInt8(ascii: "\n")))
        return try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
    }

    @Test("numbers are JSON numbers, and empty texts are left out")
    func numbers() throws {
        let line = Log.line(
            "e", level: "info", [LogField("n", 12), LogField("d", 1.23456), LogField("w", 3.0), LogField("t", "")])
        let text = String(decoding: line, as: UTF8.self)
        #expect(text.hasSuffix(#""level":"info","event":"e","n":12,"d":1.235,"w":3}"# + "\n"), "\(text)")
        #expect(try object(line).count == 6)
    }

    @Test(
        "a text of any kind is valid JSON, is cut at a character boundary, and cannot act on a terminal",
        arguments: [
            "\"\\\u{0}\u{1B}[31m\n\r\t\u{7F}\u{9B}", "\u{202E}abc\u{2066}\u{200B}\u{2028}\u{E0041}", "é👩‍👩‍👧‍👦日本",
            "e" + String(repeating: "\u{301}", count: 8000), String(repeating: "日", count: 5000),
            String(repeating: "👩‍👩‍👧‍👦", count: 500), String(repeating: "\u{0}", count: 5000),
        ])
    func texts(text: String) throws {
        let line = Log.line("e", level: "info", [LogField("t", text), LogField("after", 1)])
        #expect(line.count <= Log.maxLineBytes)
        #expect(line.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
        let raw = String(decoding: line, as: UTF8.self)
        for scalar in raw.unicodeScalars.dropLast() {
            #expect(![.control, .format, .lineSeparator].contains(scalar.properties.generalCategory))
        }
        let value = try #require(try object(line)["t"] as? String)
        #expect(try object(line)["after"] as? Int == 1)
        if text.utf8.count < 100 {
            #expect(value.unicodeScalars.elementsEqual(text.unicodeScalars))
        } else {
            #expect(value.hasSuffix("…") && Array(text).starts(with: Array(value.dropLast())))
            #expect(value.utf8.count <= Log.maxTextBytes + 3)
        }
    }

    @Test("a line with many long fields is cut to the limit, is valid JSON, and says so")
    func manyFields() throws {
        let long = String(repeating: "x", count: 3000)
        let line = Log.line("e", level: "info", (0..<50).map { LogField("f\($0)", long) })
        #expect(line.count <= Log.maxLineBytes)
        #expect(try object(line)["is_cut"] as? Bool == true)
        #expect(try object(line)["f0"] != nil)
    }

    @Test(
        "--log-requests chooses the requests",
        arguments: [
            (LoggedRequests.all, [true, true, true, true, true]), (.changes, [false, false, true, true, true]),
            (.errors, [false, true, false, true, true]),
        ])
    func choice(choice: LoggedRequests, expected: [Bool]) {
        let requests = [("GET", 200), ("GET", 404), ("POST", 201), ("POST", 400), ("GET", 503)]
        #expect(requests.map { choice.contains(method: $0.0, status: $0.1) } == expected)
    }

    @Test("equal lines of one source are summed up, and so are those of many sources")
    func limit() {
        let second = Atomic<Int64>(1)
        let lines = Mutex<[String]>([])
        let log = Log(limit: LogLimit { second.load(ordering: .relaxed) }) { line in
            lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        }
        func write(_ name: String) {
            log.write("request", level: "info", from: LogLimit.Source(kind: "401", name: name)) { [] }
        }
        func take() -> [String] {
            lines.withLock { taken in
                defer { taken = [] }
                return taken
            }
        }
        for _ in 0..<1000 { write("192.0.2.1") }
        write("192.0.2.2")
        #expect(take().count == LogLimit.linesPerSource + 1)
        log.writeSums()
        #expect(take() == [])
        second.store(2, ordering: .relaxed)
        write("192.0.2.1")
        let next = take()
        #expect(next.count == 2)
        #expect(next[0].contains(#""kind":"401","source":"192.0.2.1","lines":990}"#), "\(next)")
        for number in 0..<100_000 { write("2001:db8:\(number)") }
        #expect(take().count == LogLimit.lines - 1)
        second.store(3, ordering: .relaxed)
        log.writeSums()
        #expect(take().map { $0.contains(#""kind":"all","lines":99901}"#) } == [true])
        log.writeSums()
        #expect(take() == [])
    }
}

@Suite("The writer of the log", .blocking, .timeLimit(.perTest))
struct LogWriterTests {
    /// A destination that a test can stall.
    private final class Destination: Sendable {
        private let gate = Monitor((isOpen: true, bytes: [UInt8](), failures: 0))

        func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            gate.wait(60) { state in
                guard state.isOpen else { return nil }
                if state.failures > 0 {
                    state.failures -= 1
                    // A part of the line fits, as on a full disk.
                    let count = state.failures % 2 == 1 ? min(7, bytes.count) : -1
                    if count > 0 { state.bytes += bytes.prefix(count) }
                    return count
                }
                let count = min(1000, bytes.count)
                state.bytes += bytes.prefix(count)
                return count
            } ?? -1
        }

        func set(isOpen: Bool) { gate.change { $0.isOpen = isOpen } }
        func fail(_ count: Int) { gate.change { $0.failures = count } }
        var lines: [String] {
            gate.change { String(decoding: $0.bytes, as: UTF8.self) }.split(separator: "\n").map(String.init)
        }
    }

    @Test("lines of several threads are written whole, those of one thread in order")
    func order() {
        let destination = Destination()
        let writer = LogWriter(write: destination.write)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for number in 0..<500 { writer.add(Array("\(thread) \(number)\n".utf8)) }
        }
        #expect(writer.flush(seconds: 30))
        for thread in 0..<4 {
            let own = destination.lines.filter { $0.hasPrefix("\(thread) ") }
            #expect(own == (0..<500).map { "\(thread) \($0)" })
        }
        #expect(writer.dropped == 0 && destination.lines.count == 2000)
    }

    @Test("while the reader stalls no thread waits, and afterwards one line says how many lines are missing, and where")
    func stall() throws {
        let destination = Destination()
        let writer = LogWriter(capacity: 10_000, write: destination.write)
        destination.set(isOpen: false)
        for number in 0..<5000 { writer.add(Array("line \(number)\n".utf8)) }
        #expect(!writer.flush(seconds: 0.05))
        let dropped = writer.dropped
        #expect(dropped > 3000)
        destination.set(isOpen: true)
        #expect(writer.flush(seconds: 30))
        writer.add(Array("after\n".utf8))
        #expect(writer.flush(seconds: 30))
        let lines = destination.lines
        #expect(lines.prefix(5000 - dropped) == (0..<5000 - dropped).map { "line \($0)" }[...])
        #expect(lines.count == 5000 - dropped + 2 && lines.last == "after")
        #expect(lines[lines.count - 2].contains(#""event":"log_lines_dropped","lines":\#(dropped)}"#))
    }

    @Test("lines that cannot be written are counted, and the next line begins on a line of its own")
    func failure() {
        let destination = Destination()
        let writer = LogWriter(write: destination.write)
        destination.fail(2)
        writer.add(Array("lost line\n".utf8))
        #expect(writer.flush(seconds: 30))
        writer.add(Array("after\n".utf8))
        #expect(writer.flush(seconds: 30))
        #expect(writer.dropped == 1)
        let lines = destination.lines
        #expect(lines.first == "lost li" && lines.last == "after" && lines.count == 3)
        #expect(lines[1].contains(#""event":"log_lines_dropped","lines":1}"#))
    }
}
