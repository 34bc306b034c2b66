/// The proxies, certificate authorities and limits of a transport.
///
/// A transport uses only what its options say, and never reads the process's environment by itself.
package struct ConnectionOptions: Sendable {
    /// The proxy for `https` URLs.
    package var secureProxy: String?
    /// The proxy for `http` URLs.
    package var plainProxy: String?
    /// The hosts that are reached without a proxy, separated by commas; `*` means all.
    package var noProxy: String?
    /// The path of a PEM file whose certificate authorities are trusted instead of the system's.
    package var certificateAuthorities: String?
    /// The end of the error for a certificate that no trusted authority signed; it says which setting to change.
    package var certificateAdvice: String?
    /// The largest number of requests that are sent at once; further requests wait in a queue.
    ///
    /// RFC 9113, section 6.5.2 recommends that every HTTP/2 server allows 100 concurrent streams. For HTTP/1.1 it is the
    /// largest number of connections.
    package var concurrency = 100
    /// The largest response body in bytes.
    package var largestBody = 16 << 20
    /// The largest size of all headers of a response in bytes, with those of its interim responses.
    package var largestHead = 256 << 10

    /// Creates options without proxies that trust the system's certificate authorities.
    package init() {}

    /// Creates options with the proxies that the conventional environment variables name.
    ///
    /// - Parameter lookUp: Returns the value of an environment variable, or nil if it is not set.
    package init(proxiesFrom lookUp: (String) -> String?) {
        func value(_ names: String...) -> String? {
            names.lazy.compactMap(lookUp).first { !$0.isEmpty }
        }
        secureProxy = value("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        // In a CGI program, HTTP_PROXY contains the header `Proxy` of a request from outside (RFC 3875, section 4.1.18).
        let plain = lookUp("REQUEST_METHOD") == nil ? value("http_proxy", "HTTP_PROXY") : value("http_proxy")
        plainProxy = plain ?? value("all_proxy", "ALL_PROXY")
        noProxy = value("no_proxy", "NO_PROXY")
    }

    /// Returns the proxy for a URL that `noProxy` does not exempt.
    ///
    /// A plain `http` request goes only to this machine, and its credential is readable on the way. So its proxy must be on
    /// this machine too; any other is ignored.
    package func proxy(isSecure: Bool) -> String? {
        guard !isSecure else { return secureProxy }
        return plainProxy.flatMap { Self.isOnThisMachine($0) ? $0 : nil }
    }

    private static func isOnThisMachine(_ proxy: String) -> Bool {
        // In `http://name:1/`, the first part that does not end with a colon is the authority.
        guard let authority = proxy.split(separator: "/").first(where: { !$0.hasSuffix(":") }) else { return false }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        if host.hasPrefix("[::1]") { return true }
        let name = host.prefix { $0 != ":" }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return name == "localhost" || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
