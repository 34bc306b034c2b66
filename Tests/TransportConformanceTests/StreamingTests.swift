import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackTransport

@Suite("A streaming transport", .blocking, .timeLimit(.perTest))
struct StreamingTests {
    private let transport = StreamingTransport(options: ConnectionOptions())

    /// The parts that a receiver got, as text.
    private final class Parts: Sendable {
        private let parts = Mutex<[String]>([])
        var all: [String] { parts.withLock { $0 } }
        func add(_ bytes: UnsafeRawBufferPointer) {
            parts.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
        }
    }

    private final class Count: Sendable {
        let value = Atomic(0)
    }

    @Test("passes on the head before the body, and each part when it arrives")
    func parts() throws {
        let proceed = Count()
        let server = try LoopbackListener { connection in
            _ = connection.read()
            connection.send(Array("HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n".utf8))
            for (number, part) in ["one", "two"].enumerated() {
                while proceed.value.load(ordering: .acquiring) <= number { BoundedWait.sleep(.milliseconds(1)) }
                connection.send(Array(part.utf8))
            }
        }
        let parts = Parts()
        let head = try transport.send(StreamedRequest("GET", "http://127.0.0.1:\(server.port)/")) { head, bytes in
            #expect(head.header("x-a") == "b")
            parts.add(bytes)
            // The server sends the next part only after this one has been received.
            proceed.value.add(1, ordering: .releasing)
            return true
        }
        #expect(head.status == 200)
        #expect(parts.all == ["", "one", "two"])
    }

    @Test("uses a connection again, also after a refusal")
    func reuse() throws {
        let server = try WireServer { $0.target == "/no" ? [.response(404, "gone")] : [.response("fine")] }
        for target in ["/", "/no", "/", "/no"] {
            let response = try transport.response(to: StreamedRequest("POST", server.url + target))
            #expect(response.status == (target == "/no" ? 404 : 200))
            #expect(String(decoding: response.body, as: UTF8.self) == (target == "/no" ? "gone" : "fine"))
        }
        #expect(server.connections == 1)
    }

    @Test("does not read while the receiver works")
    func backPressure() throws {
        let sent = Count()
        let total = 64 << 20
        let server = try LoopbackListener { connection in
            _ = connection.read()
            connection.send(Array("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n".utf8))
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            while connection.send(piece) {
                if sent.value.add(piece.count, ordering: .relaxed).newValue == total { return }
            }
        }
        var received = 0
        var atRest = 0
        try transport.send(StreamedRequest("GET", "http://127.0.0.1:\(server.port)/")) { _, bytes in
            received += bytes.count
            if atRest == 0, received > 0 {
                // The number stops growing once the buffers of the system are full.
                var last = -1
                while last != sent.value.load(ordering: .relaxed) {
                    last = sent.value.load(ordering: .relaxed)
                    BoundedWait.sleep(.milliseconds(200))
                }
                atRest = last
            }
            return true
        }
        #expect(received == total)
        #expect(atRest < total / 2)
    }

    @Test("ends at once when it is canceled in a silence, and does not begin if it already is")
    func cancellation() throws {
        let server = try ScriptedServer { _ in nil }
        let cancellation = StreamCancellation()
        let request = StreamedRequest("GET", "http://127.0.0.1:\(server.port)/")
        let canceledAt = Mutex(ContinuousClock.now)
        BlockingThread.start {
            while server.received.isEmpty { BoundedWait.sleep(.milliseconds(2)) }
            canceledAt.withLock { $0 = .now }
            cancellation.cancel()
        }
        #expect(throws: CancellationError.self) { try transport.send(request, cancellation) { _, _ in true } }
        #expect(ContinuousClock.now - canceledAt.withLock { $0 } < .milliseconds(500))
        #expect(throws: CancellationError.self) { try transport.send(request, cancellation) { _, _ in true } }
        #expect(server.received.count == 1)
    }

