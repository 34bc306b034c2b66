import PodstackTestSupport
import Testing

@testable import Podstack
@testable import PodstackTransport

@Suite("A transport returns a response", .blocking, .timeLimit(.minutes(5)))
struct ResponseTests {
    func send(_ subject: TransportUnderTest, _ steps: [WireServer.Step]) async throws -> TransportResponse {
        let server = try WireServer { _ in steps }
        return try await subject.transport().send(TransportRequest(server.url))
    }

    func failure(_ subject: TransportUnderTest, _ steps: [WireServer.Step]) async throws -> TransportFailure? {
        let server = try WireServer { _ in steps }
        return await subject.transport().failure(TransportRequest(server.url))
    }

    @Test(
        "with any status", arguments: TransportUnderTest.all,
        [200, 201, 299, 400, 401, 403, 404, 407, 409, 413, 418, 422, 429, 500, 502, 503, 599])
    func statuses(_ subject: TransportUnderTest, status: Int) async throws {
        // The challenge would make a library with stored credentials send the request again.
        let headers = "WWW-Authenticate: Basic realm=\"x\"\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
        let server = try WireServer { _ in [.response(status, headers: headers, "text")] }
        let response = try await subject.transport().send(TransportRequest(server.url))
        #expect(response.status == status)
        let hasNoBody = status == 401 && subject.has(.losesBodyOfChallenge)
        #expect(response.body == (hasNoBody ? [] : Array("text".utf8)))
        #expect(response.header("www-authenticate") == "Basic realm=\"x\"")
        #expect(server.requests.count == 1)
    }

    @Test("with the body of a 401 that asks for a token", arguments: TransportUnderTest.all)
    func challenge(_ subject: TransportUnderTest) async throws {
        let response = try await send(subject, [.response(401, headers: "WWW-Authenticate: Bearer\r\n", "text")])
        #expect(response.status == 401)
        #expect(response.body == Array("text".utf8))
    }

