/// What the process's environment says about how to reach a service. A transport is told, and never looks by itself.
package struct ConnectionOptions: Sendable {
    package var secureProxy: String?
    package var plainProxy: String?
    package var noProxy: String?
    /// A file in PEM, trusted instead of the system's authorities.
    package var certificateAuthorities: String?
    /// Requests under way at once; others wait their turn. As many as every HTTP/2 service should let share a connection
    /// (RFC 9113, 6.5.2); to others it is the limit of connections.
    package var concurrency = 100
    /// Bytes of an answer's body.
    package var largestBody = 16 << 20
    /// Bytes of an answer's headers, those of interim answers included.
    package var largestHead = 256 << 10

    package init(environment: PodstackEnvironment) {
        func value(_ names: String...) -> String? {
            names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        secureProxy = value("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        // In a CGI program HTTP_PROXY is what the header `Proxy` of somebody's request says.
        let plain = environment["REQUEST_METHOD"] == nil ? value("http_proxy", "HTTP_PROXY") : value("http_proxy")
        plainProxy = plain ?? value("all_proxy", "ALL_PROXY")
        noProxy = value("no_proxy", "NO_PROXY")
        certificateAuthorities = environment[.caBundle] ?? environment[.sslCertFile]
    }

    /// The proxy for a URL, if `noProxy` does not exempt it.
    package func proxy(isSecure: Bool) -> String? {
        guard !isSecure else { return secureProxy }
        // Plain http goes only to this machine, and the token is readable on its way: so must its proxy be.
        return plainProxy.flatMap { Self.isOnThisMachine($0) ? $0 : nil }
    }

    private static func isOnThisMachine(_ proxy: String) -> Bool {
        // Of `http://name:1/` what is neither the scheme nor the path.
        guard let authority = proxy.split(separator: "/").first(where: { !$0.hasSuffix(":") }) else { return false }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        if host.hasPrefix("[::1]") { return true }
        let name = host.prefix { $0 != ":" }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return name == "localhost" || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
