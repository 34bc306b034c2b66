/// The address of a service that may be sent a token. Source: API Endpoint.
///
/// `https`, or `http` to loopback; no user info, query or fragment.
public struct APIEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// Without a `/` at its end.
    public let url: String

    public static let podstack = APIEndpoint(unchecked: "https://api.podstack.ai")

    private init(unchecked url: String) { self.url = url }

    /// Throws ``ConfigurationError``, which names `source`, when the address is none or not safe.
    public init(_ text: String, from source: ClientConfiguration.Source) throws(ConfigurationError) {
        func refuse(_ why: String) -> ConfigurationError {
            ConfigurationError(
                message: "The API endpoint from \(source) \(why)", about: source)
        }
        let trimmed = text.trimmingWhitespace()
        guard !trimmed.isEmpty else { throw refuse("is empty") }
        guard trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw refuse("holds white space or characters that no URL has")
        }
        guard let schemeEnd = trimmed.firstRange(ofASCII: "://") else {
            throw refuse("is not a URL: it must start with https://")
        }
        let scheme = trimmed[..<schemeEnd.lowerBound].lowercased()
        guard scheme == "https" || scheme == "http" else { throw refuse("must start with https://") }
        let rest = trimmed[schemeEnd.upperBound...]
        guard !rest.contains("@") else { throw refuse("must not hold a user name or password") }
        guard !rest.contains("?"), !rest.contains("#") else { throw refuse("must not have a query or a fragment") }
        let authority = rest.prefix { $0 != "/" }
        guard let (host, port) = Self.split(authority) else { throw refuse("has no valid host and port") }
        guard scheme == "https" || host.isLoopback else {
            throw refuse("is plain http to \(host.text): a token is sent over http only to this machine, use https")
        }
        var path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        guard !path.hasSuffix("/v1") else { throw refuse("must not hold the /v1 at its end, which the client adds") }
        url = "\(scheme)://\(host.text)\(port.map { ":\($0)" } ?? "")\(path)"
    }

    public var description: String { url }

    var isSecure: Bool { url.hasPrefix("https:") }

    private static func split(_ authority: Substring) -> (host: EndpointHost, port: Int?)? {
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[...end]
            let after = authority[authority.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { return nil }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard let host = EndpointHost(host) else { return nil }
        guard let port else { return (host, nil) }
        guard port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int(port), (1...65535).contains(number)
        else { return nil }
        return (host, number)
    }
}

extension String {
    fileprivate func firstRange(ofASCII text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
