import Podstack
import Testing

@Suite("Endpoint")
struct EndpointTests {
    @Test(
        "an address that may be sent a token is taken as it is meant",
        arguments: [
            ("https://api.custom.podstack.ai", "https://api.custom.podstack.ai"),
            ("https://API.example.com:8443/base/", "https://api.example.com:8443/base"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://localhost", "http://localhost"),
            ("http://[::1]:1", "http://[::1]:1"), (" https://a.b \n", "https://a.b"),
        ])
    func accepted(text: String, url: String) throws {
        #expect(try Endpoint(text, from: .argument("apiEndpoint:")).url == url)
    }

    @Test(
        "an address that could carry a token elsewhere is refused",
        arguments: [
            "http://api.podstack.ai", "https://user:pass@a.b", "https://a.b?x=1", "https://a.b#f", "ftp://a.b", "a.b",
            "https://", "https://a.b:0", "https://a.b:99999", "https://a b", "https://a.b\\@c.d",
            "http://127.0.0.1.evil.com", "http://localhost.evil.com", "http://127.1", "", "https://a\u{0}b",
        ])
    func refused(text: String) {
        #expect(throws: ConfigurationError.self) { try Endpoint(text, from: .argument("apiEndpoint:")) }
    }
}
