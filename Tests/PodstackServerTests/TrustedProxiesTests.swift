import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("Addresses behind proxies", .timeLimit(.perTest))
struct TrustedProxiesTests {
    let proxies = TrustedProxies(["10.0.0.0/8", "2001:db8:ffff::/48"].compactMap { try? AddressRange($0) })

    func origin(
        _ forwardedFor: [String], forwarded: [String] = [], from address: String = "10.0.0.1"
    ) -> TrustedProxies.Finding {
        var request = Request(method: "GET", path: "/")
        request.address = ClientAddress(address) ?? .unknown
        request.headers =
            forwardedFor.map { ("x-forwarded-for", $0) } + forwarded.map { ("forwarded", $0) } + [("host", "x")]
        return proxies.origin(of: request)
    }

    @Test(
        "an address is read in every form that proxies write",
        arguments: [
            ("203.0.113.7", "203.0.113.7"), ("203.0.113.7:5678", "203.0.113.7"), (" 203.0.113.7\t", "203.0.113.7"),
            ("\"203.0.113.7\"", "203.0.113.7"), ("\"203.0.113.7:5678\"", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"), ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
            ("fe80::1%eth0", "fe80::1"), ("[fe80::1%eth0]:443", "fe80::1"), ("203.0.113.7:_port", "203.0.113.7"),
            ("::1", "::1"), ("\"203\\.0.113.7\"", "203.0.113.7"),
        ])
    func forms(text: String, address: String) {
        let expected = TrustedProxies.Finding(address: ClientAddress(address) ?? .unknown)
        #expect(origin([text]) == expected)
        #expect(origin([], forwarded: ["for=\(text)"]) == expected)
        #expect(origin(["192.0.2.1, \(text)"]) == expected)
        #expect(origin(["192.0.2.1", "\(text) , 10.2.3.4"]) == expected)
    }

    @Test(
        "text that names no address counts for the proxy that sent it",
        arguments: [
            "unknown", "_hidden", "_SEVKISEK", "nonsense", "203.0.113", "203.0.113.7.8", "203.0.113.256",
            "203.0.113.7:",
            "203.0.113.7:99999", "203.0.113.7:http", "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]x", "[203.0.113.7]",
            "[]", "\"203.0.113.7", "203.0.113.7%eth0", "fe80::1%", "203.0.113.7 80", "0x7f.1", "010.1.2.3:1:2",
            "http://203.0.113.7", "203.0.113.7\u{0}", ":80", "\"\"",
        ])
    func unusable(text: String) {
        let proxy = ClientAddress("10.0.0.1") ?? .unknown
        #expect(origin([text]) == .init(address: proxy, silentProxy: proxy))
        #expect(origin(["192.0.2.1, \(text)"]) == .init(address: proxy, silentProxy: proxy))
        let inner = ClientAddress("10.9.9.9") ?? .unknown
        #expect(origin(["192.0.2.1, \(text), 10.9.9.9"]) == .init(address: inner, silentProxy: inner))
    }

    @Test("the last address that is not a named proxy counts, over several headers and empty elements")
    func chains() {
        for values in [
            ["192.0.2.1, 203.0.113.7, 10.0.0.2"], ["192.0.2.1", "203.0.113.7", "10.0.0.2"],
            ["192.0.2.1,, 203.0.113.7,", "", ", ,10.0.0.2 ,"], ["unknown, 203.0.113.7"],
            ["203.0.113.7,[2001:db8:ffff::1]:80,10.1.1.1:99"],
        ] {
            #expect(origin(values) == .init(address: ClientAddress("203.0.113.7") ?? .unknown), "\(values)")
        }
        #expect(origin(["203.0.113.7"], from: "192.0.2.8").address == ClientAddress("192.0.2.8"))
        #expect(
            origin([]) == .init(address: ClientAddress("10.0.0.1") ?? .unknown, silentProxy: ClientAddress("10.0.0.1")))
        #expect(origin(["10.5.5.5"]).address == ClientAddress("10.5.5.5"))
    }

    @Test("Forwarded is read with its parameters, quotes and several elements")
    func forwarded() {
        for values in [
            ["for=192.0.2.1;proto=http;by=203.0.113.43, for=203.0.113.7"], ["For=\"203.0.113.7:4711\""],
            ["by=10.0.0.1 ; FOR = 203.0.113.7; host=\"a,b;for=192.0.2.9\""], ["for=192.0.2.1", "for=203.0.113.7"],
            ["for=_gazonk, for=203.0.113.7, for=10.0.0.9;proto=https"], ["for=203.0.113.7,,"],
            ["host=\"\\\",for=192.0.2.9\";for=203.0.113.7"],
        ] {
            #expect(origin([], forwarded: values).address == ClientAddress("203.0.113.7"), "\(values)")
        }
        for value in ["for=unknown", "proto=https", "for=192.0.2.1;for=192.0.2.2", "203.0.113.7", "for"] {
            #expect(origin([], forwarded: [value]).silentProxy == ClientAddress("10.0.0.1"), "\(value)")
        }
    }

    @Test("X-Forwarded-For takes precedence, so a client cannot choose its address with Forwarded")
    func precedence() {
        #expect(origin(["203.0.113.7"], forwarded: ["for=192.0.2.1"]).address == ClientAddress("203.0.113.7"))
        #expect(origin(["unknown"], forwarded: ["for=192.0.2.1"]).address == ClientAddress("10.0.0.1"))
    }

