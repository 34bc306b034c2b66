import PodstackTestSupport
import PodstackTransport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("The output, commands and files of a pod", .blocking, .needsEngine, .timeLimit(.perTest))
struct EngineDataTests {
    let bench: EngineBench
    var engine: any PodEngine { bench.engine }

    init() throws { bench = try EngineBench() }

    // MARK: - Output

    @Test("shows both streams of the output, a part of it, and its times")
    func logs() throws {
        let podID = try bench.run("for i in 1 2 3 4 5; do echo out$i; sleep 0.02; echo err$i >&2; sleep 0.02; done")
        let end = try bench.end(of: podID)
        var streams: [EngineStream: String] = [:]
        try engine.logs(podID, EngineLogSelection(), EngineCancellation()) { stream, bytes in
            streams[stream, default: ""] += String(decoding: bytes, as: UTF8.self)
            return true
        }
        #expect(streams[.output] == "out1\nout2\nout3\nout4\nout5\n")
        #expect(streams[.error] == "err1\nerr2\nerr3\nerr4\nerr5\n")
        // The engine receives the streams separately, so their order may differ from that of the program.
        let lines = Set((1...5).flatMap { ["out\($0)", "err\($0)"] }.map { Substring($0) })
        let tail = try bench.logs(podID) { $0.tail = 3 }.split(separator: "\n")
        #expect(tail.count == 3)
        #expect(lines.isSuperset(of: tail) && !tail.contains("out1"))
        #expect(try bench.logs(podID) { $0.tail = 0 } == "")
        #expect(try bench.logs(podID) { $0.since = end.finishedAt.map { $0 + 1000 } } == "")
        let start = end.startedAt.map { $0 - 1000 }
        for late in [253_402_300_799_000, Int64.max] { #expect(try bench.logs(podID) { $0.since = late } == "") }
        #expect(try Set(bench.logs(podID) { $0.since = start }.split(separator: "\n")) == lines)
        let line = try #require(try bench.logs(podID) { $0.hasTimes = true }.split(separator: "\n").first)
        let time = try #require(DockerTime.milliseconds(String(line.prefix { $0 != " " })))
        #expect(try #require(end.startedAt) - 1000...#require(end.finishedAt) + 1000 ~= time)
        #expect(lines.contains { line.hasSuffix(" \($0)") })
        // A pod that follows ends with the program, which has ended.
        #expect(try Set(bench.logs(podID) { $0.follows = true }.split(separator: "\n")) == lines)
    }

    @Test("passes on output while the program runs, until it ends")
    func following() throws {
        let podID = try bench.run("echo one; while [ ! -e /tmp/go ]; do sleep 0.02; done; echo two")
        var text = ""
        try engine.logs(podID, EngineLogSelection(follows: true), EngineCancellation()) { _, bytes in
            text += String(decoding: bytes, as: UTF8.self)
            if text == "one\n" { try bench.exec(podID, "touch", "/tmp/go") }
            return true
        }
        #expect(text == "one\ntwo\n")
    }

    @Test("stops following when it is canceled or the receiver wants no more")
    func endOfFollowing() throws {
        let podID = try bench.run("echo one; exec sleep 600")
        let cancellation = EngineCancellation()
        let failure = engineFailure {
            try engine.logs(podID, EngineLogSelection(follows: true), cancellation) { _, _ in
                BlockingThread.start {
                    BoundedWait.sleep(.milliseconds(100))
                    cancellation.cancel()
                }
                return true
            }
        }
        #expect(failure?.kind == .canceled)
        try engine.logs(podID, EngineLogSelection(follows: true), EngineCancellation()) { _, _ in false }
    }

    @Test("passes on every byte of a large output")
    func largeOutput() throws {
        let podID = try bench.run("seq 1 300000")
        _ = try bench.end(of: podID)
        var count = 0
        var hash: UInt64 = 0
        try engine.logs(podID, EngineLogSelection(), EngineCancellation()) { _, bytes in
            for byte in bytes { hash = (hash &* 31) &+ UInt64(byte) }
            count += bytes.count
            return true
        }
        var expected: UInt64 = 0
        var length = 0
        for number in 1...300_000 {
            for byte in "\(number)\n".utf8 {
                expected = (expected &* 31) &+ UInt64(byte)
                length += 1
            }
        }
        #expect(count == length)
        #expect(hash == expected)
    }

    @Test("has no output of a pod that does not exist or has not run")
    func noOutput() throws {
        #expect(engineFailure { _ = try bench.logs("pod_none") }?.kind == .notFound)
        let specification = bench.specification()
        try engine.ensure(specification) { _ in }
        #expect(try bench.logs(specification.podID) == "")
    }

    // MARK: - Commands

    @Test("runs a command and returns its exit code and both streams of its output")
    func exec() throws {
        let podID = try bench.run()
        #expect(try bench.exec(podID, "sh", "-c", "echo out; echo err >&2; exit 5") == (5, "out\n", "err\n"))
        #expect(try bench.exec(podID, "printf", "%s|", "a b", "", "ü'\"$") == (0, "a b||ü'\"$|", ""))
        let large = try bench.exec(podID, "seq", "1", "100000")
        #expect(large.code == 0)
        #expect(large.output.utf8.count == 588_895)
        #expect(large.output.hasSuffix("\n100000\n"))
        let missing = try bench.exec(podID, "nosuchprogram")
        #expect([126, 127].contains(missing.code))
        #expect((missing.output + missing.error).contains("nosuchprogram"))
    }

    @Test("returns the exit code of a command whose output is not wanted")
    func unwantedOutput() throws {
        let podID = try bench.run()
        var calls = 0
        let code = try engine.exec(podID, ["sh", "-c", "seq 1 500000; exit 3"], EngineCancellation()) { _, _ in
            calls += 1
            return false
        }
        #expect(code == 3)
        #expect(calls == 1)
    }

    @Test("refuses a command in a pod that does not run or exist, and stops waiting when it is canceled")
    func refusedCommands() throws {
        let podID = try bench.run("exit 0")
        _ = try bench.end(of: podID)
        #expect(engineFailure { try bench.exec(podID, "true") }?.kind == .conflict)
        #expect(engineFailure { try bench.exec("pod_none", "true") }?.kind == .notFound)
        #expect(engineFailure { _ = try engine.attach(podID, ["sh"], terminal: nil) }?.kind == .conflict)
        let running = try bench.run()
        let cancellation = EngineCancellation()
        let failure = engineFailure {
            _ = try engine.exec(running, ["sh", "-c", "echo go; sleep 600"], cancellation) { _, _ in
                cancellation.cancel()
                return true
            }
        }
        #expect(failure?.kind == .canceled)
    }

    /// Reads the output of a session to its end.
    private func output(of session: any EngineSession) throws -> [EngineStream: String] {
        var text: [EngineStream: [UInt8]] = [:]
        while let (stream, bytes) = try session.read() { text[stream, default: []] += bytes }
        return text.mapValues { String(decoding: $0, as: UTF8.self) }
    }

    @Test("connects to a command with pipes, whose input ends")
    func pipes() throws {
        let podID = try bench.run()
        let session = try engine.attach(podID, ["sh", "-c", "cat; echo end >&2; exit 9"], terminal: nil)
        let text = String(repeating: "0123456789abcdef\n", count: 60_000)
        BlockingThread.start {
            try? session.write(Array(text.utf8))
            try? session.closeInput()
        }
        let output = try output(of: session)
        #expect(output[.output] == text)
        #expect(output[.error] == "end\n")
        #expect(try session.exitCode() == 9)
    }

    @Test("connects to a command with a terminal, whose size can change")
    func terminal() throws {
        let podID = try bench.run()
        let session = try engine.attach(podID, ["sh"], terminal: EngineTerminalSize(rows: 33, columns: 101))
        var text = ""
        func expect(_ part: String) throws {
            while !text.contains(part) {
                guard let (stream, bytes) = try session.read() else { break }
                #expect(stream == .output)
                text += String(decoding: bytes, as: UTF8.self)
            }
            #expect(text.contains(part))
        }
        try session.write(Array("echo size $(stty size); tty\n".utf8))
        try expect("size 33 101\r\n")
        try expect("/dev/pts/")
        try session.resize(EngineTerminalSize(rows: 44, columns: 120))
        try session.write(Array("echo size $(stty size); exit 6\n".utf8))
        try expect("size 44 120\r\n")
        while try session.read() != nil {}
        #expect(try session.exitCode() == 6)
    }

    @Test("ends the input of a command with a terminal")
    func endOfTerminalInput() throws {
        let podID = try bench.run()
        let session = try engine.attach(podID, ["cat"], terminal: EngineTerminalSize(rows: 24, columns: 80))
        try session.write(Array("hello\n".utf8))
        try session.closeInput()
        #expect(try output(of: session)[.output]?.hasSuffix("hello\r\n") == true)
        #expect(try session.exitCode() == 0)
    }

    @Test("ends the reading of a session that another thread closes")
    func closing() throws {
        let podID = try bench.run()
        let session = try engine.attach(podID, ["cat"], terminal: nil)
        BlockingThread.start {
            BoundedWait.sleep(.milliseconds(100))
            session.close()
        }
        #expect(try session.read() == nil)
        #expect(throws: EngineFailure.self) { try session.write([1]) }
        // Its input has ended, so the command does too.
        try blockUntil("the end of the command") {
            try !bench.shell(podID, "pidof cat || echo none").contains(where: \.isNumber)
        }
    }

    // MARK: - Files

    @Test("copies an archive into a pod and back, also while it is stopped")
    func files() throws {
        let podID = try bench.run()
        let folder = try TemporaryDirectory()
        let content = String(repeating: "a line of the file\n", count: 600_000)
        _ = try folder.write(content, to: "big.txt")
        _ = try ToolProcess.run("/bin/tar", ["-C", folder.path, "-cf", folder.file("up.tar"), "big.txt"])
        let archive = Array(try #require(folder.read("up.tar")).utf8)
        var offset = 0
        try engine.upload(podID, path: "/tmp") {
            defer { offset = min(archive.count, offset + 100_000) }
            return Array(archive[offset..<min(archive.count, offset + 100_000)])
        }
        #expect(try bench.shell(podID, "wc -c < /tmp/big.txt") == "\(content.utf8.count)\n")
        try engine.stop(podID, graceSeconds: 0)
        var received: [UInt8] = []
        try engine.download(podID, path: "/tmp/big.txt", EngineCancellation()) { bytes in
            received += bytes
            return true
        }
        try TemporaryDirectory.replace(folder.file("down.tar"), withBytes: received)
        let listed = try ToolProcess.run("/bin/tar", ["-C", folder.path, "-xOf", folder.file("down.tar"), "big.txt"])
        #expect(listed.output == content)
    }

    @Test("reports paths that do not exist, and the end of a source")
    func missingFiles() throws {
        struct Unreadable: Error {}
        let podID = try bench.run()
        let ignore: (UnsafeRawBufferPointer) -> Bool = { _ in true }
        #expect(
            engineFailure { try engine.download(podID, path: "/nosuch", EngineCancellation(), receive: ignore) }?.kind
                == .notFound)
        #expect(
            engineFailure { try engine.download("pod_none", path: "/", EngineCancellation(), receive: ignore) }?.kind
                == .notFound)
        // The engine names where it keeps the file.
        let throughFile = engineFailure {
            try engine.download(podID, path: "/bin/busybox/", EngineCancellation(), receive: ignore)
        }
        #expect(throughFile?.kind == .notFound)
        #expect(throughFile?.reason.contains("overlay2") == false)
        #expect(engineFailure { try engine.upload(podID, path: "/nosuch") { [] } }?.kind == .notFound)
        #expect(engineFailure { try engine.upload(podID, path: "/bin/busybox") { [] } }?.kind == .refused)
        #expect(throws: Unreadable.self) { try engine.upload(podID, path: "/tmp") { throw Unreadable() } }
        // A damaged archive is not an empty one.
        var isSent = false
        let failure = engineFailure {
            try engine.upload(podID, path: "/tmp") {
                defer { isSent = true }
                return isSent ? [] : [UInt8](repeating: 0x41, count: 2048)
            }
        }
        #expect(failure != nil)
    }

