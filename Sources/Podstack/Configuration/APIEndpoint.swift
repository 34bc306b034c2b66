#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The address of a service that a token may be sent to.
///
/// Either `https`, or `http` to loopback, without user info, query or fragment. Source: API Endpoint.
public struct APIEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// The address, without a `/` at the end.
    public let url: String

    /// The address of the Podstack service.
    public static let podstack = APIEndpoint(unchecked: "https://api.podstack.ai")

    private init(unchecked url: String) { self.url = url }

    /// Creates an endpoint from an address.
    ///
    /// - Parameters:
    ///   - text: The address.
    ///   - source: The source of the address, which an error names.
    /// - Throws: ``ConfigurationError`` when the address is invalid or not safe to send a token to.
    public init(_ text: String, from source: ClientConfiguration.Source) throws(ConfigurationError) {
        try SettingCheck.refuseToken(in: text, insteadOf: "the API endpoint", from: source)
        do { try self.init(parsing: text) } catch {
            throw ConfigurationError(message: "The API endpoint from \(source) \(error.predicate)", about: source)
        }
    }

    /// Returns what is wrong with an address, as a predicate such as `must start with https://`; nil for an endpoint.
    package static func problem(in text: String) -> String? {
        do { _ = try APIEndpoint(parsing: text) } catch { return error.predicate }
        return nil
    }

    private struct Problem: Error {
        var predicate: String
    }

    private init(parsing text: String) throws(Problem) {
        func invalid(_ predicate: String) -> Problem { Problem(predicate: predicate) }
        let trimmed = text.trimmingWhitespace()
        guard !trimmed.isEmpty else { throw invalid("is empty") }
        guard trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw invalid("contains whitespace or characters that a URL must not contain")
        }
        guard let schemeEnd = trimmed.firstRange(ofASCII: "://") else {
            throw invalid("is not a URL: it must start with https://")
        }
        let scheme = trimmed[..<schemeEnd.lowerBound].lowercased()
        guard scheme == "https" || scheme == "http" else { throw invalid("must start with https://") }
        let rest = trimmed[schemeEnd.upperBound...]
        guard !rest.contains("@") else { throw invalid("must not contain a user name or password") }
        guard !rest.contains("?"), !rest.contains("#") else { throw invalid("must not have a query or a fragment") }
        let authority = rest.prefix { $0 != "/" }
        guard let (host, port) = Self.split(authority) else { throw invalid("has no valid host and port") }
        guard scheme == "https" || host.isLoopback else {
            throw invalid("uses plain http to \(host.text): http is allowed only to this machine; use https")
        }
        var path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        guard !path.hasSuffix("/v1") else { throw invalid("must not end in /v1, which the client adds") }
        url = "\(scheme)://\(host.text)\(port.map { ":\($0)" } ?? "")\(path)"
    }

    /// The address.
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

/// The host of an endpoint, in a spelling that every URL parser reads the same way.
///
/// The host that is checked here must be the host that the transport connects to. libcurl, for example, decodes `%2e`
/// and reads `0x7f.1` and `127.0.0.01` as addresses.
private struct EndpointHost {
    /// The host in lower case; an IPv6 address in brackets.
    let text: String

    init?(_ host: Substring) {
        text = host.lowercased()
        guard text.hasPrefix("[") ? Self.isIPv6(text) : Self.isName(text) || Self.ipv4(text) != nil else { return nil }
    }

    var isLoopback: Bool { text == "localhost" || text == "[::1]" || Self.ipv4(text)?.first == 127 }

    /// Returns whether the text consists of labels of letters, digits, `-` and `_`.
    ///
    /// The last label must not start with a digit, because some parsers would read the name as an address.
    private static func isName(_ text: String) -> Bool {
        var labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // A dot at the end marks a fully qualified name.
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        guard text.utf8.count <= 254, let last = labels.last, last.first.map(isDigit) == false else { return false }
        return labels.allSatisfy { label in
            !label.isEmpty
                && label.allSatisfy {
                    (0x61...0x7A).contains($0) || isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                }
        }
    }

    /// Returns the four numbers of an address in its canonical spelling.
    private static func ipv4(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt8($0) }
        guard parts.count == 4, numbers.map(String.init) == parts.map(String.init) else { return nil }
        return numbers
    }

    private static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        return text.hasSuffix("]") && inet_pton(AF_INET6, String(text.dropFirst().dropLast()), &address) == 1
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
