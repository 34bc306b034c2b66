#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The host of an endpoint, when every reader of URLs takes it for the same one: what was checked here must be what the
/// transport connects to. libcurl for one decodes `%2e`, and knows `0x7f.1` and `127.0.0.01` for addresses.
struct EndpointHost {
    /// In lower case; an IPv6 address in its brackets.
    let text: String

    init?(_ host: Substring) {
        text = host.lowercased()
        guard text.hasPrefix("[") ? Self.isIPv6(text) : Self.isName(text) || Self.ipv4(text) != nil else { return nil }
    }

    var isLoopback: Bool { text == "localhost" || text == "[::1]" || Self.ipv4(text)?.first == 127 }

    /// Labels of letters, digits, `-` and `_`; the last one is no number, or the name may be an address to somebody.
    private static func isName(_ text: String) -> Bool {
        var labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // A dot at the end says that nothing is searched for.
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        guard text.utf8.count <= 254, let last = labels.last, last.first.map(isDigit) == false else { return false }
        return labels.allSatisfy { label in
            !label.isEmpty
                && label.allSatisfy {
                    (0x61...0x7A).contains($0) || isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                }
        }
    }

    /// Four decimal numbers, each in its only spelling.
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
