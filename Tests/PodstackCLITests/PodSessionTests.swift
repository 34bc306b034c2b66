import Foundation
import Podstack
import PodstackAPI
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackCLI

/// Runs the real program with commands that a test plays.
@Suite("podstack pod exec and logs, as programs", .blocking, .timeLimit(.perTest))
struct PodSessionTests {
    static let id = "pod_00000000000000000001"

    func environment(_ url: String, _ home: TemporaryDirectory) -> [String: String] {
        ["PODSTACK_API_TOKEN": "secret-token", "PODSTACK_API_ENDPOINT": url, "HOME": home.path, "TERM": "xterm"]
    }

    func run(_ command: String, _ url: String) throws -> (status: Int32, output: String, error: String) {
        let home = try TemporaryDirectory()
        return try ToolProcess.run(
            "/bin/sh", ["-c", command.replacing("podstack", with: "\"$0\""), try ToolProcess.path(of: "podstack")],
            environment: environment(url, home))
    }

    /// Runs the program on a terminal of 24 rows and 80 columns.
    func terminal(_ words: [String], _ url: String, _ home: TemporaryDirectory) throws -> PseudoTerminal {
        let terminal = try PseudoTerminal(
            ToolProcess.path(of: "podstack"), words, environment: environment(url, home))
        return terminal
    }

    // MARK: - Without a terminal

    @Test(
        "the streams stay apart, bytes stay as they are, and the status is the program's", arguments: [0, 1, 42, 255])
    func streams(code: Int) throws {
        let request = Mutex("")
        let server = try ExecServer { peer in
            request.withLock { $0 = peer.body }
            peer.send(.output, "out\u{1B}[31m\u{7}\n")
            peer.send(ExecFrame(.output, [0xFF, 0xC3]).bytes)
            peer.send(ExecFrame(.output, [0xA4, 0x0A]).bytes)
            peer.send(.errorOutput, "error\n")
            peer.send(.exitCode, "\(code)")
        }
        let run = try run("podstack pod exec \(Self.id) ls -la | od -An -tx1 | tr -d ' \\n'", server.url)
        #expect(run.output == "6f75741b5b33316d070affc3a40a")
        #expect(run.error == "error\n")
        let plain = try self.run("podstack pod exec \(Self.id) ls -la >/dev/null", server.url)
        #expect(plain.status == Int32(code), "\(plain.error)")
        #expect(request.withLock { $0 } == #"{"command":["ls","-la"],"terminal":null}"#)
    }

