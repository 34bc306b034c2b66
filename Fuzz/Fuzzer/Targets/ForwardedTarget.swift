@testable import PodstackServer

/// The headers in which proxies name the address of their client.
///
/// An input is one header per line: `Forwarded` if it contains `=`, `X-Forwarded-For` otherwise.
enum ForwardedTarget {
    private static let proxy = ClientAddress("10.0.0.1") ?? .unknown
    private static let client = ClientAddress("203.0.113.7") ?? .unknown

    static func run(_ input: [UInt8]) {
        let lines = input.split(separator: 0x0A).map { FuzzInput.text($0) }
        guard let range = try? AddressRange("10.0.0.0/8") else { return require(false, "the range is valid") }
        let proxies = TrustedProxies([range])
        for line in lines { compare(line) }
        let headers = lines.map { ($0.contains("=") ? "forwarded" : "x-forwarded-for", $0) }
        func origin(_ headers: [(String, String)], from address: ClientAddress = proxy) -> ClientAddress {
            var request = Request(method: "GET", path: "/")
            request.headers = headers.map { (name: $0.0, value: $0.1) }
            request.address = address
            return proxies.origin(of: request).address
        }
        require(origin(headers, from: client) == client, "headers of other hosts are ignored")
        require(origin(headers) != .unknown, "there is always an address")
        require(origin(headers + [("x-forwarded-for", "203.0.113.7")]) == client, "the proxy's header is the last")
        let appended = lines.map { ("x-forwarded-for", "\($0), 203.0.113.7:80, 10.0.0.2") }
        require(lines.isEmpty || origin(appended) == client, "nothing before the proxy's address matters")
        let forwarded = lines.map { ("forwarded", "\($0), for=203.0.113.7") }
        require([client, proxy].contains(lines.isEmpty ? client : origin(forwarded)), "nor in Forwarded")
    }

    /// Compares the parser with one that tries all forms in turn, for text in which a character is a byte.
    private static func compare(_ text: String) {
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else { return }
        require(Forwarded.address(text[...]) == naive(text), "the address of \"\(text)\"")
    }

    private static func naive(_ text: String) -> ClientAddress? {
        var text = trimmed(text)
        if text.hasPrefix("\"") {
            guard text.count > 1, text.hasSuffix("\""), !text.dropFirst().dropLast().contains("\"") else { return nil }
            text = trimmed(String(text.dropFirst().dropLast()))
        }
        var candidates = [text]
        for port in 0...text.count {
            let end = text.dropFirst(text.count - port)
            guard end.hasPrefix(":"), isPort(String(end.dropFirst())) else { continue }
            candidates.append(String(text.dropLast(port)))
        }
        for (index, candidate) in candidates.enumerated() {
            var address = candidate
            let isBracketed = address.hasPrefix("[") && address.hasSuffix("]")
            if isBracketed { address = String(address.dropFirst().dropLast()) }
            let zone = address.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            guard let found = ClientAddress(String(zone[0])) else { continue }
            let isIPv6 = zone[0].contains(":")
            let isMapped = isIPv6 && found.description.contains(".")
            if zone.count == 2, zone[1].isEmpty || !isIPv6 || isMapped { continue }
            // Without brackets, only an IPv4 address has a port; with them, only an IPv6 address is valid.
            if isBracketed ? !isIPv6 : index > 0 && isIPv6 { continue }
            return found
        }
        return nil
    }

    private static func isPort(_ text: String) -> Bool {
        if text.hasPrefix("_") {
            return text.count > 1
                && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        }
        return (1...5).contains(text.count) && text.allSatisfy { $0.isASCII && $0.isNumber }
            && Int(text) ?? 70_000 < 65_536
    }

    private static func trimmed(_ text: String) -> String {
        var text = text
        while text.hasPrefix(" ") { text.removeFirst() }
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }
}
