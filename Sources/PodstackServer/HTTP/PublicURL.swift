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
            guard !host.isEmpty, host.utf8.allSatisfy(isHostCharacter) else { break }
            return scheme + host
        }
        throw InvalidURL(message: "must be a URL without a path, such as https://podstack.example.com")
    }

    /// The Host header is missing, or contains characters that are invalid in a host name.
    struct InvalidHost: Error {}

    func of(_ request: Request) throws(InvalidHost) -> String {
        if let fixed { return fixed }
        guard let host = request.header("host"), !host.isEmpty, host.utf8.allSatisfy(Self.isHostCharacter) else {
            throw InvalidHost()
        }
        return "\(isSecure ? "https" : "http")://\(host)"
    }

    /// The characters of names and addresses.
    ///
    /// A name with an underscore is not a host name of the Internet, but containers and internal networks use it.
    ///
    /// Source: RFC 3986, section 3.2.2, without percent-encoding and `sub-delims`, which no resolver knows.
    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "-")...UInt8(ascii: "."), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