    @Test("-i sends standard input and its end; without it, the input ends at once")
    func input() throws {
        let server = try ExecServer { peer in
            var count = 0
            while let frame = peer.next(), frame.kind == .input { count += frame.payload.count }
            peer.send(.output, "\(count)\n")
            peer.send(.exitCode, "0")
        }
        #expect(
            try run("head -c 3000000 /dev/zero | podstack pod exec -i \(Self.id) wc -c", server.url).output
                == "3000000\n")
        #expect(try run("head -c 3000000 /dev/zero | podstack pod exec \(Self.id) wc -c", server.url).output == "0\n")
    }

    @Test("a command that could not be run and a broken connection say so, with their own status")
    func failures() throws {
        let refusing = try ExecServer { $0.send(.failure, "the program x\u{1B} was not found in the image") }
        let refused = try run("podstack pod exec \(Self.id) x", refusing.url)
        #expect(refused.status == 1 && refused.error == "error: the program x? was not found in the image\n")
        let breaking = try ExecServer { peer in
            peer.send(.output, "half")
            peer.breakOff()
        }
        let broken = try run("podstack pod exec \(Self.id) x", breaking.url)
        #expect(
            broken.status == 6 && broken.output == "half" && broken.error.hasPrefix("error: The connection to the pod"))
        let talking = try ExecServer { $0.send(Array("HTTP/1.1 400 Bad Request\r\n".utf8)) }
        #expect(try run("podstack pod exec \(Self.id) x", talking.url).status == 6)
        let noTerminal = try run("podstack pod exec -it \(Self.id) sh </dev/null", refusing.url)
        #expect(noTerminal.status == 2 && noTerminal.error.contains("-t needs a terminal"))
    }

    // MARK: - With a terminal

    @Test("-it gives the program the terminal with its size and its keys, and restores it")
    func interactive() throws {
        let frames = Mutex<[ExecFrame]>([])
        let body = Mutex("")
        let server = try ExecServer { peer in
            body.withLock { $0 = peer.body }
            peer.send(.output, "\u{1B}]0;title\u{7}ready$ ")
            while let frame = peer.next() {
                frames.withLock { $0.append(frame) }
                if frame.payload == [4] { break }
            }
            peer.send(.output, "bye\r\n")
            peer.send(.exitCode, "7")
        }
        let home = try TemporaryDirectory()
        let terminal = try terminal(["pod", "exec", "-it", Self.id, "sh"], server.url, home)
        try terminal.wait(for: "ready$ ")
        // As it is: the title is the program's business.
        #expect(terminal.text.contains("\u{1B}]0;title\u{7}"))
        #expect(!terminal.echoes)
        terminal.resize(rows: 33, columns: 99)
        try blockUntil("the size arrives") { frames.withLock { $0.contains(ExecFrame(.resize, text: "33x99")) } }
        // Ctrl-C, Ctrl-Z and Ctrl-\ are keys of the program; Enter is a carriage return.
        terminal.type("a\u{3}\u{1A}\u{1C}\r")
        try blockUntil("the keys arrive") {
            frames.withLock { $0.filter { $0.kind == .input }.flatMap(\.payload) } == [97, 3, 26, 28, 13]
        }
        terminal.type("\u{4}")
        #expect(try terminal.wait() == 7)
        #expect(terminal.echoes)
        #expect(body.withLock { $0 }.hasPrefix(#"{"command":["sh"],"terminal":{"columns":"#))
    }

    @Test(
        "the terminal is restored after a signal, a broken connection and a failure",
        arguments: [SIGTERM, SIGHUP, SIGINT, 0, -1])
    func restored(ending: Int32) throws {
        let peers = Mutex<[ExecPeer]>([])
        let server = try ExecServer { peer in
            peers.withLock { $0.append(peer) }
            peer.send(.output, "ready$ ")
            while peer.next() != nil {}
        }
        let home = try TemporaryDirectory()
        let terminal = try terminal(["pod", "exec", "-it", Self.id, "sh"], server.url, home)
        try terminal.wait(for: "ready$ ")
        #expect(!terminal.echoes)
        let peer = try #require(peers.withLock { $0.first })
        switch ending {
        case 0: peer.breakOff()
        case -1: peer.send(.failure, "the pod is gone")
        default: terminal.signal(ending)
        }
        #expect(try terminal.wait() == (ending == 0 ? 6 : ending == -1 ? 1 : 128 + ending))
        try blockUntil("the terminal echoes") { terminal.echoes }
        if ending == -1 { #expect(terminal.text.contains("the pod is gone\r\n")) }
    }

    // MARK: - Logs

    @Test("logs --follow ends with 130 on Ctrl-C, and the pod cannot control the terminal")
    func follow() throws {
        let server = try LoopbackListener { connection in
            _ = connection.read()
            connection.send(
                Array(
                    ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
                        + "\u{1B}[31mred\u{1B}]0;title\u{7}\u{1B}[2Jtext").utf8))
            while !connection.read().isEmpty {}
        }
        let home = try TemporaryDirectory()
        let terminal = try terminal(
            ["pod", "logs", Self.id, "--follow"], "http://127.0.0.1:\(server.port)", home)
        try terminal.wait(for: "text")
        terminal.type("\u{3}")
        #expect(try terminal.wait() == 130)
        // The color does not stay.
        try terminal.wait(for: "\u{1B}[0m")
        #expect(terminal.text.hasPrefix("\u{1B}[31mredtext"))
        #expect(!terminal.text.contains("title"))
    }

    @Test("logs end when their reader has enough")
    func reader() throws {
        let server = try LoopbackListener { connection in
            _ = connection.read()
            connection.send(Array("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n".utf8))
            while connection.send(Array("line\n".utf8)) {}
        }
        let run = try run(
            "podstack pod logs \(Self.id) --follow 2>/dev/null | head -n 2", "http://127.0.0.1:\(server.port)")
        #expect(run.output == "line\nline\n")
    }
}