    @Test("fails after a silence, in which the time of the receiver does not count")
    func silence() throws {
        let server = try WireServer { _ in
            [
                .text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), .text("one"), .pause(milliseconds: 50),
                .text("two"), .hang,
            ]
        }
        var request = StreamedRequest("GET", server.url)
        request.idleTimeout = .milliseconds(400)
        let parts = Parts()
        let failure = #expect(throws: TransportFailure.self) {
            try transport.send(request) { _, bytes in
                parts.add(bytes)
                if bytes.count == 3 { BoundedWait.sleep(.milliseconds(600)) }
                return true
            }
        }
        #expect(failure?.kind == .timeout)
        #expect(parts.all.joined() == "onetwo")
    }

    @Test("ends when the receiver wants no more or fails, and the next transfer works")
    func enough() throws {
        struct Full: Error {}
        let server = try WireServer { _ in
            [.text("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"), .hang]
        }
        let head = try transport.send(StreamedRequest("GET", server.url)) { _, bytes in bytes.isEmpty }
        #expect(head.status == 200)
        #expect(throws: Full.self) {
            try transport.send(StreamedRequest("GET", server.url)) { _, bytes in
                if !bytes.isEmpty { throw Full() }
                return true
            }
        }
        let other = try WireServer { _ in [.response("fine")] }
        #expect(try transport.response(to: StreamedRequest("GET", other.url)).status == 200)
    }

    @Test("fails when the response breaks off")
    func brokenOff() throws {
        for text in ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-"] {
            let server = try WireServer { _ in [.text(text), .close] }
            let failure = #expect(throws: TransportFailure.self) {
                try transport.response(to: StreamedRequest("GET", server.url))
            }
            #expect(failure?.kind == .connectionLost)
        }
    }

    @Test("streams a body with a length or in chunks", arguments: [Int64(3 << 20), nil])
    func upload(length: Int64?) throws {
        let server = try LoopbackListener { connection in
            var bytes: [UInt8] = []
            var head = ""
            func isComplete() -> Bool {
                head = String(decoding: bytes.prefix(400), as: UTF8.self)
                return head.contains("chunked")
                    ? bytes.suffix(7).elementsEqual("\r\n0\r\n\r\n".utf8)
                    : head.contains("\r\n\r\n") && bytes.suffix(8).elementsEqual("the end!".utf8)
                        && bytes.count > 3 << 20
            }
            while !isComplete() {
                let next = connection.read()
                if next.isEmpty { return }
                bytes += next
            }
            let reply =
                "\(head.contains("chunked")) \(head.contains("Content-Length: 3145728")) \(bytes.count > 3 << 20)"
            connection.send(
                Array(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: \(reply.utf8.count)\r\n\r\n\(reply)".utf8))
        }
        var left = 3
        let parts = Parts()
        try transport.send(StreamedRequest("PUT", "http://127.0.0.1:\(server.port)/"), length: length) {
            guard left > 0 else { return [] }
            left -= 1
            let text = Array("the end!".utf8)
            return [UInt8](repeating: 1, count: (1 << 20) - text.count) + text
        } receive: { _, bytes in
            parts.add(bytes)
            return true
        }
        #expect(parts.all.joined() == (length == nil ? "true false true" : "false true true"))
    }

    @Test("ends an upload with the error of its source, and with the refusal of the server")
    func uploadFailures() throws {
        struct Unreadable: Error {}
        let server = try WireServer { _ in [.response(413, "too large"), .close] }
        #expect(throws: Unreadable.self) {
            try transport.send(StreamedRequest("PUT", server.url)) {
                throw Unreadable()
            } receive: { _, _ in
                true
            }
        }
        let parts = Parts()
        // The server replies to the head alone; a body without an end follows.
        let head = try transport.send(StreamedRequest("PUT", server.url)) {
            [UInt8](repeating: 0, count: 1024)
        } receive: { _, bytes in
            parts.add(bytes)
            return true
        }
        #expect(head.status == 413)
        #expect(parts.all.joined() == "too large")
    }

    @Test("rejects headers with line breaks")
    func headers() throws {
        let server = try WireServer { _ in [.response("")] }
        let request = StreamedRequest("GET", server.url, headers: [HeaderField("A", "b\r\nC: d")])
        #expect(throws: TransportFailure.self) { try transport.response(to: request) }
        #expect(throws: TransportFailure.self) { try transport.upgrade(request, to: "x") }
        #expect(server.requests.isEmpty)
    }

    // MARK: - Upgrade

    /// A server that agrees to an upgrade, sends a greeting together with its response, and then sends all bytes back.
    private func echoServer() throws -> LoopbackListener {
        try LoopbackListener { connection in
            var head = ""
            while !head.contains("\r\n\r\n") {
                let bytes = connection.read()
                if bytes.isEmpty { return }
                head += String(decoding: bytes, as: UTF8.self)
            }
            guard head.contains("Upgrade: echo\r\n"), head.contains("Connection: Upgrade\r\n") else { return }
            connection.send(Array("HTTP/1.1 101 Fine\r\nUpgrade: echo\r\n\r\nhello".utf8))
            while true {
                let bytes = connection.read()
                if bytes.isEmpty { break }
                connection.send(bytes)
            }
            connection.send(Array("bye".utf8))
        }
    }

    private func connect(_ transport: StreamingTransport, _ url: String) throws -> UpgradedConnection {
        guard case .connection(let connection) = try transport.upgrade(StreamedRequest("POST", url), to: "echo") else {
            throw TransportFailure(reason: "refused")
        }
        return connection
    }

    private func read(_ count: Int, from connection: UpgradedConnection) throws -> String {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let next = try connection.read(atMost: count - bytes.count, timeout: .seconds(20))
            if next.isEmpty { break }
            bytes += next
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("upgrades a connection, which carries bytes both ways until each side ends", arguments: [false, true])
    func upgrade(throughProxy: Bool) throws {
        let server = try echoServer()
        let proxy = try TunnelProxy()
        var options = ConnectionOptions()
        if throughProxy { options.plainProxy = proxy.url }
        let connection = try connect(StreamingTransport(options: options), "http://127.0.0.1:\(server.port)/x")
        #expect(connection.head.status == 101)
        #expect(try read(5, from: connection) == "hello")
        let large = String(repeating: "0123456789", count: 100_000)
        // More than the buffers of the connection take, so that reading and writing overlap.
        BlockingThread.start { try? connection.write(Array(large.utf8)) }
        #expect(try read(large.utf8.count, from: connection) == large)
        if !throughProxy {
            connection.closeWriting()
            #expect(try read(4, from: connection) == "bye")
        }
        #expect(proxy.received.count == (throughProxy ? 1 : 0))
    }

    @Test("ends a read in another thread when an upgraded connection is closed")
    func close() throws {
        let server = try echoServer()
        let connection = try connect(transport, "http://127.0.0.1:\(server.port)")
        #expect(try read(5, from: connection) == "hello")
        BlockingThread.start {
            BoundedWait.sleep(.milliseconds(50))
            connection.close()
        }
        #expect(try connection.read().isEmpty)
        #expect(throws: TransportFailure.self) { try connection.write([1]) }
    }

    @Test("returns the response of a server that does not upgrade", arguments: ["length", "chunks", "end"])
    func refusedUpgrade(form: String) throws {
        let server = try WireServer { request in
            #expect(request.values("authorization") == ["Bearer secret"])
            switch form {
            case "length": return [.response(409, "busy"), .hang]
            case "chunks":
                return [
                    .text("HTTP/1.1 409 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbu\r\n2\r\nsy\r\n0\r\n\r\n"),
                    .hang,
                ]
            default: return [.text("HTTP/1.1 409 No\r\n\r\nbusy"), .close]
            }
        }
        let request = StreamedRequest(
            "POST", server.url + "/path?a=b", credential: TransportCredential(bearer: "secret"), body: Array("{}".utf8))
        guard case .refused(let response) = try transport.upgrade(request, to: "echo") else {
            Issue.record("upgraded")
            return
        }
        #expect(response.status == 409)
        #expect(String(decoding: response.body, as: UTF8.self) == "busy")
        #expect(server.requests.map(\.target) == ["/path?a=b"])
        #expect(server.requests.map { String(decoding: $0.body, as: UTF8.self) } == ["{}"])
    }

    @Test("can be canceled while it waits for the response to an upgrade, and has a limit for it")
    func upgradeLimits() throws {
        let server = try ScriptedServer { _ in nil }
        var request = StreamedRequest("POST", "http://127.0.0.1:\(server.port)/")
        request.idleTimeout = .milliseconds(200)
        #expect(throws: TransportFailure.timedOut) { try transport.upgrade(request, to: "echo") }
        request.idleTimeout = nil
        let cancellation = StreamCancellation()
        BlockingThread.start {
            while server.received.count < 2 { BoundedWait.sleep(.milliseconds(2)) }
            cancellation.cancel()
        }
        #expect(throws: CancellationError.self) { try transport.upgrade(request, to: "echo", cancellation) }
    }
}

@Suite("A response on a raw connection", .timeLimit(.perTest))
struct RawResponseTests {
    @Test(
        "is the same however its bytes are divided",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nA: b\r\n\r\nbody", 200, "body", ""),
            ("HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", 404, "no", ""),
            ("HTTP/1.1 101 Yes\r\nUpgrade: x\r\n\r\nearly", 101, "", "early"),
            (
                "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
                500, "abc0123456789", "\r\n"
            ),
            ("HTTP/1.1 204 No\r\n\r\n", 204, "", ""),
        ])
    func divisions(_ text: String, status: Int, body: String, rest: String) throws {
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in [first, (first + bytes.count) / 2, bytes.count] {
                var response = RawResponse(ConnectionOptions())
                for part in [bytes[..<first], bytes[first..<second], bytes[second...]] {
                    try response.receive(Array(part))
                }
                #expect(response.head?.status == status)
                #expect(response.isComplete == (status != 101))
                #expect(String(decoding: response.body, as: UTF8.self) == body)
                if status == 101 { #expect(String(decoding: response.rest, as: UTF8.self) == rest) }
            }
        }
    }

    @Test(
        "is rejected if it is not HTTP, damaged or too large",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + String(repeating: "x", count: 101),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\n",
            "HTTP/1.1 200 OK\r\nA: " + String(repeating: "x", count: 1000),
        ])
    func invalid(_ text: String) {
        var options = ConnectionOptions()
        options.largestBody = 100
        options.largestHead = 500
        var response = RawResponse(options)
        #expect(throws: TransportFailure.self) { try response.receive(Array(text.utf8)) }
    }

    @Test("is incomplete if the connection ends before its length")
    func incomplete() throws {
        for text in ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo", "HTTP/1.1 200 OK\r\n", ""] {
            var response = RawResponse(ConnectionOptions())
            try response.receive(Array(text.utf8))
            #expect(throws: TransportFailure.self) { try response.receiveEnd() }
        }
    }
}
