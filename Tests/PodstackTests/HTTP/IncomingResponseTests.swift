import PodstackTestSupport
import Testing

@testable import PodstackTransport

@Suite("A response as libcurl delivers it", .timeLimit(.minutes(1)))
struct IncomingResponseTests {
    func response(_ lines: String..., reservesCapacity: Bool = true) -> IncomingResponse {
        var response = IncomingResponse(ConnectionOptions(), reservesCapacity: reservesCapacity)
        for line in lines {
            let continues = Array("\(line)\r\n".utf8).withUnsafeBytes { response.receiveHeadLine($0) }
            #expect(continues)
        }
        return response
    }

    @Test("has its headers in order, without the white space around them", arguments: [true, false])
    func headers(reservesCapacity: Bool) {
        let response = response(
            "HTTP/1.1 200 OK", "A:1", "b-C:  two words\t", "Empty:", "A: http://x:1/", "",
            reservesCapacity: reservesCapacity)
        #expect(response.hasWholeHead)
        #expect(
            response.headers == [
                HeaderField("A", "1"), HeaderField("b-C", "two words"), HeaderField("Empty", ""),
                HeaderField("A", "http://x:1/"),
            ])
    }

    @Test("joins a header that continues on the next line")
    func folded() {
        let response = response("HTTP/1.1 200 OK", "A: one", "  two", "\tthree", "B: 1", "")
        #expect(response.headers == [HeaderField("A", "one two three"), HeaderField("B", "1")])
    }

    @Test("has neither the headers of interim responses nor trailers")
    func others() {
        let response = response(
            "HTTP/1.1 103 Early Hints", "Link: x", "", "HTTP/1.1 200 OK", "A: 1", "HTTP/odd: 2", "", "X-Trailer: 1", "")
        #expect(response.headers == [HeaderField("A", "1"), HeaderField("HTTP/odd", "2")])
    }

    @Test("is incomplete in the middle of its head, and after an interim response")
    func broken() {
        #expect(!response().hasWholeHead)
        #expect(!response("HTTP/1.1 200 OK").hasWholeHead)
        #expect(!response("HTTP/1.1 200 OK", "A: 1").hasWholeHead)
        #expect(!response("HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK", "A: 1").hasWholeHead)
    }

    @Test("replaces bytes of a header that are not UTF-8")
    func notUTF8() {
        var response = response("HTTP/1.1 200 OK")
        let continues = [UInt8]("A: ".utf8 + [0xFF] + "\r\n".utf8).withUnsafeBytes { response.receiveHeadLine($0) }
        #expect(continues)
        #expect(response.headers == [HeaderField("A", "\u{FFFD}")])
    }
}
