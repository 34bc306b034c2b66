import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("Error responses", .timeLimit(.minutes(1)))
struct ErrorResponseTests {
    static let token = "hf_abcdefghij"

    func error(_ status: Int, _ body: String, requestID: String = "req_1") -> any PodstackError {
        let response = TransportResponse(
            status: status, headers: [HeaderField("X-Request-ID", requestID)], body: Array(body.utf8))
        return ErrorMapping.error(
            for: response, token: APIToken(Self.token), source: .argument("apiToken:"), otherTokens: { _ in [] })
    }

    @Test("texts from a response are one line without control characters")
    func oneLine() {
        let time = #"{"expired_at": "2026\u001b[31m\n"}"#
        let error = error(
            401, #"{"error": {"code": "expired\ntoken", "message": "x", "details": \#(time)}}"#,
            requestID: "req\u{9}1")
        #expect(error.code?.rawValue == "expired token")
        #expect(error.requestID == "req 1")
        let expired = self.error(
            401, #"{"error": {"code": "expired_token", "message": "x", "details": \#(time)}}"#)
        #expect(expired.hint?.hasPrefix("It expired at 2026 [31m; ") == true)
        let message = self.error(400, #"{"error": {"message": " a\r\n\u001b[2Jb\u202ec\u2028d "}}"#).message
        #expect(message == "a [2Jb c d")
    }

    @Test("a very long message is cut")
    func long() {
        let mark = String(repeating: "\u{301}", count: 100_000)
        let message = error(400, #"{"error": {"message": "a\#(mark)"}}"#).message
        #expect(message.unicodeScalars.count == 1001)
        #expect(message.hasSuffix("…"))
    }

    @Test("a response without a visible message is described by its status", arguments: ["", " ", "\\u200b"])
    func silent(message: String) {
        #expect(error(400, #"{"error": {"message": "\#(message)"}}"#).message.contains("HTTP 400"))
    }

    @Test("the token is redacted everywhere in a response")
    func redaction() {
        let token = Self.token
        for text in [token, "x\(token)x", "\(token)\u{301}", "\u{301}\(token)", "\(token)podstack_"] {
            let body = """
                {"error": {"code": "\(text)", "message": "\(text)",
                    "details": {"\(text)": {"\(text)": ["\(text)"]}, "field_errors": {"\(text)": ["\(text)"]}}}}
                """
            for error in [error(422, body, requestID: text), error(500, text)] {
                var dumped = ""
                dump(error, to: &dumped)
                let bytes = Array("\(error) \(dumped) \(error.details) \(error.hint ?? "")".utf8)
                let isShown = bytes.indices.contains { bytes[$0...].starts(with: token.utf8) }
                #expect(!isShown)
            }
        }
    }

    @Test("a token that contains the start of another token is redacted as a whole")
    func nested() {
        let token = APIToken("secret-podstack_abcdefgh_rest")
        #expect(TokenRedaction.redact(token, in: "a secret-podstack_abcdefgh_rest b") == "a … b")
    }
}
