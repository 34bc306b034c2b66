import Testing

@testable import PodstackServer

@Suite("The target of a request", .timeLimit(.perTest))
struct RequestTargetTests {
    @Test(
        "a path is decoded once",
        arguments: [
            ("/v1/tokens", "/v1/tokens"), ("/v1/%74okens", "/v1/tokens"), ("/a%2525", "/a%25"), ("/%C3%A9+", "/é+"),
            ("/", "/"), ("http://example.com/v1/tokens", "/v1/tokens"), ("HTTPS://example.com", "/"), ("*", "*"),
            ("/a%3Fb", "/a?b"), ("//x", "//x"),
        ])
    func path(text: String, path: String) {
        let target = RequestTarget(text)
        #expect(target.path == path)
        #expect(!target.isMalformed)
    }

    @Test("a query is decoded once, in order, and keeps repeated names")
    func query() {
        let target = RequestTarget("/x?a=b%26c&&d&a=1+2%2B%2F&=e&f=g=h?")
        #expect(!target.isMalformed)
        #expect(target.query.map(\.name) == ["a", "d", "a", "", "f"])
        #expect(target.query.map(\.value) == ["b&c", "", "1 2+/", "e", "g=h?"])
    }

    @Test(
        "an ambiguous target is refused",
        arguments: [
            "/%", "/%4", "/%zz", "/%+1", "/%00", "/a%2fb", "/a%2Fb", "/%ff", "/\u{e9}", "/a b", "/a\tb", "/?a=%0",
            "/?%00=a",
            "/?a=%00", "/?a=%ff", "/?a=\u{7f}",
        ])
    func malformed(text: String) {
        #expect(RequestTarget(text).isMalformed)
    }
}

@Suite("The head of a request", .timeLimit(.perTest))
struct RequestHeadTests {
    func defect(
        _ headers: [(String, String)], target: String = "/", size: Int = 100, isHTTP11: Bool = true
    ) -> Request.Defect? {
        RequestHead.defect(
            target: target, size: size, isHTTP11: isHTTP11, headers: headers.map { (name: $0.0, value: $0.1) })
    }

    @Test("a head has one Host, at most one length, and valid names")
    func fields() {
        let host = ("host", "x")
        #expect(defect([host]) == nil)
        #expect(defect([]) == .malformedHeaders)
        #expect(defect([], isHTTP11: false) == nil)
        #expect(defect([host, host]) == .malformedHeaders)
        #expect(defect([host, host], isHTTP11: false) == .malformedHeaders)
        for name in ["a ", "", "a:b", "a\u{e9}", "a(b"] { #expect(defect([host, (name, "x")]) == .malformedHeaders) }
        for name in ["x-a_b.c~1", "!#$%&'*+^`|"] { #expect(defect([host, (name, "x")]) == nil) }
        for name in ["a:1", "[::1]", ""] { #expect(defect([("host", name)]) == nil) }
        for name in ["a:99999", "a b", "::1"] { #expect(defect([("host", name)]) == .malformedHeaders) }
        #expect(defect([host, ("content-length", "1")]) == nil)
        #expect(defect([host, ("transfer-encoding", "Chunked")]) == nil)
        #expect(defect([host, ("transfer-encoding", "gzip, chunked")]) == .unclearEnd)
        #expect(defect([host, ("content-length", "1"), ("content-length", "1")]) == .unclearEnd)
        #expect(defect([host, ("content-length", "1"), ("transfer-encoding", "chunked")]) == .unclearEnd)
    }

    @Test("limits are exact to the byte")
    func limits() {
        let host = ("host", "x")
        #expect(defect([host], target: String(repeating: "a", count: 4096)) == nil)
        #expect(defect([host], target: String(repeating: "a", count: 4097)) == .longURL)
        #expect(defect([host], size: 16384) == nil)
        #expect(defect([host], size: 16385) == .largeHeaders)
        #expect(defect([host] + (1...99).map { ("x\($0)", "") }) == nil)
        #expect(defect([host] + (1...100).map { ("x\($0)", "") }) == .largeHeaders)
        let waits = ("expect", "100-Continue")
        #expect(defect([host, waits, ("content-length", "65536")]) == nil)
        #expect(defect([host, waits, ("content-length", "65537")]) == .largeBody)
        #expect(defect([host, ("content-length", "65537")]) == nil)
        #expect(defect([host, ("content-length", "1048577")]) == .largeBody)
        #expect(defect([host, ("content-length", "99999999999999999999")]) == .largeBody)
    }
}
