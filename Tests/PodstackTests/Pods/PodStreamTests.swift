import Foundation
import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

@Suite("Streams of pods", .blocking, .timeLimit(.perTest))
struct PodStreamTests {
    func client(_ url: String, timeout: Duration = .seconds(20)) throws -> Client {
        try Client(
            apiToken: "secret-token", apiEndpoint: url, retry: .none, timeout: timeout,
            environment: PodstackEnvironment([:]))
    }

    static let textHead =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"

    static func chunk(_ text: String) -> [UInt8] {
        Array("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n".utf8)
    }

    // MARK: - Logs

    @Test("lines arrive while the program runs, whatever the pieces")
    func following() async throws {
        let received = Atomic(0)
        let head = Mutex("")
        let server = try LoopbackListener { connection in
            head.withLock { $0 = String(decoding: connection.read(), as: UTF8.self) }
            connection.send(Array(Self.textHead.utf8))
            for (count, piece) in [(0, "one\ntw"), (1, "o\n"), (2, "\nthree\r\nfo"), (4, "ur")] {
                while received.load(ordering: .acquiring) < count { BoundedWait.sleep(.milliseconds(1)) }
                connection.send(Self.chunk(piece))
            }
            connection.send(Array("0\r\n\r\n".utf8))
        }
        var lines: [String] = []
        let client = try client("http://127.0.0.1:\(server.port)")
        for try await line in client.pods.logStream("pod_1", tail: 5) {
            lines.append(line)
            received.add(1, ordering: .releasing)
        }
        #expect(lines == ["one", "two", "", "three", "four"])
        let request = head.withLock { $0 }
        #expect(request.hasPrefix("GET /v1/pods/pod_1/logs?tail=5&follow=true HTTP/1.1\r\n"))
        #expect(
            request.contains("Authorization: Bearer secret-token\r\n") && request.contains("Accept: text/plain\r\n"))
    }

    @Test("the end of the loop, and the cancellation of its task, close the connection", arguments: [false, true])
    func ending(cancels: Bool) async throws {
        let isClosed = Atomic(false)
        let server = try LoopbackListener { connection in
            _ = connection.read()
            connection.send(Array(Self.textHead.utf8) + Self.chunk("one\ntwo\n"))
            isClosed.store(connection.read().isEmpty, ordering: .releasing)
        }
        let client = try client("http://127.0.0.1:\(server.port)")
        let hasLine = Atomic(false)
        let task = Task {
            var count = 0
            for try await _ in client.pods.logStream("pod_1") {
                count += 1
                hasLine.store(true, ordering: .releasing)
                if count == 2, !cancels { break }
            }
            return count
        }
        if cancels {
            try await eventually("a line arrives") { hasLine.load(ordering: .acquiring) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        } else {
            #expect(try await task.value == 2)
        }
        try await eventually("the connection is closed") { isClosed.load(ordering: .acquiring) }
    }

    @Test("a slow reader slows the pod down, and does not fill the memory")
    func backPressure() async throws {
        let sent = Atomic(0)
        let piece = String(repeating: "x", count: 65_535) + "\n"
        let server = try LoopbackListener { connection in
            _ = connection.read()
            connection.send(Array(Self.textHead.utf8))
            while sent.load(ordering: .relaxed) < 1000, connection.send(Self.chunk(piece)) {
                sent.add(1, ordering: .relaxed)
            }
            connection.send(Array("0\r\n\r\n".utf8))
        }
        var iterator = try client("http://127.0.0.1:\(server.port)").pods.logStream("pod_1").makeAsyncIterator()
        #expect(try await iterator.next()?.utf8.count == 65_535)
        var last = -1
        while last != sent.load(ordering: .relaxed) {
            last = sent.load(ordering: .relaxed)
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(last < 500)
        var lines = 1
        while try await iterator.next() != nil { lines += 1 }
        #expect(lines == 1000)
    }

    @Test("an error of the service, a page of a proxy and a broken connection are errors")
    func errors() async throws {
        let body = #"{"error": {"code": "not_found", "message": "No such pod", "details": {"resource_type": "pod"}}}"#
        let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"
        let server = try WireServer { request in
            switch request.target.split(separator: "/")[2].prefix(5) {
            case "pod_1": [.response(404, headers: "Content-Type: application/json\r\n", body)]
            case "pod_2": [.text(page)]
            default: [.text(Self.textHead), .send(Self.chunk("half\n")), .close]
            }
        }
        func read(_ id: String) async throws -> [String] {
            var lines: [String] = []
            for try await line in try client(server.url).pods.logStream(id) { lines.append(line) }
            return lines
        }
        let missing = await #expect(throws: ResourceNotFoundError.self) { try await read("pod_1") }
        #expect(missing?.resourceType == "pod")
        await #expect(throws: ServerError.self) { try await read("pod_2") }
        await #expect(throws: NetworkError.self) { try await read("pod_3") }
        await #expect(throws: ValidationError.self) { try await read("a/b") }
    }

    @Test("a transport of the program returns whole output, and cannot follow")
    func otherTransport() async throws {
        let text = ScriptedResponse.text("a\nb\n", headers: [HeaderField("Content-Type", "text/plain")])
        let client = try Client(
            apiToken: "test", environment: PodstackEnvironment([:]), transport: RecordingTransport(text))
        var lines: [String] = []
        for try await line in client.pods.logStream("pod_1", follow: false) { lines.append(line) }
        #expect(lines == ["a", "b"])
        await #expect(throws: ConfigurationError.self) {
            for try await _ in client.pods.logStream("pod_1") {}
        }
        #expect(!client.pods.hasSessions)
    }

    // MARK: - Files

    @Test("a directory is uploaded as it is read, with progress")
    func upload() async throws {
        let folder = try TarTests.tree()
        try TarTests.run("head -c 3000000 /dev/urandom >tree/big", in: folder)
        let received = Mutex((head: "", body: [UInt8]()))
        let server = try LoopbackListener { connection in
            var bytes: [UInt8] = []
            while !bytes.suffix(5).elementsEqual("0\r\n\r\n".utf8) {
                let more = connection.read()
                guard !more.isEmpty else { return }
                bytes += more
            }
            guard let end = bytes.firstRange(of: [13, 10, 13, 10]) else { return }
            var (rest, body) = (bytes[end.upperBound...], [UInt8]())
            while let line = rest.firstRange(of: [13, 10]) {
                let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16) ?? 0
                if size == 0 { break }
                body += rest[line.upperBound..<(line.upperBound + size)]
                rest = rest[(line.upperBound + size + 2)...]
            }
            received.withLock { $0 = (String(decoding: bytes[..<end.lowerBound], as: UTF8.self), body) }
            connection.send(Array("HTTP/1.1 204 No Content\r\n\r\n".utf8))
        }
        let steps = Mutex<[TransferProgress]>([])
        let summary = try await client("http://127.0.0.1:\(server.port)").pods.upload(
            "pod_1", from: folder.file("tree"), to: "/workspace/copy"
        ) { progress in steps.withLock { $0.append(progress) } }
        let (head, body) = received.withLock { $0 }
        #expect(head.hasPrefix("PUT /v1/pods/pod_1/files?path=%2Fworkspace HTTP/1.1\r\n"))
        #expect((head + "\r\n").contains("\r\nContent-Type: application/x-tar\r\n"))
        try TarTests.extract(body, to: folder.file("out"))
        try TarTests.run("diff -r --no-dereference tree out", in: folder)
        let last = try #require(steps.withLock { $0.last })
        #expect(last.completedBytes == summary.bytes && last.totalBytes == summary.bytes && summary.bytes > 3_000_000)
        #expect(steps.withLock { $0.count } > 5)
    }

    @Test("a directory is downloaded to a path or into a directory")
    func download() async throws {
        let folder = try TarTests.tree()
        try TarTests.run("tar -cf a.tar tree", in: folder)
        let archive = Array(try Data(contentsOf: URL(filePath: folder.file("a.tar"))))
        let server = try WireServer { _ in
            [
                .text(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nContent-Length: \(archive.count)\r\n\r\n"),
                .send(archive),
            ]
        }
        let client = try client(server.url)
        let summary = try await client.pods.download("pod_1", from: "/data/tree", to: folder.file("copy"))
        #expect(summary.skipped.isEmpty && summary.files == 4)
        #expect(server.requests.first?.target == "/v1/pods/pod_1/files?path=%2Fdata%2Ftree")
        #expect(server.requests.first?.values("Accept") == ["application/x-tar"])
        try TarTests.run("mkdir in", in: folder)
        try await client.pods.download("pod_1", from: "/data/tree", to: folder.file("in"))
        try TarTests.run("diff -r --no-dereference tree copy; diff -r --no-dereference tree in/tree", in: folder)
    }

    @Test("a local file that cannot be read or written, and a relative path in the pod, are errors")
    func fileErrors() async throws {
        let folder = try TemporaryDirectory()
        _ = try folder.write("x", to: "file")
        let server = try WireServer { _ in
            [.text("HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nContent-Length: 512\r\n\r\n"), .close]
        }
        let client = try client(server.url)
        for (from, to) in [(folder.file("missing"), "/w/"), (folder.file("file"), "relative"), ("", "/w/")] {
            await #expect(throws: PodFileError.self) { try await client.pods.upload("pod_1", from: from, to: to) }
        }
        await #expect(throws: PodFileError.self) {
            try await client.pods.download("pod_1", from: "relative", to: folder.file("copy"))
        }
        #expect(server.requests.isEmpty)
        await #expect(throws: NetworkError.self) {
            try await client.pods.download("pod_1", from: "/x", to: folder.file("copy"))
        }
    }

    // MARK: - Sessions

    @Test("a session carries frames in both directions")
    func session() async throws {
        let seen = Mutex<[ExecFrame]>([])
        let request = Mutex("")
        let server = try ExecServer { peer in
            request.withLock { $0 = peer.head + "\n" + peer.body }
            peer.send(.output, "$ ")
            while let frame = peer.next() {
                seen.withLock { $0.append(frame) }
                if frame.kind == .endOfInput { break }
            }
            peer.send(.errorOutput, "bye")
            peer.send(.exitCode, "3")
        }
        let session = try await client(server.url).pods.session("pod_1", ["sh"], terminal: (rows: 10, columns: 20))
        try session.send(ExecFrame(.input, text: "ls\n"))
        try session.send(ExecFrame(.resize, text: "5x6"))
        try session.send(ExecFrame(.endOfInput))
        var frames: [ExecFrame] = []
        while let frame = try session.next() { frames.append(frame) }
        #expect(
            frames == [
                ExecFrame(.output, text: "$ "), ExecFrame(.errorOutput, text: "bye"), ExecFrame(.exitCode, text: "3"),
            ])
        #expect(
            seen.withLock { $0 } == [
                ExecFrame(.input, text: "ls\n"), ExecFrame(.resize, text: "5x6"), ExecFrame(.endOfInput),
            ])
        let text = request.withLock { $0 }
        #expect(text.hasPrefix("POST /v1/pods/pod_1/exec HTTP/1.1\r\n"))
        #expect(text.hasSuffix(#"{"command":["sh"],"terminal":{"columns":20,"rows":10}}"#))
        #expect(text.contains("Authorization: Bearer secret-token\r\n"))
        session.close()
    }

    @Test("a refusal of a session has the fields of the error")
    func refusedSession() async throws {
        let body = """
            {"error": {"code": "conflict", "message": "The pod must be running", "request_id": "req_1", \
            "details": {"current_state": "stopped", "required_state": "running"}}}
            """
        let server = try WireServer { _ in [.response(409, headers: "Content-Type: application/json\r\n", body)] }
        let error = await #expect(throws: ConflictError.self) {
            try await client(server.url).pods.session("pod_1", ["sh"], terminal: nil)
        }
        #expect(error?.currentState == "stopped")
        let plain = try WireServer { _ in [.response(#"{"exit_code": 0}"#)] }
        await #expect(throws: ServerError.self) {
            try await client(plain.url).pods.session("pod_1", ["sh"], terminal: nil)
        }
    }
}
