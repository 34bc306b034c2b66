import Podstack
import PodstackAPI
import Testing

@Suite("APIToken", .timeLimit(.minutes(1)))
struct APITokenTests {
    let text = "podstack_zab5rrb1_f46RfHk7hp3ILTgK2y3mH3UqtmaFCrvk0aQsAM"

    @Test("every way of printing a token shows only its prefix")
    func printing() throws {
        let token = APIToken(text)
        var dumped = ""
        dump(token, to: &dumped)
        dump([Optional(token)], to: &dumped)
        let encoded = String(decoding: try APICoding.encode(token), as: UTF8.self)
        let ways = [
            "\(token)", String(describing: token), String(reflecting: token), dumped, encoded,
            "\(Mirror(reflecting: token).children.map(\.value))", "\([token])", "\(["key": token])",
        ]
        for way in ways {
            #expect(way.contains("podstack_zab5rrb1…"))
            #expect(!way.contains("f46RfHk7"))
        }
    }

    @Test("a token without a prefix is printed as …")
    func opaque() { #expect("\(APIToken("hf_abcdef"))" == "…") }

    @Test("whitespace around a token is removed")
    func trimmed() { #expect(APIToken(" a\r\n").withSecret { $0 } == "a") }

    @Test("redaction keeps the public prefix of a token and nothing more")
    func redactedPrefix() {
        var generator = SecureGenerator()
        let token = TokenFormat.generateToken(id: "0123abcd", using: &generator)
        #expect(TokenRedaction.redact("a \(token), b") == "a podstack_0123abcd…, b")
        #expect(TokenRedaction.redact(String(token.dropLast(8))) == "podstack_0123abcd…")
    }
}
