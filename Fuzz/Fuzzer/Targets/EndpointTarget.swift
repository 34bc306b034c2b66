import Glibc

@testable import Podstack

/// Endpoints: the host that is checked must be the one to which libcurl connects.
enum EndpointTarget {
    static func run(_ input: [UInt8]) {
        let text = FuzzInput.text(input)
        let endpoint: APIEndpoint
        do { endpoint = try APIEndpoint(text, from: .argument("apiEndpoint")) } catch {
            require(error.message.utf8.allSatisfy { $0 >= 0x20 }, "the reason is one line")
            return
        }
        let url = endpoint.url
        require(url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "only visible ASCII")
        require(!url.utf8.contains { "@?#\\".utf8.contains($0) }, "no user, query or fragment")
        require((try? APIEndpoint(url, from: .default))?.url == url, "read again it is the same")
        guard let (scheme, host, port) = parts(url) else { return require(false, "it has a host and a port") }
        require(scheme == "https" || (scheme == "http" && isLoopback(host)), "https, or http to this machine")

        guard let curl = CurlURL(url + "/v1/auth/whoami") else { return require(false, "libcurl takes it") }
        require(curl.user == nil && curl.query == nil && curl.fragment == nil && curl.zone == nil, "nothing besides")
        require(curl.scheme == scheme, "libcurl speaks the same protocol")
        require(curl.port == port, "libcurl connects to the same port")
        require(curl.host.map(canonical) == canonical(host), "libcurl connects to the same host")
    }

    /// Returns the parts of a URL that was accepted, without checking it again.
    private static func parts(_ url: String) -> (scheme: String, host: String, port: Int)? {
        let pieces = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard pieces.count >= 3, pieces[1].isEmpty else { return nil }
        let (scheme, authority) = (String(pieces[0].dropLast()), pieces[2])
        let standard = scheme == "https" ? 443 : 80
        guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else {
            return (scheme, String(authority), standard)
        }
        return Int(authority[authority.index(after: colon)...]).map { (scheme, String(authority[..<colon]), $0) }
    }

    /// Returns whether a host is this machine, as the C library parses addresses.
    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || canonical(host) == "[::1]" { return true }
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }

    /// Returns one spelling of a host; an IPv6 address has many.
    private static func canonical(_ host: String) -> String {
        var address = in6_addr()
        guard host.hasPrefix("["), host.hasSuffix("]"),
            inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &address) == 1
        else { return host.lowercased() }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(AF_INET6, &address, &text, socklen_t(INET6_ADDRSTRLEN))
        return "[" + String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) + "]"
    }
}