    @Test("with its headers", arguments: TransportUnderTest.all)
    func headers(_ subject: TransportUnderTest) async throws {
        let response = try await send(
            subject,
            [
                .response(
                    headers:
                        "X-B: 1\r\nX-A:   two words  \r\nx-EMPTY:\r\nX-Twice: 1\r\nX-Twice: 2\r\nRetry-After: 7\r\n")
            ])
        #expect(response.header("x-b") == "1")
        #expect(response.header("x-a") == "two words")
        #expect(response.header("x-empty") == "")
        #expect(response.header("retry-after") == "7")
        let twice = response.headers.filter { $0.name.lowercased() == "x-twice" }.map(\.value)
        #expect(twice == (subject.has(.headersAreADictionary) ? ["1, 2"] : ["1", "2"]))
        if subject.has(.headersAreADictionary) { return }
        #expect(
            response.headers.map(\.name)
                == ["Content-Length", "X-B", "X-A", "x-EMPTY", "X-Twice", "X-Twice", "Retry-After"])
    }

    @Test("without a body if its status has none", arguments: TransportUnderTest.all, [204, 304])
    func noBody(_ subject: TransportUnderTest, status: Int) async throws {
        let server = try WireServer { _ in [.text("HTTP/1.1 \(status) X\r\n\r\n")] }
        let transport = subject.transport()
        for _ in 0..<2 {
            let response = try await transport.send(TransportRequest(server.url))
            #expect(response.status == status)
            #expect(response.body == [])
        }
    }

    @Test("that is chunked, binary, or ends with the connection", arguments: TransportUnderTest.all)
    func framing(_ subject: TransportUnderTest) async throws {
        let head = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
        let chunked = try await send(
            subject,
            [.text(head + "3;x=y\r\nabc\r\n"), .pause(milliseconds: 5), .text("1\r"), .text("\nd\r\n0\r\n\r\n")])
        #expect(chunked.body == Array("abcd".utf8))
        let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
        let binary = try await send(
            subject, [.text("HTTP/1.1 200 X\r\nContent-Length: \(bytes.count)\r\n\r\n"), .send(bytes)])
        #expect(binary.body == bytes)
        let untilEnd = try await send(subject, [.text("HTTP/1.1 200 X\r\n\r\nall"), .close])
        #expect(untilEnd.body == Array("all".utf8))
        let old = try await send(subject, [.text("HTTP/1.0 200 X\r\n\r\nold"), .close])
        #expect(old.body == Array("old".utf8))
    }

    @Test("after interim responses, which it ignores", arguments: TransportUnderTest.all)
    func interim(_ subject: TransportUnderTest) async throws {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        let response = try await send(subject, [.text(interim), .response(201, headers: "X-Final: 1\r\n")])
        #expect(response.status == 201)
        #expect(response.header("x-final") == "1")
        #expect(response.body == Array("{}".utf8))
    }

    @Test(
        "that is a redirect, and does not follow it", arguments: TransportUnderTest.all,
        [300, 301, 302, 303, 307, 308])
    func redirects(_ subject: TransportUnderTest, status: Int) async throws {
        let thief = try WireServer { _ in [.response()] }
        let location = "\(thief.url)/stolen"
        let server = try WireServer { _ in [.response(status, headers: "Location: \(location)\r\n", "moved")] }
        let transport = subject.transport()
        for (method, body) in [("GET", nil), ("POST", [UInt8](arrayLiteral: 65))] {
            let response = try await transport.send(TransportRequest(method, server.url, body: body))
            #expect(response.status == status)
            #expect(response.header("location") == location)
        }
        #expect(server.requests.count == 2)
        #expect(thief.requests.isEmpty)
        #expect(thief.connections == 0)
    }

    static let withTrailers =
        "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: 1\r\n\r\n"
    static let brokenHead = "HTTP/1.1 200 OK\r\nContent-Len"

    @Test("without the trailers of its chunks", arguments: TransportUnderTest.all)
    func trailers(_ subject: TransportUnderTest) async throws {
        if subject.has(.diesOfOddResponses) {
            // A defect of Foundation on Linux.
            await #expect(processExitsWith: .failure) { await Self.sendFatalResponse(Self.withTrailers) }
            return
        }
        let response = try await send(subject, [.text(Self.withTrailers)])
        #expect(response.body == Array("{}".utf8))
        #expect(response.header("x-trailer") == nil)
    }

    @Test("only if its head is complete", arguments: TransportUnderTest.all)
    func cutOffHead(_ subject: TransportUnderTest) async throws {
        if subject.has(.diesOfOddResponses) {
            await #expect(processExitsWith: .failure) { await Self.sendFatalResponse(Self.brokenHead) }
            return
        }
        #expect(try await failure(subject, [.text(Self.brokenHead), .close])?.isRetryable == true)
    }

    static func sendFatalResponse(_ text: String) async {
        for subject in TransportUnderTest.all where subject.has(.diesOfOddResponses) {
            guard let server = try? WireServer({ _ in [.text(text), .close] }) else { return }
            _ = try? await subject.transport().send(TransportRequest(server.url))
        }
    }

    @Test(
        "only if it is complete", arguments: TransportUnderTest.all,
        [
            "", "HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ])
    func cutOff(_ subject: TransportUnderTest, text: String) async throws {
        let failure = try await failure(subject, [.text(text), .close])
        #expect(failure?.isRetryable == true)
    }

    @Test(
        "only if it is HTTP", arguments: TransportUnderTest.all,
        [
            "what is this?\r\n\r\n", "\0\u{1}\u{2}\u{3}\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        ])
    func garbage(_ subject: TransportUnderTest, text: String) async throws {
        _ = try #require(try await failure(subject, [.text(text), .close]))
    }

    @Test("to its own request, whatever followed the response before", arguments: TransportUnderTest.all)
    func excess(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { request in
            let planted = "HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\nevil"
            return request.target == "/1"
                ? [.text("HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}" + planted)] : [.response()]
        }
        let transport = subject.transport()
        #expect(try await transport.send(TransportRequest(server.url + "/1")).body == Array("{}".utf8))
        #expect(try await transport.send(TransportRequest(server.url + "/2")).body == Array("{}".utf8))
    }

    @Test(
        "but not one with a head of a megabyte, or with a thousand interim responses", arguments: TransportUnderTest.all
    )
    func headerBomb(_ subject: TransportUnderTest) async throws {
        let line = "X-Bomb: \(String(repeating: "b", count: 1000))\r\n"
        let lines = "HTTP/1.1 200 X\r\n" + String(repeating: line, count: 1024) + "Content-Length: 0\r\n\r\n"
        let interim = String(repeating: "HTTP/1.1 103 X\r\n" + line + "\r\n", count: 1024)
        for bomb in [[WireServer.Step.text(lines)], [.text(interim), .response()]] {
            let failure = try #require(try await failure(subject, bomb))
            if subject.has(.vagueAboutLargeHeads) { continue }
            #expect(failure.reason == "the headers of the response are larger than 262144 bytes")
            #expect(!failure.isRetryable)
        }
        let oneLine = "HTTP/1.1 200 X\r\nX: \(String(repeating: "b", count: 1 << 20))\r\n\r\n"
        _ = try #require(try await failure(subject, [.text(oneLine), .close]))
    }

    @Test("of up to 16 MiB", arguments: TransportUnderTest.all)
    func oversize(_ subject: TransportUnderTest) async throws {
        let mebibyte = [UInt8](repeating: 0x20, count: 1 << 20)
        let announced = try await failure(
            subject, [.text("HTTP/1.1 200 X\r\nContent-Length: 1000000000\r\n\r\n"), .send(mebibyte), .hang])
        let endless = try await failure(
            subject, [.text("HTTP/1.1 200 X\r\n\r\n")] + Array(repeating: .send(mebibyte), count: 18))
        for failure in [announced, endless] {
            #expect(failure?.reason == "the response is larger than 16777216 bytes")
            #expect(failure?.isRetryable == false)
        }
        let largest = try await send(
            subject,
            [.text("HTTP/1.1 200 X\r\nContent-Length: 16777216\r\n\r\n")] + Array(repeating: .send(mebibyte), count: 16)
        )
        #expect(largest.body.count == 16 << 20)
    }
}
