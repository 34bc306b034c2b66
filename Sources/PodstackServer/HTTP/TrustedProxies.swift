import Synchronization

/// The proxies whose headers are trusted to name the address of a client.
///
/// Each proxy appends the address of its client to `X-Forwarded-For` or `Forwarded`. So the last addresses are those of
/// trusted proxies, the one before them is the client, and the client could have written everything before that.
///
/// Source: RFC 7239, sections 4 and 6.
struct TrustedProxies: Sendable {
    private let ranges: [AddressRange]

    init(_ ranges: [AddressRange] = []) { self.ranges = ranges }

    var isEmpty: Bool { ranges.isEmpty }

    /// The address of a request, and the proxy that did not send one, if there is such a proxy.
    struct Finding: Equatable {
        /// The address for which the request counts: that of the proxy if it sent no address.
        var address: ClientAddress
        /// The trusted proxy that did not send the address of its client.
        var silentProxy: ClientAddress?
    }

    /// Returns the address of the client: the last one in the headers that is not a trusted proxy, or the address of the
    /// connection.
    ///
    /// `X-Forwarded-For` takes precedence over `Forwarded`. Almost all proxies set it, and many of them pass on a
    /// `Forwarded` that the client wrote.
    func origin(of request: Request) -> Finding {
        var address = request.address
        guard contains(address) else { return Finding(address: address) }
        let values = request.headers.filter { $0.name == "x-forwarded-for" }.map(\.value)
        let hops =
            values.isEmpty
            ? Forwarded.hops(request.headers.filter { $0.name == "forwarded" }.map(\.value))
            : values.flatMap { $0.utf8.split(separator: UInt8(ascii: ",")).map { Substring($0) } }
                .map(Forwarded.trimmed).filter { !$0.isEmpty }
        for hop in hops.reversed() {
            guard let before = Forwarded.address(hop) else { break }
            address = before
            if !contains(address) { return Finding(address: address) }
        }
        return Finding(address: address, silentProxy: address)
    }

    func contains(_ address: ClientAddress) -> Bool { ranges.contains { $0.contains(address) } }
}

/// The proxies that were reported because they send no address, so that each is reported once.
final class SilentProxies: Sendable {
    /// The most proxies that are reported: a range can contain any number.
    private static let capacity = 100

    private let reported = Mutex<Set<ClientAddress>>([])

    /// Returns whether a proxy has to be reported now.
    func isNew(_ proxy: ClientAddress) -> Bool {
        reported.withLock { $0.count < Self.capacity && $0.insert(proxy).inserted }
    }
}

/// Parses the values of `X-Forwarded-For` and `Forwarded`.
///
/// Source: RFC 7239, section 4, and the forms in which proxies write addresses in `X-Forwarded-For`.
enum Forwarded {
    /// Returns the text without the white space around it.
    static func trimmed(_ text: Substring) -> Substring {
        var text = text
        let isSpace = { (byte: UInt8?) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        while isSpace(text.utf8.first) { text = text[text.utf8.index(after: text.startIndex)...] }
        while isSpace(text.utf8.last) { text = text[..<text.utf8.index(before: text.endIndex)] }
        return text
    }

    /// Returns the address of a hop, or nil if it names none.
    ///
    /// The address may have a port, a zone, brackets and quotes: `203.0.113.7`, `203.0.113.7:5678`, `2001:db8::1`,
    /// `[2001:db8::1]`, `[2001:db8::1]:443`, `"[fe80::1%eth0]:443"`. A hop such as `unknown` or `_hidden` names none.
    static func address(_ hop: Substring) -> ClientAddress? {
        guard let hop = unquoted(trimmed(hop)) else { return nil }
        let bytes = hop.utf8
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let inner = String(hop[bytes.index(after: bytes.startIndex)..<end])
            // Only IPv6 addresses are written in brackets.
            guard inner.utf8.contains(UInt8(ascii: ":")), isPort(hop[bytes.index(after: end)...]) else { return nil }
            return ClientAddress(withZone: inner)
        }
        // An IPv6 address has at least two colons, and without brackets it has no port.
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes.lastIndex(of: UInt8(ascii: ":")) == colon
        else {
            return ClientAddress(withZone: String(hop))
        }
        guard isPort(hop[colon...]) else { return nil }
        return ClientAddress(String(hop[..<colon]))
    }

    /// Returns whether the text is empty, or a colon with a port, which may be hidden as in `:_x`.
    private static func isPort(_ text: Substring) -> Bool {
        guard !text.isEmpty else { return true }
        guard text.utf8.first == UInt8(ascii: ":") else { return false }
        let port = text.utf8.dropFirst()
        if port.first == UInt8(ascii: "_") { return port.dropFirst().allSatisfy(isObfuscated) && port.count > 1 }
        return (1...5).contains(port.count) && port.allSatisfy { (0x30...0x39).contains($0) }
            && Int(Substring(port)) ?? .max <= 65_535
    }

    private static func isObfuscated(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Returns the contents of a quoted string, or the text itself if it is not quoted; nil if a quote is not closed.
    private static func unquoted(_ text: Substring) -> Substring? {
        guard text.utf8.first == UInt8(ascii: "\"") else { return text }
        var contents: [UInt8] = []
        var rest = text.utf8.dropFirst()
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return rest.isEmpty ? trimmed(Substring(decoding: contents, as: UTF8.self)) : nil
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                contents.append(escaped)
            default: contents.append(byte)
            }
        }
        return nil
    }

    // MARK: - Forwarded

    /// Returns the `for` parameter of each element of the `Forwarded` headers, in order.
    ///
    /// An element without one, or with two, names no address and is returned as an empty text. So is a header with a
    /// quote that is not closed: the client could have opened it before the element that the proxy appended.
    static func hops(_ values: [String]) -> [Substring] {
        values.flatMap { value -> [Substring] in
            guard let elements = split(value[...], at: UInt8(ascii: ",")) else { return [""] }
            return elements.map(trimmed).filter { !$0.isEmpty }.map(address(ofElement:))
        }
    }

    private static func address(ofElement element: Substring) -> Substring {
        let names = (split(element, at: UInt8(ascii: ";")) ?? []).compactMap { pair -> Substring? in
            guard let equals = pair.utf8.firstIndex(of: UInt8(ascii: "=")),
                trimmed(pair[..<equals]).lowercased() == "for"
            else { return nil }
            return trimmed(pair[pair.utf8.index(after: equals)...])
        }
        return names.count == 1 ? names[0] : ""
    }

    /// Splits a text at each separator that is not inside a quoted string; returns nil if a quote is not closed.
    private static func split(_ text: Substring, at separator: UInt8) -> [Substring]? {
        var parts: [Substring] = []
        var (isQuoted, isEscaped) = (false, false)
        var start = text.startIndex
        for index in text.utf8.indices {
            let byte = text.utf8[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == separator, !isQuoted {
                parts.append(text[start..<index])
                start = text.utf8.index(after: index)
            }
        }
        return isQuoted ? nil : parts + [text[start...]]
    }
}