    @Test(
        "a network is named in CIDR notation",
        arguments: [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("192.0.2.0/31", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.0"), ("192.0.2.1", "192.0.2.1", "192.0.2.0"),
            ("128.0.0.0/1", "255.0.0.0", "127.255.255.255"), ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8:0:1::/64", "2001:db8:0:1:ffff::", "2001:db8:0:2::"),
            ("2001:db8::/65", "2001:db8::1", "2001:db8:0:0:8000::"),
            ("::1", "::1", "::2"), ("::1/128", "::1", "::"), ("fc00::/7", "fdff::1", "fe00::"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"), ("::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ])
    func networks(text: String, inside: String, outside: String) throws {
        let range = try AddressRange(text)
        let (member, other) = (try #require(ClientAddress(inside)), try #require(ClientAddress(outside)))
        #expect(range.contains(member))
        #expect(!range.contains(other))
        #expect(!range.contains(.unknown))
        #expect(try AddressRange(range.description) == range)
    }

    @Test("an invalid network is an error that says what to write")
    func invalidNetworks() {
        for (text, hint) in [
            ("10.0.0.1/8", "10.0.0.0/8"), ("192.0.2.129/25", "192.0.2.128/25"), ("2001:db8::1/32", "2001:db8::/32"),
            ("2001:db8:1:2:3::/64", "2001:db8:1:2::/64"), ("10.0.0.0/33", "0 to 32"), ("10.0.0.0/-1", "0 to 32"),
            ("10.0.0.0/", "0 to 32"), ("10.0.0.0/8/8", "0 to 32"), ("10.0.0.0/+8", "0 to 32"), ("::/129", "0 to 128"),
            ("10.0.0/8", "such as"), ("example.com", "such as"), ("", "such as"), ("/8", "such as"),
            ("0.0.0.0/0", "every address"), ("::/0", "every address"), ("::ffff:10.0.0.0/8", "96 to 128"),
            ("10.0.0.0/255.0.0.0", "0 to 32"),
        ] {
            let error = #expect(throws: AddressRange.Invalid.self, "\(text)") { try AddressRange(text) }
            #expect(error?.message.contains(hint) == true, "\(text): \(error?.message ?? "")")
        }
    }

    @Test("an IPv6 address is shortened as people write it")
    func short() throws {
        for text in ["::", "::1", "2001:db8::", "2001:db8::1", "2001:0:0:1::2", "1:2:3:4:5:6:7:8", "1:0:2:0:3:0:4:0"] {
            #expect(ClientAddress(text)?.shortDescription == text)
        }
        #expect(ClientAddress("192.0.2.1")?.shortDescription == "192.0.2.1")
    }

    @Test("a quote that the client opens cannot hide the element that the proxy appends")
    func openQuote() {
        #expect(Forwarded.hops([#"for=198.51.100.1;by="x, for=203.0.113.7"#]) == [""])
        #expect(Forwarded.hops([#"for=198.51.100.1;by="x", for=203.0.113.7"#]) == ["198.51.100.1", "203.0.113.7"])
    }

    @Test("a client cannot change its address by what it sends itself")
    func spoofing() {
        var generator = TestSeed.generator()
        let pieces = [
            "192.0.2.1", "10.0.0.2", "unknown", ",", ";", "\"", "\\", "[", "]", ":", "for=", " ", "::1", "%", "80",
        ]
        for _ in 0..<5_000 {
            let count = Int.random(in: 0...8, using: &generator)
            let sent = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined()
            #expect(origin(["\(sent), 203.0.113.7"]).address == ClientAddress("203.0.113.7"), "\(sent)")
            #expect(origin([sent, "203.0.113.7, 10.0.0.2"]).address == ClientAddress("203.0.113.7"), "\(sent)")
            #expect(
                origin([], forwarded: [sent, "for=203.0.113.7"]).address == ClientAddress("203.0.113.7"), "\(sent)")
            // In the same header, the client can only hide its address, with a quote that it does not close.
            for appended in [
                "for=203.0.113.7", "for=\"203.0.113.7:80\"", "for=203.0.113.7, for=\"[2001:db8:ffff::1]\"",
            ] {
                let found = origin([], forwarded: ["\(sent), \(appended)"]).address
                #expect(["203.0.113.7", "10.0.0.1"].contains(found.description), "\(sent), \(appended)")
            }
        }
    }

    @Test("a named proxy that sends no address is logged once")
    func silent() throws {
        let server = try RunningServer(proxies: ["127.0.0.0/8", "10.0.0.0/8"])
        func send(_ value: String?) throws {
            let headers = value.map { [("X-Forwarded-For", $0)] } ?? []
            #expect(try TestClient(server).get("/healthz", headers: headers).status == 200)
        }
        func lines() -> [Substring] {
            server.log.split(separator: "\n").filter { $0.contains("proxy_sends_no_address") }
        }
        try send("203.0.113.7")
        #expect(lines().isEmpty)
        for _ in 0..<3 {
            try send(nil)
            try send("unknown")
        }
        #expect(lines().count == 1)
        #expect(lines().first?.contains("127.0.0.1") == true)
        for host in 0..<300 { try send("unknown, 10.0.\(host / 100).\(host % 100)") }
        #expect(lines().count == 100)
    }
}
