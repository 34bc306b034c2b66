package import PodstackSystem

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
    /// The certificate with which the client proves its identity, and the key; both are PEM files.
    package var clientCertificate: (certificate: FilePath, key: FilePath)?
    /// The socket of this machine through which the server is reached, whatever the URL's host.
    package var unixSocket: FilePath?
    /// The end of the error for a certificate that no trusted authority signed; it says which setting to change.
    package var certificateAdvice: String?
    /// The sources of the settings above, such as `HTTPS_PROXY`, which errors name.
    package var sources = Sources()
    /// The largest number of requests that are sent at once; further requests wait in a queue.
    ///
    /// RFC 9113, section 6.5.2 recommends that every HTTP/2 server allows 100 concurrent streams. For HTTP/1.1 it is the
    /// largest number of connections.
    package var concurrency = 100
    /// The largest response body in bytes.
    package var largestBody = 16 << 20
    /// The largest size of all headers of a response in bytes, with those of its interim responses.
    package var largestHead = 256 << 10

    /// The names of the places that settings came from.
    package struct Sources: Sendable {
        package var secureProxy: String?
        package var plainProxy: String?
        package var certificateAuthorities: String?

        package init() {}
    }

    /// Creates options without proxies that trust the system's certificate authorities.
    package init() {}

    /// Creates options with the proxies that the conventional environment variables name.
    ///
    /// - Parameter lookUp: Returns the value of an environment variable, or nil if it is not set.
    package init(proxiesFrom lookUp: (String) -> String?) {
        let (secure, plain) = (ProxyVariables.secure(lookUp).first, ProxyVariables.plain(lookUp).first)
        secureProxy = secure?.value
        sources.secureProxy = secure?.name
        plainProxy = plain?.value
        sources.plainProxy = plain?.name
        noProxy = ProxyVariables.exemptions(lookUp).first?.value
    }

    // MARK: - The proxy of a request

    /// Returns the proxy for a URL that `noProxy` does not exempt.
    ///
    /// A plain `http` request goes only to this machine, and its credential is readable on the way. So its proxy must be on
    /// this machine too; any other is ignored.
    package func proxy(isSecure: Bool) -> String? {
        guard !isSecure else { return secureProxy }
        return plainProxy.flatMap { ProxyAddress.isOnThisMachine($0) ? $0 : nil }
    }

    /// Returns the proxy of a request as an error names it, such as `the proxy http://proxy:3128 set by HTTPS_PROXY`.
    ///
    /// - Parameter url: The URL of the request.
    /// - Returns: The name without a password; nil when the request uses no proxy.
    func proxyDescription(for url: String) -> String? {
        let isSecure = url.hasPrefix("https:")
        guard let proxy = proxy(isSecure: isSecure), !isExempt(ProxyAddress.host(of: url)) else { return nil }
        let source = isSecure ? sources.secureProxy : sources.plainProxy
        return "the proxy \(ProxyAddress.displayed(proxy))\(source.map { " set by \($0)" } ?? "")"
    }

    /// The file of certificate authorities as an error names it.
    package var certificateAuthoritiesDescription: String? {
        certificateAuthorities.map { file in "\(file)\(sources.certificateAuthorities.map { ", set by \($0)" } ?? "")" }
    }

    /// Returns whether a host is reached without a proxy; only the text of errors depends on it.
    private func isExempt(_ host: some StringProtocol) -> Bool {
        let host = host.lowercased()
        return (noProxy ?? "").lowercased().split { $0 == "," || $0 == " " }.contains { entry in
            let name = entry.hasPrefix(".") ? entry.dropFirst() : entry
            return name == "*" || host == name || host.hasSuffix(".\(name)")
        }
    }
}

// MARK: - Variables