    @Test("puts secret files into a pod, where only the pod sees them, also after another start")
    func secretFiles() throws {
        let secret = "the secret \(bench.instance)"
        let podID = try bench.run("cat $FILE; id -u") {
            $0.environment = [("FILE", "/run/podstack/token")]
            $0.secretFiles = [.init(path: "/run/podstack/token", content: Array(secret.utf8))]
        }
        _ = try bench.end(of: podID)
        #expect(try bench.logs(podID) == secret + "0\n")
        try engine.start(podID)
        _ = try bench.end(of: podID)
        #expect(try bench.logs(podID) == secret + "0\n" + secret + "0\n")
        #expect(try !bench.ask("GET", "/containers/\(podID)/json").contains(secret))
        #expect(try !bench.ask("GET", "/images/podstack-test:1/json").contains(secret))
        let other = try bench.run("ls /run/podstack")
        _ = try bench.end(of: other)
        #expect(try bench.logs(other).contains("No such file"))
    }

    // MARK: - Use of resources

    @Test("measures the use of a running pod, whose limits hold")
    func statistics() throws {
        let podID = try bench.run("head -c 20m /dev/zero > /dev/shm/x; while :; do :; done") { $0.cpuMillicores = 200 }
        // The first moments of a pod may use more than its share.
        try blockUntil(within: .seconds(30), "a use of a fifth of a processor") {
            let statistics = try engine.statistics(podID)
            return (10...30).contains(statistics.cpuPercent) && statistics.memoryBytes > 20 << 20
        }
        let statistics = try engine.statistics(podID)
        #expect(statistics.memoryLimitBytes == 64 << 20)
        #expect(statistics.memoryBytes < 64 << 20)
        try engine.stop(podID, graceSeconds: 0)
        #expect(engineFailure { _ = try engine.statistics(podID) }?.kind == .conflict)
        #expect(engineFailure { _ = try engine.statistics("pod_none") }?.kind == .notFound)
    }

    @Test("limits the number of processes")
    func processes() throws {
        let podID = try bench.run { $0.maxProcesses = 20 }
        let text = try bench.shell(podID, "for i in $(seq 40); do sleep 60 & done; jobs | wc -l")
        #expect(text.contains("can't fork"))
    }
}
