import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The Date header", .blocking, .timeLimit(.perTest))
struct DateHeaderTests {
    @Test(
        "has the form of RFC 9110",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ])
    func form(second: Int, text: String) {
        #expect(DateHeader.text(of: second) == text)
    }

    @Test("is the time of the response")
    func current() throws {
        let server = try RunningServer()
        let client = TestClient(port: server.server.port)
        let before = Int(Service.systemClock())
        let response = try client.get("/healthz")
        let after = Int(Service.systemClock())
        // The clock of the header is up to a tick behind.
        #expect((before - 1...after).map { DateHeader.text(of: $0) }.contains(try #require(response.headers["date"])))
    }
}
