import Testing

@testable import PodstackServer

@Suite("The address that a server listens on", .timeLimit(.perTest))
struct ListenAddressTests {
    @Test(
        "an IP address and a port are valid",
        arguments: [
            ("127.0.0.1:8080", true, "127.0.0.1", 8080), ("localhost:0", true, "127.0.0.1", 0),
            ("[::1]:8080", true, "[::1]", 8080), ("0.0.0.0:80", false, "0.0.0.0", 80), ("[::]:443", false, "[::]", 443),
            ("127.9.9.9:65535", true, "127.9.9.9", 65535), ("[fe80::1]:1", false, "[fe80::1]", 1),
        ])
    func valid(text: String, isLoopback: Bool, host: String, port: UInt16) throws {
        let address = try ListenAddress(text)
        #expect(address.isLoopback == isLoopback)
        #expect(address.host == host)
        #expect(address.port == port)
    }

    @Test(
        "anything else is refused, and the error has an example",
        arguments: [
            ("8080", "HOST:PORT"), ("127.0.0.1", "HOST:PORT"), ("127.0.0.1:65536", "HOST:PORT"), (":80", "not a name"),
            ("example.com:443", "not a name"), ("::1:8080", "in brackets"), ("[127.0.0.1]:80", "not a name"),
            ("[::1]", "HOST:PORT"), ("[::1:80", "not a name"), ("", "HOST:PORT"),
        ])
    func invalid(text: String, reason: String) {
        let mistake = #expect(throws: ListenAddress.InvalidAddress.self) { try ListenAddress(text) }
        #expect(mistake?.message.contains(reason) == true, "\(mistake?.message ?? "")")
    }

    @Test("an IPv4 client of a socket for both families has an IPv4 address")
    func mapped() {
        #expect(ClientAddress("::ffff:127.0.0.1") == .ipv4(0x7F00_0001))
        #expect(ClientAddress("::1") == .ipv6(0, 1))
    }
}