/// The conventional environment variables for proxies.
///
/// An empty variable is not set, and whitespace around a value is removed.
package enum ProxyVariables {
    package typealias Found = (name: String, value: String)

    /// Returns the proxies for `https` URLs that are set, highest precedence first.
    package static func secure(_ lookUp: (String) -> String?) -> [Found] {
        found(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"], lookUp)
    }

    /// Returns the proxies for `http` URLs that are set, highest precedence first.
    package static func plain(_ lookUp: (String) -> String?) -> [Found] {
        // In a CGI program, HTTP_PROXY contains the header `Proxy` of a request from outside (RFC 3875, section 4.1.18).
        let isGateway = !found(["REQUEST_METHOD"], lookUp).isEmpty
        return found(["http_proxy"] + (isGateway ? [] : ["HTTP_PROXY"]) + ["all_proxy", "ALL_PROXY"], lookUp)
    }

    /// Returns the lists of hosts without a proxy that are set, highest precedence first.
    package static func exemptions(_ lookUp: (String) -> String?) -> [Found] {
        found(["no_proxy", "NO_PROXY"], lookUp)
    }

    private static func found(_ names: [String], _ lookUp: (String) -> String?) -> [Found] {
        names.compactMap { name in
            guard let value = lookUp(name) else { return nil }
            let scalars = value.unicodeScalars
            guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
                let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
            else { return nil }
            return (name, String(scalars[first...last]))
        }
    }
}

// MARK: - Addresses

/// The parts of the address of a proxy: `[SCHEME://][USER:PASSWORD@]HOST[:PORT]`.
package enum ProxyAddress {
    /// The schemes that libcurl understands; without one, it is `http`.
    private static let schemes = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]

    /// The reason why a text is not the address of a proxy, as the end of a sentence; nil when it is one.
    package static func problem(_ proxy: String) -> String? {
        guard proxy.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return "contains whitespace or characters that a URL must not contain"
        }
        let parts = Parts(proxy)
        if let scheme = parts.scheme, !schemes.contains(scheme.lowercased()) {
            return "must start with http://, https:// or socks5h://"
        }
        guard !host(of: proxy).isEmpty else { return "has no host" }
        if let port = parts.port, !(1...65535).contains(Int(port) ?? 0) { return "has no valid port" }
        return nil
    }

    /// Returns the address without the user name and the password.
    package static func displayed(_ proxy: String) -> String {
        let parts = Parts(proxy)
        guard parts.hasUser else { return proxy }
        return "\(parts.scheme.map { "\($0)://" } ?? "")…@\(parts.displayedHost)"
    }

    /// Returns the host of an address or of any URL.
    package static func host(of address: String) -> Substring { Parts(address).host }

    /// Returns whether a proxy is on this machine.
    package static func isOnThisMachine(_ proxy: String) -> Bool {
        let host = Parts(proxy).host
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return host == "localhost" || host == "[::1]"
            || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    private struct Parts {
        var scheme: Substring?
        var hasUser: Bool
        var hostAndPort: Substring
        /// The text after the last `@`, wherever it is.
        var displayedHost: Substring

        init(_ text: String) {
            var rest = text[...]
            if let colon = rest.firstIndex(byte: ":"), rest[colon...].hasPrefix(bytes: "://") {
                scheme = rest[..<colon]
                rest = rest[rest.utf8.index(colon, offsetBy: 3)...]
            }
            // The host that is checked must be the one that is connected to, so the last `@` counts, as in libcurl.
            // A password that contains one of the characters that end the authority is not displayed either.
            let at = rest.lastIndex(byte: "@")
            let end = rest.utf8.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
            hasUser = at != nil
            let start = rest[..<end].lastIndex(byte: "@").map { rest.utf8.index(after: $0) } ?? rest.startIndex
            hostAndPort = rest[start..<end]
            displayedHost = at.map { rest.suffix(afterByteAt: $0) } ?? hostAndPort
        }

        var host: Substring {
            if hostAndPort.hasPrefix(bytes: "["), let end = hostAndPort.firstIndex(byte: "]") {
                return hostAndPort[..<hostAndPort.utf8.index(after: end)]
            }
            return hostAndPort[..<(hostAndPort.firstIndex(byte: ":") ?? hostAndPort.endIndex)]
        }

        /// The text after the colon; nil without one.
        var port: Substring? {
            let rest = hostAndPort[host.endIndex...]
            return rest.hasPrefix(bytes: ":") ? rest.suffix(afterByteAt: rest.startIndex) : nil
        }
    }
}
