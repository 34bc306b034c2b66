import PodstackTestSupport
import Testing

@testable import Podstack

@Suite("Answers that are no success")
struct ErrorAnswerTests {
    static let token = "hf_abcdefghij"

    func error(_ status: Int, _ body: String, requestID: String = "req_1") -> any PodstackError {
        let response = TransportResponse(
            status: status, headers: [HeaderField("X-Request-ID", requestID)], body: Array(body.utf8))
        return ErrorMapping.error(
            for: response, token: APIToken(Self.token), source: .argument("apiToken:"), otherTokens: { _ in [] })
    }

    @Test("what is shown is one line that no terminal obeys")
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

    @Test("a message that is very long is cut")
    func long() {
        let mark = String(repeating: "\u{301}", count: 100_000)
        let message = error(400, #"{"error": {"message": "a\#(mark)"}}"#).message
        #expect(message.unicodeScalars.count == 1001)
        #expect(message.hasSuffix("…"))
    }

    @Test("an answer that says nothing is said to be none of the API", arguments: ["", " ", "\\u200b"])
    func silent(message: String) {
        #expect(error(400, #"{"error": {"message": "\#(message)"}}"#).message.contains("HTTP 400"))
    }

    @Test("the token is taken out wherever it stands")
    func redaction() {
        let token = Self.token
        for text in [token, "x\(token)x", "\(token)\u{301}", "\u{301}\(token)", "\(token)podstack_"] {
            let body = """
                {"error": {"code": "\(text)", "message": "\(text)",
                    "details": {"\(text)": {"\(text)": ["\(text)"]}, "field_errors": {"\(text)": ["\(text)"]}}}}
                """
            for answer in [error(422, body, requestID: text), error(500, text)] {
                var dumped = ""
                dump(answer, to: &dumped)
                let bytes = Array("\(answer) \(dumped) \(answer.details) \(answer.hint ?? "")".utf8)
                let isShown = bytes.indices.contains { bytes[$0...].starts(with: token.utf8) }
                #expect(!isShown)
            }
        }
    }

    @Test("of a token that holds another's beginning nothing is left")
    func nested() {
        let token = APIToken("secret-podstack_abcdefgh_rest")
        #expect(TokenRedaction.redact(token, in: "a secret-podstack_abcdefgh_rest b") == "a … b")
    }
}
