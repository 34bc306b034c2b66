/// The URL at which browsers reach the service, for links in responses.
struct PublicURL: Sendable {
    /// The URL that the operator configured, without a slash at its end; nil to use the Host header of each request.
    var fixed: String?
    /// Whether browsers use TLS.
    var isSecure = false

    /// The text is not a valid URL; the message is the end of a sentence that begins with the option.
    struct InvalidURL: Error { var message: String }

    init() {}

    /// Creates the URL of a service.
    ///
    /// - Parameters:
    ///   - fixed: The URL that the operator configured, or nil. Its scheme takes precedence over `isEncrypted`.
    ///   - isEncrypted: Whether clients use TLS, with this service or with a proxy in front of it.
    init(fixed: String?, isEncrypted: Bool) {
        self.fixed = fixed
        isSecure = fixed?.hasPrefix("https://") ?? isEncrypted
    }

    /// Returns a URL as browsers write an origin: in lower case, without a slash at its end or the default port.
    static func checked(_ text: String) throws(InvalidURL) -> String {
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")] where text.lowercased().hasPrefix(scheme) {
            var host = text.dropFirst(scheme.count).lowercased()
            if host.hasSuffix("/") { host.removeLast() }
            if host.hasSuffix(port) { host.removeLast(port.count) }
            guard isHost(host) else { break }
            return scheme + host
        }
        throw InvalidURL(message: "must be a URL without a path, such as https://podstack.example.com")
    }

    /// The Host header is missing, or contains characters that are invalid in a host name.
    struct InvalidHost: Error {}

    func of(_ request: Request) throws(InvalidHost) -> String {
        if let fixed { return fixed }
        guard let host = request.header("host"), Self.isHost(host) else { throw InvalidHost() }
        return "\(isSecure ? "https" : "http")://\(host)"
    }

    // MARK: - Hosts

    /// Returns whether text is a name or an address, with or without a port.
    ///
    /// A name with an underscore is not a host name of the Internet, but containers and internal networks use it.
    ///
    /// Source: RFC 3986, sections 3.2.2 and 3.2.3, without percent-encoding and `sub-delims`, which no resolver knows.
    static func isHost(_ text: String) -> Bool {
        let bytes = text.utf8
        let end: String.UTF8View.Index
        if bytes.first == UInt8(ascii: "[") {
            guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")),
                case .ipv6? = ClientAddress(String(text[bytes.index(after: bytes.startIndex)..<bracket]))
            else { return false }
            end = bytes.index(after: bracket)
        } else {
            end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
            guard end > bytes.startIndex, bytes[..<end].allSatisfy(isNameCharacter) else { return false }
        }
        guard end < bytes.endIndex else { return true }
        guard bytes[end] == UInt8(ascii: ":") else { return false }
        let port = bytes[bytes.index(after: end)...]
        return port.allSatisfy { (0x30...0x39).contains($0) } && (port.isEmpty || UInt16(Substring(port)) != nil)
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
