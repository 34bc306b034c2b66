import Podstack
import Testing

@Suite("APIEndpoint", .timeLimit(.minutes(1)))
struct EndpointTests {
    @Test(
        "a safe address is accepted and normalized",
        arguments: [
            ("https://api.custom.podstack.ai", "https://api.custom.podstack.ai"),
            ("https://API.example.com:8443/base/", "https://api.example.com:8443/base"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("http://localhost", "http://localhost"),
            ("http://[::1]:1", "http://[::1]:1"), (" https://a.b \n", "https://a.b"),
            ("https://a_b-c.example.:00443", "https://a_b-c.example.:443"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
        ])
    func accepted(text: String, url: String) throws {
        #expect(try APIEndpoint(text, from: .argument("apiEndpoint:")).url == url)
    }

    @Test(
        "an unsafe or invalid address is rejected",
        arguments: [
            "http://api.podstack.ai", "https://user:pass@a.b", "https://a.b/@c", "https://a.b?x=1", "https://a.b/?x=1",
            "https://a.b#f", "https://a.b/#f", "ftp://a.b", "a.b",
            "https://", "https://a.b:0", "https://a.b:99999", "https://a b", "https://a.b\\@c.d",
            "http://127.0.0.1.evil.com", "http://localhost.evil.com", "http://127.1", "", "https://a\u{0}b",
        ])
    func refused(text: String) {
        #expect(throws: ConfigurationError.self) { try APIEndpoint(text, from: .argument("apiEndpoint:")) }
    }

    @Test(
        "a host that parsers read in different ways is rejected",
        arguments: [
            "http://127.+1.0.1", "http://127.0.0.08", "http://127.0.0.01", "https://0x7f.1", "https://2130706433",
            "https://0177.0.0.1", "https://1.2.3.4.", "https://a%2eb", "https://a%40b", "https://a..b", "https://.a",
            "https://a,b", "https://a;b", "https://[fe80::1%25eth0]", "https://[::1", "https://[a.b]", "https://[]",
        ])
    func ambiguous(text: String) {
        #expect(throws: ConfigurationError.self) { try APIEndpoint(text, from: .argument("apiEndpoint:")) }
    }
}
