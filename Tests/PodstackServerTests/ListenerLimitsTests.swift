import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#endif

/// The limits that a listener sets to clients, over a socket.
@Suite("The limits of the listener", .blocking, .timeLimit(.perTest))
struct ListenerLimitsTests {
    let running: RunningServer
    var server: EmbeddedServer { running.server }

    init() throws { running = try RunningServer(requestTime: 1) }

    func response(to text: String) throws -> TestResponse {
        let connection = try RawHTTP(port: server.port)
        try connection.send(text)
        return try connection.response()
    }

    func isErrorOfTheAPI(_ response: TestResponse, _ status: Int, _ code: String) -> Bool {
        response.status == status && response.code == code
            && response.headers["x-request-id"] == response.error?.requestID
            && response.headers["content-type"] == "application/json"
    }

    @Test("a body, a URL and headers that are too large get the error of the API")
    func sizes() throws {
        let start = "POST /v1/tokens/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for head in ["", "Expect: 100-continue\r\n"] {
            let body = head.isEmpty ? String(repeating: "a", count: 65_537) : ""
            let response = try response(to: "\(start)\(head)Content-Length: 65537\r\n\r\n\(body)")
            #expect(isErrorOfTheAPI(response, 413, "content_too_large"), "\(head)\(response)")
        }
        let chunks = String(repeating: "8000\r\n\(String(repeating: "a", count: 0x8000))\r\n", count: 3)
        let chunked = try response(to: "\(start)Transfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\r\n")
        #expect(isErrorOfTheAPI(chunked, 413, "content_too_large"))
        let url = try response(to: "GET /\(String(repeating: "a", count: 4096)) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(isErrorOfTheAPI(url, 414, "uri_too_long"))
        let query = try response(to: "GET /healthz?\(String(repeating: "a", count: 4096)) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(isErrorOfTheAPI(query, 414, "uri_too_long"))
        for fields in ["X: \(String(repeating: "a", count: 16 << 10))\r\n", String(repeating: "X: a\r\n", count: 100)] {
            let headers = try response(to: "GET /healthz HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
            #expect(isErrorOfTheAPI(headers, 431, "request_header_fields_too_large"), "\(headers)")
        }
    }

    @Test("just below the limits, every request is served")
    func belowSizes() throws {
        let tokens = String(repeating: " ", count: 65_536 - 13) + #"{"tokens":[]}"#
        let body = try response(
            to: """
                POST /v1/tokens/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 65536\r\n\r\n\(tokens)
                """)
        #expect(body.status == 202)
        let url = try response(to: "GET /healthz?\(String(repeating: "a", count: 4087)) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(url.status == 200)
        let fields = "X: \(String(repeating: "a", count: 15 << 10))\r\n" + String(repeating: "X: a\r\n", count: 90)
        #expect(try response(to: "GET /healthz HTTP/1.1\r\nHost: x\r\n\(fields)\r\n").status == 200)
    }

    @Test("a URL that could be read in two ways, and one without a Host, get the error of the API")
    func malformed() throws {
        for target in ["/v1/tokens%2fself", "/%", "/%00", "/healthz?a=%", "/\u{e9}"] {
            let response = try response(to: "GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(isErrorOfTheAPI(response, 400, "bad_request"), "\(target)")
        }
        for head in ["", "Host: x\r\nHost: y\r\n", "Host: x\r\nA : b\r\n"] {
            let response = try response(to: "GET /healthz HTTP/1.1\r\n\(head)\r\n")
            #expect(isErrorOfTheAPI(response, 400, "bad_request"), "\(head)")
        }
        #expect(try response(to: "GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n").status == 200)
        #expect(try response(to: "GET /%68ealthz HTTP/1.1\r\nHost: x\r\n\r\n").status == 200)
    }

    @Test("a line with the size of a chunk that ends in a bare LF gets the error of the API, and the connection ends")
    func chunkLines() throws {
        let head = """
            POST /v1/tokens/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
            Transfer-Encoding: chunked\r\n\r\n
            """
        for body in [
            "d\n{\"tokens\":[]}\r\n0\r\n\r\n", "d;a=b\n{\"tokens\":[]}\r\n0\r\n\r\n",
            "5\r\n{\"tok\r\n8\nens\":[]}\r\n0\r\n\r\n", "00d\n{\"tokens\":[]}\r\n0\r\n\r\n",
            // The last chunk, the end of a chunk's data, and a bare CR.
            "d\r\n{\"tokens\":[]}\r\n0\n\r\n", "d\r\n{\"tokens\":[]}\r\n0;a=b\n\r\n", "0\n\r\n", "000\n\r\n",
            "d\r\n{\"tokens\":[]}\r\n00\n\n", "d\r\n{\"tokens\":[]}\n0\r\n\r\n", "d\r\n{\"tokens\":[]}\n\r0\r\n\r\n",
            "5\r\n{\"tok\n8\r\nens\":[]}\r\n0\r\n\r\n", "d\r{\"tokens\":[]}\r\n0\r\n\r\n", "0\n\n",
        ] {
            let connection = try RawHTTP(port: server.port)
            try connection.send(head + body)
            let response = try connection.response()
            // libmicrohttpd itself responds to some of them.
            let isOwn = response.status == 400 && response.body.contains("chunked encoding was syntactically incorrect")
            #expect(isOwn || isErrorOfTheAPI(response, 400, "bad_request"), "\(body)")
            try blockUntil("the connection is closed") { connection.isClosed }
        }
        // The same requests with CR LF, and data that looks like such a line.
        for body in [
            "d\r\n{\"tokens\":[]}\r\n0\r\n\r\n", "d;a=b\r\n{\"tokens\":[]}\r\n0\r\n\r\n", "0\r\n\r\n",
            "000;a=b\r\nX: y\r\n\r\n",
            "d\r\n{\"tokens\":[]}\r\n0;\(String(repeating: "a", count: 60))\r\n\r\n",
            String(repeating: "1\r\n \r\n", count: 9) + "d\r\n{\"tokens\":[]}\r\n0\r\nX: y\r\n\r\n",
            "11\r\n{\"tokens\":\n\n5\n[]}\r\n0\r\n\r\n", "c\r\n{\"tokens\":5\n\r\n3\r\n[]}\r\n0\r\n\r\n",
        ] {
            #expect([202, 400].contains(try response(to: head + body).status), "\(body)")
            #expect(try response(to: head + body).body.contains("CR LF") == false, "\(body)")
        }
        let known = #"{"tokens":[]}"#
        let plain = try response(
            to: "POST /v1/tokens/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(known.utf8.count)\r\n\r\n\(known)")
        #expect(plain.status == 202)
    }

    @Test("a body whose chunks arrive in pieces of any size is served")
    func piecesOfChunks() throws {
        let request = """
            POST /v1/tokens/report HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
            Transfer-Encoding: chunked\r\n\r\n5;a\r\n{"tok\r\n8\r\nens":[]}\r\n0\r\n\r\n
            """
        let patient = try RunningServer()
        let connection = try RawHTTP(port: patient.server.port, silence: 60)
        for size in [7, 11, 23, 61, 170] {
            let characters = Array(request.utf8)
            for start in stride(from: 0, to: characters.count, by: size) {
                try connection.send(
                    String(decoding: characters[start..<min(start + size, characters.count)], as: UTF8.self))
            }
            #expect(try connection.response().status == 202, "\(size)")
        }
    }

    @Test("the bodies of all requests have a limit: stalled ones make room, and otherwise a request gets a 503")
    func bodies() throws {
        let clock = ManualClock(100)
        var options = ListenerOptions()
        options.maxBodyBytes = 200_000
        let connections = OpenConnections(options, now: { clock.now })
        let ends = (0..<6).map { _ in OpenConnectionsTests.End(connections, from: "192.0.2.1") }
        let entries = try ends.map { try #require($0.entry) }
        for entry in entries[0..<3] { #expect(connections.holdBody(65_000, of: entry)) }
        // All have just begun, so none is closed.
        #expect(!connections.holdBody(60_000, of: entries[3]))
        #expect(connections.bodyBytes == 195_000)
        #expect(ends.allSatisfy { !$0.isClosed })
        clock.set(clock.now + 2)
        #expect(connections.requestIsComplete(entries[0]))
        #expect(connections.holdBody(60_000, of: entries[3]))
        // The first one is being handled, so the second one makes room.
        #expect(ends.map(\.isClosed) == [false, true, false, false, false, false])
        #expect(connections.bodyBytes == 190_000)
        connections.requestEnds(entries[0])
        #expect(connections.bodyBytes == 125_000)
        #expect(connections.holdBody(75_000, of: entries[4]))
        connections.releaseBody(of: entries[4])
        for entry in entries { connections.remove(entry) }
        #expect(connections.bodyBytes == 0)
    }

    @Test("a client whose body there is no room for gets a 503 with Retry-After")
    func noRoom() throws {
        var options = ListenerOptions()
        options.maxBodyBytes = 100_000
        let (gate, queue, handler) = (Gate(), WorkQueue(capacity: 8, threads: 2), server.handler)
        let listener = try Listener(ListenAddress("127.0.0.1:0"), options) { request in
            guard request.defect == nil else { return handler.handle(request) }
            return .deferred(queue) { _ in
                gate.pass()
                return .ready(Response(status: request.body.count == 50_000 ? 200 : 500), requestID: "")
            }
        }
        defer { listener.stop(timeoutMilliseconds: 10) }
        func begin() throws -> RawHTTP {
            let connection = try RawHTTP(port: listener.port, silence: 60)
            try connection.send("POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n")
            try connection.send(String(repeating: " ", count: 50_000))
            return connection
        }
        let handled = try (0..<2).map { _ in try begin() }
        try blockUntil("both requests are handled") { gate.holds(2) }
        #expect(listener.bodyBytes == 100_000)
        let refused = try begin()
        let response = try refused.response()
        #expect(response.status == 503 && response.code == "unavailable" && response.headers["retry-after"] == "1")
        gate.open()
        for connection in handled { #expect(try connection.response().status == 200) }
        try blockUntil("the bodies are released") { listener.bodyBytes == 0 }
        // On the connection of the refused request too.
        try refused.send("POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n")
        try refused.send(String(repeating: " ", count: 50_000))
        #expect(try refused.response().status == 200)
    }

    /// Sends `piece` repeatedly and slowly until the server closes the connection.
    func drip(_ start: String, _ piece: String) throws {
        let connection = try RawHTTP(port: server.port)
        try connection.send(start)
        try blockUntil(within: .seconds(20), "the server closes a slow connection") {
            server.endOverdue()
            if connection.isClosed { return true }
            // The server may close the connection during this.
            try? connection.send(piece)
            return false
        }
    }

    @Test("a client that sends a request line, a header or a body byte by byte is stopped")
    func drips() throws {
        try drip("GET /", "a")
        try drip("GET /healthz HTTP/1.1\r\nHost: x\r\nX: ", "a")
        try drip("POST /v1/tokens/report HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", " ")
        try drip("POST /v1/tokens/report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n")
    }

    @Test("a client that never reads its responses is stopped, and so is an idle one")
    func silent() throws {
        let before = server.openConnections
        let silent = try RawHTTP(port: server.port)
        // More than the buffers of both sockets can hold.
        try silent.send(String(repeating: "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", count: 1000))
        let idle = try RawHTTP(port: server.port)
        #expect(try idle.request("GET", "/healthz").status == 200)
        try blockUntil(within: .seconds(20), "both connections are closed") {
            server.endOverdue()
            return server.openConnections == before
        }
        #expect(idle.isClosed)
    }

    @Test("a thousand idle connections delay no other client")
    func idle() throws {
        let patient = try RunningServer(connectionsPerNetwork: 1100)
        let idle = try (0..<1000).map { _ in try RawHTTP(port: patient.server.port) }
        for _ in 0..<20 {
            #expect(try TestClient(port: patient.server.port).request("GET", "/healthz").status == 200)
        }
        #expect(patient.server.openConnections >= 1000)
        for connection in [idle[0], idle[500], idle[999]] {
            #expect(try connection.request("GET", "/healthz").status == 200)
        }
    }

    @Test("2,100 half-sent requests from one address keep no client out, and close no connection in use")
    func halfSent() throws {
        let server = try RunningServer()
        let gate = Gate()
        let reads = server.server.service.pools.reads
        for _ in 0..<reads.maxThreads { reads.add { gate.pass() } }
        #expect(gate.holds(reads.maxThreads))
        let inUse = try RawHTTP(port: server.server.port, silence: 60)
        try inUse.send("GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try blockUntil("the request waits") { reads.waiting == 1 }
        var half: [RawHTTP] = []
        for index in 0..<2100 {
            let connection = try RawHTTP(port: server.server.port)
            // The server may have closed it to make room.
            try? connection.send("GET /healthz HTTP/1.1\r\nX: ")
            half.append(connection)
            guard index % 100 == 99 else { continue }
            #expect(try TestClient(port: server.server.port).request("GET", "/healthz").status == 200)
        }
        #expect(server.server.openConnections <= 256)
        #expect(half[0].isClosed)
        gate.open()
        #expect(try inUse.response().status == 200)
    }

    @Test("connections of a proxy are limited in total only")
    func proxied() throws {
        let server = try RunningServer(proxies: ["127.0.0.1"], connectionsPerNetwork: 4)
        let idle = try (0..<20).map { _ in try RawHTTP(port: server.server.port) }
        for connection in idle { #expect(try connection.request("GET", "/healthz").status == 200) }
    }
}
