import PodstackTestSupport
import Testing

@testable import Podstack
@testable import PodstackTransport

@Suite("A transport sends", .blocking, .timeLimit(.minutes(5)))
struct RequestTests {
    @Test(
        "the method, the path and the token",
        arguments: TransportUnderTest.all, ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
    func methods(_ subject: TransportUnderTest, method: String) async throws {
        let server = try WireServer { request in
            [request.method == "HEAD" ? .text("HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n") : .response()]
        }
        let transport = subject.transport()
        for path in ["/v1/a", "/v1/a?b=c%20d&e=%2F"] {
            let response = try await transport.send(TransportRequest(method, server.url + path))
            #expect(response.status == 200)
            #expect(response.body == (method == "HEAD" ? [] : Array("{}".utf8)))
            #expect(server.requests.last?.method == method)
            #expect(server.requests.last?.target == path)
            #expect(server.requests.last?.values("authorization") == ["Bearer secret-token"])
        }
        #expect(server.requests.count == 2)
    }

    @Test("each header once, with its value", arguments: TransportUnderTest.all)
    func headers(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response()] }
        let long = String(repeating: "v", count: 8000)
        let headers = [
            HeaderField("X-Zebra", "1"), HeaderField("X-Ant", "a, b; c=\"d\""), HeaderField("x-lower", "é"),
            HeaderField("X-Long", long), HeaderField("User-Agent", "podstack-test"), HeaderField("Accept", "*/*"),
        ]
        _ = try await subject.transport().send(TransportRequest(server.url, headers: headers))
        let request = try #require(server.requests.first)
        for field in headers { #expect(request.values(field.name) == [field.value]) }
        if subject.has(.headersAreADictionary) { return }
        let names = request.lines.map { $0.prefix { $0 != ":" } }
        #expect(names == ["Host", "Authorization"] + headers.map { $0.name[...] })
    }

    @Test("a header twice, and one without a value", arguments: TransportUnderTest.all)
    func oddHeaders(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response()] }
        let headers = [HeaderField("X-Twice", "1"), HeaderField("X-Twice", "2"), HeaderField("X-Empty", "")]
        _ = try await subject.transport().send(TransportRequest(server.url, headers: headers))
        let request = try #require(server.requests.first)
        #expect(request.values("x-empty") == [""])
        #expect(request.values("x-twice") == (subject.has(.headersAreADictionary) ? ["1,2"] : ["1", "2"]))
    }

    @Test(
        "no header that contains a line break", arguments: TransportUnderTest.all,
        ["a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rb", "a\0b"])
    func injection(_ subject: TransportUnderTest, value: String) async throws {
        let server = try WireServer { _ in [.response()] }
        let transport = subject.transport()
        for field in [HeaderField("X-Project-ID", value), HeaderField("X-\(value)", "1")] {
            let failure = await transport.failure(TransportRequest(server.url, headers: [field]))
            #expect(failure?.isRetryable == false)
        }
        #expect(server.requests.isEmpty)
        // The transport is still usable.
        #expect(try await transport.send(TransportRequest(server.url)).status == 200)
    }

    @Test("a body of any size", arguments: TransportUnderTest.all, [0, 1, 1000, 1 << 20])
    func bodies(_ subject: TransportUnderTest, size: Int) async throws {
        let server = try WireServer { _ in [.response(201)] }
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let transport = subject.transport()
        for method in ["POST", "PUT"] {
            let request = TransportRequest(
                method, server.url, headers: [HeaderField("Content-Type", "application/json")], body: body)
            #expect(try await transport.send(request).status == 201)
            let received = try #require(server.requests.last)
            #expect(received.body == body)
            #expect(received.values("content-length") == ["\(size)"])
            #expect(received.values("content-type") == ["application/json"])
            // `Expect: 100-continue` costs a round trip or a second, and some proxies reject it.
            #expect(received.values("expect") == [])
        }
    }

    @Test("nothing of a request in the next one", arguments: TransportUnderTest.all)
    func noRemains(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response()] }
        let transport = subject.transport()
        let headers = [HeaderField("X-Once", "1"), HeaderField("Content-Type", "text/plain")]
        var other = TransportRequest("GET", server.url + "/b")
        other.token = APIToken("another-token")
        let requests = [
            TransportRequest("POST", server.url + "/a", headers: headers, body: [1, 2, 3]), other,
            TransportRequest("DELETE", server.url + "/c"), TransportRequest("GET", server.url + "/d", headers: headers),
            TransportRequest("GET", server.url + "/e"), TransportRequest("HEAD", server.url + "/f"),
            TransportRequest("GET", server.url + "/g"),
        ]
        for request in requests.dropLast(2) { _ = try await transport.send(request) }
        let seen = server.requests
        #expect(seen.map(\.method) == ["POST", "GET", "DELETE", "GET", "GET"])
        #expect(seen.map(\.target) == ["/a", "/b", "/c", "/d", "/e"])
        #expect(seen.map { $0.values("x-once").count } == [1, 0, 0, 1, 0])
        #expect(seen.map(\.body.count) == [3, 0, 0, 0, 0])
        #expect(
            seen.map { $0.values("authorization").first == "Bearer another-token" } == [
                false, true, false, false, false,
            ])
    }

    @Test("no header that the request does not contain", arguments: TransportUnderTest.all)
    func nothingAdded(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response()] }
        let transport = subject.transport()
        _ = try await transport.send(TransportRequest("GET", server.url))
        _ = try await transport.send(TransportRequest("POST", server.url, body: [65]))
        let names = server.requests.map { Set($0.lines.map { String($0.prefix { $0 != ":" }) }) }
        if subject.has(.addsHeaders) {
            #expect(names.allSatisfy { $0.isSuperset(of: ["Host", "Authorization"]) })
        } else {
            #expect(names == [["Host", "Authorization"], ["Host", "Authorization", "Content-Length"]])
        }
    }

    @Test("no cookie that a response set", arguments: TransportUnderTest.all)
    func cookies(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response(headers: "Set-Cookie: session=1; Path=/\r\n")] }
        let transport = subject.transport()
        for _ in 0..<2 { _ = try await transport.send(TransportRequest(server.url)) }
        #expect(server.requests.map { $0.values("cookie") } == [[], []])
    }
}
