import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("An answer as libcurl hands it over")
struct CurlAnswerTests {
    func answer(_ lines: String..., takesRoom: Bool = true) -> Answer {
        var answer = Answer(ConnectionOptions(environment: PodstackEnvironment([:])), takesRoom: takesRoom)
        for line in lines {
            let isMore = Array("\(line)\r\n".utf8).withUnsafeBytes { answer.receiveHead($0) }
            #expect(isMore)
        }
        return answer
    }

    @Test("has its headers in their order, without the white space around them", arguments: [true, false])
    func headers(takesRoom: Bool) {
        let answer = answer(
            "HTTP/1.1 200 OK", "A:1", "b-C:  two words\t", "Empty:", "A: http://x:1/", "", takesRoom: takesRoom)
        #expect(answer.isHeadWhole)
        #expect(
            answer.headers == [
                HeaderField("A", "1"), HeaderField("b-C", "two words"), HeaderField("Empty", ""),
                HeaderField("A", "http://x:1/"),
            ])
    }

    @Test("has a header that goes on in the next line as one")
    func folded() {
        let answer = answer("HTTP/1.1 200 OK", "A: one", "  two", "\tthree", "B: 1", "")
        #expect(answer.headers == [HeaderField("A", "one two three"), HeaderField("B", "1")])
    }

    @Test("has neither the headers of interim answers nor trailers")
    func others() {
        let answer = answer(
            "HTTP/1.1 103 Early Hints", "Link: x", "", "HTTP/1.1 200 OK", "A: 1", "HTTP/odd: 2", "", "X-Trailer: 1", "")
        #expect(answer.headers == [HeaderField("A", "1"), HeaderField("HTTP/odd", "2")])
    }

    @Test("is not whole in the middle of its head, nor after an interim one")
    func broken() {
        #expect(!answer().isHeadWhole)
        #expect(!answer("HTTP/1.1 200 OK").isHeadWhole)
        #expect(!answer("HTTP/1.1 200 OK", "A: 1").isHeadWhole)
        #expect(!answer("HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK", "A: 1").isHeadWhole)
    }

    @Test("has the text of a header repaired where it is not UTF-8")
    func notUTF8() {
        var answer = answer("HTTP/1.1 200 OK")
        let isMore = [UInt8]("A: ".utf8 + [0xFF] + "\r\n".utf8).withUnsafeBytes { answer.receiveHead($0) }
        #expect(isMore)
        #expect(answer.headers == [HeaderField("A", "\u{FFFD}")])
    }
}
